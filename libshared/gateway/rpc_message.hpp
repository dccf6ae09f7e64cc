// MessagePack-RPC: what a client's bytes ask for, and the bytes that answer. The protocol is ddb-rpc(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sql/session.hpp"

namespace ddb::gateway {

constexpr size_t request_bytes_max = 16 << 20;
constexpr size_t request_items_max = 100'000;  // values, containers and map keys of one request
constexpr size_t reply_bytes_max = 64 << 20;

struct ExecuteCall {
  std::string sql;
  std::vector<sql::Parameter> parameters;
};
struct CancelCall {
  uint32_t id;  // of the request to interrupt
};
struct PingCall {};
struct StatusCall {};
using Call = std::variant<ExecuteCall, CancelCall, PingCall, StatusCall>;

struct Request {
  std::optional<uint32_t> id;  // nullopt: a notification, which gets no answer
  Result<Call> call;           // usage: no such method, or other parameters than it takes
};

/// Cuts requests out of a stream of untrusted bytes. Memory: the one request in hand, which is refused as soon as its
/// headers promise more than the limits, before its items arrive.
class RequestReader {
 public:
  void feed(BytesView bytes);
  /// nullopt: more bytes are needed. bad_data or too_long: this is no client of ours, or no more; close.
  Result<std::optional<Request>> next();

 private:
  Result<bool> scan();       // true: a whole message lies in [begin_, scanned_)
  Result<bool> scan_item();  // false: it is not whole yet

  Bytes buffer_;
  size_t begin_ = 0;         // of the message in hand
  size_t scanned_ = 0;       // items before this have been counted
  size_t items_due_ = 1;     // before the message is whole
  size_t items_counted_ = 1;
};

/// [1, id, error, nil]
Bytes encode_error(uint32_t id, const sql::SqlError& error);
/// [1, id, nil, result] for ping and cancel.
Bytes encode_done(uint32_t id, bool result);
/// [1, id, nil, {name: number...}]
Bytes encode_figures(uint32_t id, const std::vector<std::pair<std::string, uint64_t>>& figures);

/// Collects what a statement returns, for one reply.
class ReplyRows : public sql::RowSink {
 public:
  Result<void> columns(std::span<const sql::ColumnInfo> columns) override;
  /// too_long: the rows exceed reply_bytes_max.
  Result<void> row(std::span<const sql::ValueView> values) override;
  /// [1, id, nil, {columns, types, rows, changes, last_insert_rowid, tag}]
  Bytes encode(uint32_t id, const sql::StatementResult& result) const;

 private:
  std::vector<sql::ColumnInfo> columns_;
  Bytes rows_;
  uint32_t row_count_ = 0;
};

}  // namespace ddb::gateway
