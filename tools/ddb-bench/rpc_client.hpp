// One session at a gateway, over MessagePack-RPC. The protocol is ddb-rpc(5).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "codec/value.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"

namespace ddb::bench {

using Parameters = std::vector<std::pair<std::string, std::variant<uint64_t, std::string>>>;  // by name
using Rows = std::vector<std::vector<codec::Value>>;

class RpcClient {
 public:
  using Done = std::function<void(Result<void>)>;
  using DoneRows = std::function<void(Result<Rows>)>;

  RpcClient(net::Loop& loop, const net::Address& gateway, Duration timeout);
  ~RpcClient();
  RpcClient(const RpcClient&) = delete;
  RpcClient& operator=(const RpcClient&) = delete;

  /// One at a time; a callback may begin the next, not destroy the client. Connects when there is no connection. Errors: those of the gateway; unavailable: not sent;
  /// unknown_outcome: no answer in time, or the connection broke. After these two the session is another one.
  void execute(const std::string& sql, const Parameters& parameters, Done done);
  /// The same, for who wants the rows.
  void query(const std::string& sql, const Parameters& parameters, DoneRows done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::bench
