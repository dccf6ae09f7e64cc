// Requests under way, each repeated exactly as it is until somebody answers it (V5, the sender's half).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "proto/range.hpp"

namespace ddb::txn {

/// To the range that holds `key`. Must be answered by reply() or no_answer() with its token.
struct Send {
  uint64_t token = 0;
  Bytes key;
  std::shared_ptr<const proto::RangeRequestBody> body;
  uint32_t repeats = 0;  // the same request was sent this often before, in vain: wait accordingly
};

struct Answer {
  proto::RangeReply reply;  // no Redirect, and no error that is worth repeating the request
  bool in_doubt = false;    // a copy of the request may have been carried out, or may yet be
};

class Calls {
 public:
  using Done = std::move_only_function<void(Answer)>;
  using CallId = uint64_t;

  CallId call(Bytes key, proto::RangeRequestBody body, Done done);
  CallId call(Bytes key, std::shared_ptr<const proto::RangeRequestBody> body, Done done);

  // Unknown tokens are late, and ignored.
  void reply(uint64_t token, proto::RangeReply reply);
  /// unknown_outcome: sent, perhaps received. Any other code: it was not sent.
  void no_answer(uint64_t token, const Error& why);

  /// What an unanswered call has met; its copy counts as carried out, unless it is still to be taken.
  struct Trouble {
    Error why;
    bool in_doubt = false;
  };
  Trouble trouble(CallId id) const;
  /// Nobody waits for its answer any more.
  void cancel(CallId id) { calls_.erase(id); }
  /// Nobody waits for any answer any more; what was not taken never leaves.
  void clear();

  std::vector<Send> take() { return std::exchange(sends_, {}); }
  bool has_sends() const { return !sends_.empty(); }
  bool idle() const { return calls_.empty(); }

 private:
  struct Call {
    uint64_t token = 0;
    Bytes key;
    std::shared_ptr<const proto::RangeRequestBody> body;
    uint32_t repeats = 0;
    Trouble trouble;
    Done done;
  };

  void send(CallId id, Call& call);
  std::map<CallId, Call>::iterator find(uint64_t token);
  void repeat(std::map<CallId, Call>::iterator at, Error why);

  std::map<CallId, Call> calls_;
  std::map<uint64_t, CallId> by_token_;
  std::vector<Send> sends_;
  CallId last_call_ = 0;
  uint64_t last_token_ = 0;
};

/// The request was turned away before it was evaluated: the same one may be answered later, or elsewhere.
bool worth_repeating(Code code);

}  // namespace ddb::txn
