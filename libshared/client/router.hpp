// From a key to the node that answers for it.
#pragma once

#include <map>
#include <memory>

#include "client/channel.hpp"
#include "client/range_cache.hpp"
#include "proto/admin.hpp"

namespace ddb::client {

struct RouterOptions {
  Duration attempt_timeout = std::chrono::milliseconds{1500};  // a node that is silent this long is left
  ChannelOptions channel{};
  Figures* figures = nullptr;  // counts there; outlives it
};

/// Sends each request once, to the replica that most likely leads, and learns from the answer. Whether to send it
/// again is the caller's to decide (txn::Coordinator); when, is decided here: after a pause that grows with `repeats`.
class Router {
 public:
  Router(RangeCache& cache, net::Loop& loop, const net::Identity& identity, const RouterOptions& options = {});
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// To the range that holds `key`. Calls back by `deadline` at the latest. A Redirect has been learnt from already.
  /// Errors: wrong_range, too_long: the request does not lie within that range, or in a frame; unavailable, try_again: it
  /// was not sent; unknown_outcome: it was, and there is no answer.
  void send(const Bytes& key, std::shared_ptr<const proto::RangeRequestBody> body, uint32_t repeats, Instant deadline,
            Done<proto::RangeReply> done);

  /// To the process at `address` itself; once.
  void ask(const net::Address& address, const proto::AdminRequest& request, Duration timeout, Done<proto::AdminReply> done);

  /// Requests that were not answered yet.
  size_t under_way() const;

  RangeCache& cache();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::client
