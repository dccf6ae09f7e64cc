#include "lmdb/snapshot.hpp"

namespace ddb::lmdb {

namespace {

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};
using CursorGuard = std::unique_ptr<MDB_cursor, CloseCursor>;

class LmdbSnapshot final : public Snapshot {
 public:
  LmdbSnapshot(const Environment& env, ReadTxn txn) : env_{env}, txn_{std::move(txn)} {}

  Result<std::optional<Bytes>> get(env::Table table, BytesView key) override {
    const auto value = txn_.get(env_.table(table), key);
    if (!value) return std::unexpected(value.error());
    if (!*value) return std::nullopt;
    return Bytes{**value};
  }

  Result<void> read(std::vector<env::TableSpan>& spans, size_t bytes_max, env::WriteBatch& chunk) override {
    size_t bytes = 0;
    while (!spans.empty() && bytes < bytes_max) {
      auto whole = read_span(spans.front(), bytes_max, bytes, chunk);
      if (!whole) return std::unexpected(whole.error());
      if (*whole) spans.erase(spans.begin());
    }
    return {};
  }

 private:
  /// True: the span is used up. Else it starts at the first row not read.
  Result<bool> read_span(env::TableSpan& span, size_t bytes_max, size_t& bytes, env::WriteBatch& chunk) {
    MDB_cursor* raw = nullptr;
    int rc = mdb_cursor_open(txn_.handle(), env_.table(span.table), &raw);
    if (rc != 0) return lmdb_error("read", rc);
    const CursorGuard cursor{raw};
    MDB_val key = to_val(span.start);
    MDB_val value{};
    rc = mdb_cursor_get(raw, &key, &value, span.start.empty() ? MDB_FIRST : MDB_SET_RANGE);
    for (; rc == 0; rc = mdb_cursor_get(raw, &key, &value, MDB_NEXT)) {
      if (!span.end.empty() && to_view(key) >= span.end) return true;
      if (bytes >= bytes_max) {
        span.start = to_view(key);
        return false;
      }
      chunk.put(span.table, Bytes{to_view(key)}, Bytes{to_view(value)});
      bytes += key.mv_size + value.mv_size;
    }
    if (rc != MDB_NOTFOUND) return lmdb_error("read", rc);
    return true;
  }

  const Environment& env_;
  ReadTxn txn_;
};

}  // namespace

Result<std::unique_ptr<Snapshot>> open_snapshot(const Environment& env) {
  auto txn = ReadTxn::begin(env);
  if (!txn) return std::unexpected(txn.error());
  return std::make_unique<LmdbSnapshot>(env, std::move(*txn));
}

}  // namespace ddb::lmdb
