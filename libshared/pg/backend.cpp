#include "pg/backend.hpp"

#include <algorithm>

#include "base/overloaded.hpp"
#include "pg/backend_inside.hpp"
#include "pg/scan.hpp"
#include "pg/values.hpp"

namespace ddb::pg {

namespace {

/// Characters of UTF-8: bytes that continue none.
size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

Backend::Backend(Surroundings surroundings) : surroundings_{std::move(surroundings)} {
  environment_.settings = &settings_;
  environment_.schema = surroundings_.schema;
  environment_.unix_microseconds = surroundings_.unix_microseconds;
  environment_.process = surroundings_.process;
}
Backend::~Backend() = default;

void Backend::interrupt() {
  if (session_) session_->interrupt();
}

bool Backend::work() {
  while (!over_ && !gone_) {
    const Message* next = reader_.peek();
    if (execute_ && next != nullptr) {  // T2: what comes next is known
      const Execute execute_now = *std::exchange(execute_, {});
      const bool alone = std::holds_alternative<Sync>(*next);
      if (auto done = execute(execute_now, alone); !done) {
        fail(done.error());
        skipping_ = true;
      }
      continue;
    }
    auto message = reader_.next();
    if (!message) {
      say_goodbye(message.error().code == Code::too_long ? "54000" : "08P01", message.error().message);
      break;
    }
    if (!*message) break;
    if (!handle(**std::move(message))) over_ = true;
  }
  flush();
  return !over_ && !gone_;
}

bool Backend::flush() {
  if (!out_.empty() && !gone_) gone_ = !surroundings_.send(std::exchange(out_, {}));
  return !gone_;
}

void Backend::say_goodbye(std::string sqlstate, std::string reason) {
  put_report(out_, {.severity = Severity::fatal, .sqlstate = std::move(sqlstate), .message = std::move(reason), .hint = {}});
  flush();
  over_ = true;
}

/// `text`: what the client sent, in which the statement begins at `offset`.
void Backend::fail(SqlError error, std::string_view text, size_t offset) {
  Report report{.severity = Severity::error, .sqlstate = error.sqlstate, .message = error.error.message, .hint = error.error.hint};
  if (error.position && !text.empty()) report.position = characters(text.substr(0, offset + error.position->offset)) + 1;
  put_report(out_, report);
  failed();
}

void Backend::notice(Severity severity, std::string sqlstate, std::string message) {
  put_report(out_, {.severity = severity, .sqlstate = std::move(sqlstate), .message = std::move(message), .hint = {}});
}

void Backend::ready() {
  for (const auto& [name, value] : settings_.take_changes()) put_parameter_status(out_, name, value);
  put_ready(out_, status());
  flush();
}

bool Backend::handle(Message message) {
  if (copy_ && copy_in(message)) return true;
  const bool extended = std::holds_alternative<Parse>(message) || std::holds_alternative<Bind>(message) || std::holds_alternative<Describe>(message) ||
                        std::holds_alternative<Execute>(message) || std::holds_alternative<Close>(message) || std::holds_alternative<Malformed>(message);
  if (skipping_ && (extended || std::holds_alternative<Flush>(message))) return true;
  const auto answer = [&](SqlResult<void> done) {
    if (done) return true;
    fail(done.error(), std::holds_alternative<Parse>(message) ? std::string_view{std::get<Parse>(message).sql} : std::string_view{});
    skipping_ = true;
    return true;
  };
  return std::visit(
      Overloaded{
          [&](SslRequest) { return out_ += 'N', flush(); },
          [&](GssRequest) { return out_ += 'N', flush(); },
          [&](const CancelRequest& cancel) { return surroundings_.cancel(cancel), false; },
          [&](const Startup& startup) { return start(startup), true; },
          [&](SimpleQuery& query) { return begin_query(std::move(query)), true; },
          [&](Parse& parse_now) { return answer(parse(parse_now)); },
          [&](Bind& bind_now) { return answer(bind(std::move(bind_now))); },
          [&](const Describe& describe_now) { return answer(describe(describe_now)); },
          [&](const Close& close_now) { return answer(close(close_now)); },
          [&](Execute& execute_later) { return execute_ = std::move(execute_later), true; },
          [&](Flush) { return flush(); },
          [&](Sync) { return sync(), true; },
          [&](Terminate) { return false; },
          // A client that has not heard yet that its COPY failed.
          [&](const CopyData&) { return true; },
          [&](CopyDone) { return true; },
          [&](const CopyFail&) { return true; },
          [&](const Malformed& malformed) { return answer(refuse("08P01", malformed.reason)); },
      },
      message);
}

void Backend::start(const Startup& message) {
  if (message.minor > 0) {  // NegotiateProtocolVersion: 3.0 it is
    MessageWriter reply{out_, 'v'};
    reply.u32(0);
    reply.u32(0);
    reply.end();
  }
  for (const auto& [name, value] : message.parameters) {
    if (auto valid = check_utf8(name + value); !valid) return say_goodbye("22021", valid.error().error.message);
    if (name == "user") environment_.user = value;
    else if (name == "database") environment_.database = value;
    else if (name == "replication" || name == "options" || name.starts_with("_pq_.")) continue;
    else if (auto set = settings_.set(name, value); !set) return say_goodbye(set.error().sqlstate, set.error().error.message);
  }
  if (environment_.user.empty()) return say_goodbye("28000", "no PostgreSQL user name specified in startup packet");
  if (environment_.database.empty()) environment_.database = environment_.user;
  settings_.initialize("session_authorization", environment_.user);
  put_authentication_ok(out_);
  (void)settings_.take_changes();
  for (const auto& [name, value] : settings_.reported()) put_parameter_status(out_, name, value);
  put_key(out_, surroundings_.process, surroundings_.secret);
  ready();
}

void Backend::begin_query(SimpleQuery message) {
  skipping_ = false;
  portals_.erase("");
  statements_.erase("");
  query_ = std::make_unique<Query>();
  query_->text = std::move(message.sql);
  if (auto valid = check_utf8(query_->text); !valid) {
    fail(valid.error());
    query_.reset();
    return ready();
  }
  query_->statements = split(query_->text);
  if (query_->statements.empty()) put_plain(out_, 'I');
  run_query();
}

/// Until a COPY asks for data; then it goes on behind that.
void Backend::run_query() {
  while (query_ && query_->next < query_->statements.size()) {
    const std::string_view text = query_->statements[query_->next++];
    const bool alone = query_->statements.size() == 1;
    auto statement = Statement::make(text);
    SqlResult<void> done;
    if (!statement) {
      done = std::unexpected(statement.error());
    } else if (const auto* copy = std::get_if<CopyCommand>(&(*statement)->command); copy != nullptr && copy->from) {
      done = ready_to_run(**statement);
      if (done) done = begin_copy_in(*copy);
      if (done) return;
    } else {
      Portal portal{.statement = *statement, .describe = true};
      Rows rows{*this, portal, UINT64_MAX};
      auto tag = run(**statement, {}, rows, alone);
      if (tag) put_command_complete(out_, *tag);
      else done = std::unexpected(tag.error());
    }
    if (done) continue;
    fail(done.error(), query_->text, static_cast<size_t>(text.data() - query_->text.data()));
    query_->next = query_->statements.size();
  }
  if (auto ended = end_implicit(); !ended) fail(ended.error());
  query_.reset();
  ready();
}

}  // namespace ddb::pg
