// One transaction of a session: schema version, snapshot, buffered writes, savepoints.
#pragma once

#include <memory>
#include <optional>
#include <set>
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
  /// `as_of`: what it reads at; zero: when it begins.
  explicit LazyTxn(env::Kv& kv, Timestamp as_of = {}) : kv_{kv}, as_of_{as_of} {}

  bool begun() const { return txn_ != nullptr; }
  Timestamp read_ts() const override { return txn_ ? txn_->read_ts() : Timestamp{}; }
  Result<std::vector<std::optional<Bytes>>> get(std::span<const Bytes> keys) override;
  Result<std::optional<Bytes>> get_for_update(const Bytes& key) override;
  Result<env::ScanPage> scan(const env::ScanRequest& request) override;
  void leave(const env::KeySpan& rest) override;
  void trace(std::vector<env::ReadTrace>* to) override;
  Result<Timestamp> commit(std::vector<env::Write> writes) override;

 private:
  Result<void> begin();

  env::Kv& kv_;
  const Timestamp as_of_;
  std::vector<env::ReadTrace>* trace_ = nullptr;
  std::unique_ptr<env::KvTxn> txn_;
};

/// Not thread-safe. Dropped without commit(), it has not happened.
class Transaction {
 public:
  /// `as_of` other than zero: it only reads, at that timestamp.
  Transaction(env::Kv& kv, SchemaPin pin, Timestamp as_of = {}) : pin_{std::move(pin)}, as_of_{as_of}, txn_{kv, as_of} {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Lets go of the schema version while DDL runs; nothing may be read or written until repin().
  void unpin() { pin_.release(); }
  /// Goes on under a newer version, after DDL of its own that created or dropped `object`. conflict: a table that `before`
  /// had is another now by more than that, so that neither the snapshot nor what was written fits it.
  Result<void> repin(const Schema& before, SchemaPin pin, std::string_view object);

  bool only_reads() const { return static_cast<bool>(as_of_); }
  WriteBuffer& buffer() { return buffer_; }
  Reader& reader() { return reader_; }
  void trace(std::vector<env::ReadTrace>* to) { txn_.trace(to); }

  /// Of these keys, which are believed absent, the first that the snapshot holds: Code::exists, detail = key.
  Result<void> check_absent(const std::vector<Bytes>& keys);

  /// Over, either way. Code::exists: a key that an INSERT believed absent is there; detail = key.
  Result<void> commit();

  /// `objects`: how many schema objects the transaction had created.
  void add_savepoint(std::string name, size_t objects) {
    savepoints_.push_back({std::move(name), buffer_.mark(), objects});
  }
  /// The newest savepoint of that name becomes the newest of all. Its `objects`; nullopt: there is none.
  std::optional<size_t> roll_back_to(std::string_view name);
  /// The savepoint and all newer ones are forgotten; false: there is none.
  bool release(std::string_view name);
  std::vector<std::string> savepoint_names() const;  // oldest first
  bool has_savepoints() const { return !savepoints_.empty(); }

 private:
  struct Savepoint {
    std::string name;
    WriteBuffer::Mark mark;
    size_t objects;
  };
  bool still_fits(const Table& before, const Table* now, std::string_view object) const;
  std::vector<Savepoint>::iterator find(std::string_view name);

  SchemaPin pin_;
  const Timestamp as_of_;
  LazyTxn txn_;
  WriteBuffer buffer_;
  Reader reader_{txn_, buffer_};
  std::vector<Savepoint> savepoints_;
  std::set<uint64_t> created_;  // tables younger than the snapshot: it holds no row of theirs
};

}  // namespace ddb::sql
