// Transaction blocks, and the implicit transactions between them (T1, T3).
#include "pg/backend_inside.hpp"

namespace ddb::pg {

Status Backend::status() const {
  if (!block_) return Status::idle;
  return failed_ ? Status::failed : Status::transaction;
}

SqlResult<void> Backend::begin_implicit() {
  if (block_ || implicit_) return {};
  if (auto opened = open_session(); !opened) return opened;
  if (auto begun = session_->execute("BEGIN"); !begun) return std::unexpected(begun.error());
  implicit_ = true;
  settings_.begin();
  return {};
}

SqlResult<void> Backend::end_implicit() {
  if (!std::exchange(implicit_, false)) return {};
  auto committed = session_->execute("COMMIT");
  if (!committed) session_->rollback();
  forget_transaction(committed.has_value());
  if (!committed) return std::unexpected(committed.error());
  return {};
}

void Backend::forget_transaction(bool committed) {
  block_ = false;
  failed_ = false;
  implicit_ = false;
  portals_.clear();
  settings_.end(committed);
}

/// A statement has.
void Backend::failed() {
  if (block_) {
    failed_ = true;
  } else if (implicit_) {
    session_->rollback();
    forget_transaction(false);
  }
}

SqlResult<void> Backend::start_block(std::optional<bool> read_only) {
  if (!implicit_) {
    if (auto begun = begin_implicit(); !begun) return begun;
  }
  implicit_ = false;
  block_ = true;
  if (read_only) return settings_.set("transaction_read_only", *read_only ? "on" : "off");
  return {};
}

Backend::Tag Backend::begin(const BeginCommand& command) {
  if (block_) {
    notice(Severity::warning, "25001", "there is already a transaction in progress");
  } else if (auto started = start_block(command.read_only); !started) {
    return std::unexpected(started.error());
  }
  return command.tag;
}

Backend::Tag Backend::end(const EndCommand& command) {
  const bool commit = command.commit && !failed_;
  if (!block_) {
    notice(Severity::warning, "25P01", "there is no transaction in progress");
    if (!implicit_) return commit ? "COMMIT" : "ROLLBACK";
  }
  const bool was_block = block_;
  auto committed = commit ? session_->execute("COMMIT") : sql::SqlResult<sql::StatementResult>{};
  if (!commit || !committed) session_->rollback();  // a deferred constraint that fails ends the transaction
  forget_transaction(commit && committed);
  if (!committed) return std::unexpected(committed.error());
  if (command.chain && was_block) {
    if (auto started = start_block(std::nullopt); !started) return std::unexpected(started.error());
  }
  return commit ? "COMMIT" : "ROLLBACK";
}

}  // namespace ddb::pg
