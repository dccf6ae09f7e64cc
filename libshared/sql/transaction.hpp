// One transaction of a session: schema version, snapshot, buffered writes, savepoints.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "env/kv.hpp"
#include "sql/catalog.hpp"
#include "sql/reader.hpp"
#include "sql/write_buffer.hpp"

namespace ddb::sql {

/// A transaction that begins with its first request: what reads nothing and writes nothing asks nobody.
class LazyTxn final : public env::KvTxn {
 public:
  explicit LazyTxn(env::Kv& kv) : kv_{kv} {}

  bool begun() const { return txn_ != nullptr; }
  Timestamp read_ts() const override { return txn_ ? txn_->read_ts() : Timestamp{}; }
  Result<std::vector<std::optional<Bytes>>> get(std::span<const Bytes> keys) override;
  Result<env::ScanPage> scan(const env::ScanRequest& request) override;
  Result<Timestamp> commit(std::vector<env::Write> writes) override;

 private:
  Result<void> begin();

  env::Kv& kv_;
  std::unique_ptr<env::KvTxn> txn_;
};

/// Not thread-safe. Dropped without commit(), it has not happened.
class Transaction {
 public:
  Transaction(env::Kv& kv, SchemaPin pin) : pin_{std::move(pin)}, txn_{kv} {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  const Schema& schema() const { return *pin_.schema(); }
  WriteBuffer& buffer() { return buffer_; }
  Reader& reader() { return reader_; }

  /// Of these keys, which are believed absent, the first that the snapshot holds: Code::exists, detail = key.
  Result<void> check_absent(const std::vector<Bytes>& keys);

  /// Over, either way. Code::exists: a key that an INSERT believed absent is there; detail = key.
  Result<void> commit();

  struct Savepoint {
    std::string name;
    WriteBuffer::Mark mark;
  };
  void add_savepoint(std::string name) { savepoints_.push_back({std::move(name), buffer_.mark()}); }
  /// The newest savepoint of that name becomes the newest of all; false: there is none.
  bool roll_back_to(std::string_view name);
  /// The savepoint and all newer ones are forgotten; false: there is none.
  bool release(std::string_view name);
  bool has_savepoints() const { return !savepoints_.empty(); }

 private:
  std::vector<Savepoint>::iterator find(std::string_view name);

  SchemaPin pin_;
  LazyTxn txn_;
  WriteBuffer buffer_;
  Reader reader_{txn_, buffer_};
  std::vector<Savepoint> savepoints_;
};

}  // namespace ddb::sql
