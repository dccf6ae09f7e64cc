#include "lmdb/environment.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/assert.hpp"

namespace ddb::lmdb {

namespace {

// Names are on disk: never reuse.
constexpr std::array<const char*, env::table_count + 1> table_names{"range", "data", "lock", "txn", "store"};
constexpr unsigned readers_max = 126;

Result<std::optional<BytesView>> get_value(MDB_txn* txn, MDB_dbi table, BytesView key) {
  MDB_val k = to_val(key);
  MDB_val v{};
  const int rc = mdb_get(txn, table, &k, &v);
  if (rc == MDB_NOTFOUND) return std::nullopt;
  if (rc != 0) return lmdb_error("read", rc);
  return to_view(v);
}

}  // namespace

std::unexpected<Error> lmdb_error(const std::string& what, int rc) {
  const std::string message = "cannot " + what + " the state: " + mdb_strerror(rc);
  switch (rc) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return fail(Code::store_full, message, "make space");
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_PANIC:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID: return fail(Code::bad_data, message, "replace the store by an empty one and let it be rebuilt");
    default: return fail(Code::io, message);
  }
}

Result<std::unique_ptr<Environment>> Environment::open(const std::string& directory, uint64_t map_bytes) {
  std::unique_ptr<Environment> out{new Environment};
  if (const int rc = mdb_env_create(&out->env_); rc != 0) return lmdb_error("open", rc);
  mdb_env_set_mapsize(out->env_, map_bytes);
  mdb_env_set_maxdbs(out->env_, table_names.size());
  mdb_env_set_maxreaders(out->env_, readers_max);
  // MDB_NOTLS: a snapshot is opened by the core and read by another thread.
  if (const int rc = mdb_env_open(out->env_, directory.c_str(), MDB_NOTLS, 0644); rc != 0) {
    auto error = lmdb_error("open", rc);
    error.error().message = directory + ": " + error.error().message;
    return error;
  }
  auto done = out->check_length(directory);
  if (done) done = out->open_tables();
  if (!done) return std::unexpected(done.error());
  return out;
}

Environment::~Environment() { mdb_env_close(env_); }

/// A file cut short would end this process by SIGBUS at some read; better to name it now.
Result<void> Environment::check_length(const std::string& directory) const {
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  const std::string path = directory + "/data.mdb";
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return lmdb_error("examine", errno);
  if (static_cast<uint64_t>(status.st_size) < (info.me_last_pgno + 1) * stat.ms_psize)
    return fail(Code::bad_data, path + " was cut short", "replace the store by an empty one and let it be rebuilt");
  return {};
}

Result<void> Environment::open_tables() {
  MDB_txn* raw = nullptr;
  if (const int rc = mdb_txn_begin(env_, nullptr, 0, &raw); rc != 0) return lmdb_error("open", rc);
  for (size_t i = 0; i < table_names.size(); ++i) {
    if (const int rc = mdb_dbi_open(raw, table_names[i], MDB_CREATE, &tables_[i]); rc != 0) {
      mdb_txn_abort(raw);
      return lmdb_error("open a table of", rc);
    }
  }
  const int rc = mdb_txn_commit(raw);
  if (rc != 0) return lmdb_error("open the tables of", rc);
  return {};
}

Result<Environment::Room> Environment::room() const {
  auto txn = ReadTxn::begin(*this);
  if (!txn) return std::unexpected(txn.error());
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);

  constexpr MDB_dbi free_list = 0;  // each value starts with the number of pages that follow
  MDB_cursor* cursor = nullptr;
  if (const int rc = mdb_cursor_open(txn->handle(), free_list, &cursor); rc != 0) return lmdb_error("examine", rc);
  uint64_t pages = 0;
  MDB_val key{};
  MDB_val value{};
  int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
  for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) pages += *static_cast<const size_t*>(value.mv_data);
  mdb_cursor_close(cursor);
  if (rc != MDB_NOTFOUND) return lmdb_error("examine", rc);
  return Room{.free_pages = pages * stat.ms_psize,
              .unmapped = info.me_mapsize - (info.me_last_pgno + 1) * stat.ms_psize};
}

Result<WriteTxn> WriteTxn::begin(const Environment& env) {
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env.handle(), nullptr, 0, &txn); rc != 0) return lmdb_error("write", rc);
  return WriteTxn{txn};
}

Result<void> WriteTxn::put(MDB_dbi table, BytesView key, BytesView value) {
  MDB_val k = to_val(key);
  MDB_val v = to_val(value);
  if (const int rc = mdb_put(txn_, table, &k, &v, 0); rc != 0) return lmdb_error("write", rc);
  return {};
}

Result<void> WriteTxn::erase(MDB_dbi table, BytesView key) {
  MDB_val k = to_val(key);
  const int rc = mdb_del(txn_, table, &k, nullptr);
  if (rc != 0 && rc != MDB_NOTFOUND) return lmdb_error("write", rc);
  return {};
}

Result<std::optional<BytesView>> WriteTxn::get(MDB_dbi table, BytesView key) { return get_value(txn_, table, key); }

Result<void> WriteTxn::commit() {
  DDB_ASSERT(txn_ != nullptr);
  const int rc = mdb_txn_commit(std::exchange(txn_, nullptr));  // frees txn even when it fails
  if (rc != 0) return lmdb_error("commit", rc);
  return {};
}

Result<ReadTxn> ReadTxn::begin(const Environment& env) {
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env.handle(), nullptr, MDB_RDONLY, &txn); rc != 0) return lmdb_error("read", rc);
  return ReadTxn{txn};
}

Result<void> ReadTxn::renew() {
  mdb_txn_reset(txn_);
  if (const int rc = mdb_txn_renew(txn_); rc != 0) return lmdb_error("read", rc);
  return {};
}

Result<std::optional<BytesView>> ReadTxn::get(MDB_dbi table, BytesView key) const { return get_value(txn_, table, key); }

}  // namespace ddb::lmdb
