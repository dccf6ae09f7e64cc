// A store's questions to the oracle, and who waits for the answers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/result.hpp"
#include "proto/oracle.hpp"

namespace ddb::range {

struct OracleCall {
  uint64_t token = 0;
  proto::OracleRequest request;
};

/// Deterministic: tokens count up, answers come in by token. The shell retries nothing: an error or
/// the lack of an answer is the caller's to judge.
class OracleCalls {
 public:
  using Done = std::function<void(Result<proto::OracleReply>)>;

  void call(proto::OracleRequest request, Done done) {
    const uint64_t token = ++last_token_;
    waiting_.emplace(token, std::move(done));
    outgoing_.push_back({token, std::move(request)});
  }

  /// Runs whoever asked. An Error or a redirect in the reply becomes the Result's error.
  void answer(uint64_t token, Result<proto::OracleReply> reply);

  std::vector<OracleCall> take() { return std::exchange(outgoing_, {}); }
  bool empty() const { return outgoing_.empty(); }

 private:
  uint64_t last_token_ = 0;
  std::map<uint64_t, Done> waiting_;
  std::vector<OracleCall> outgoing_;
};

}  // namespace ddb::range
