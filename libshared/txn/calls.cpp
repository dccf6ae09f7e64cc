#include "txn/calls.hpp"

#include <algorithm>
#include <utility>

namespace ddb::txn {

bool worth_repeating(Code code) {
  return code == Code::try_again || code == Code::not_leader || code == Code::unavailable;
}

Calls::CallId Calls::call(Bytes key, proto::RangeRequestBody body, Done done) {
  return call(std::move(key), std::make_shared<const proto::RangeRequestBody>(std::move(body)), std::move(done));
}

Calls::CallId Calls::call(Bytes key, std::shared_ptr<const proto::RangeRequestBody> body, Done done) {
  Call& call = calls_[++last_call_];
  call.key = std::move(key);
  call.body = std::move(body);
  call.done = std::move(done);
  send(last_call_, call);
  return last_call_;
}

void Calls::send(CallId id, Call& call) {
  call.token = ++last_token_;
  by_token_[call.token] = id;
  sends_.push_back({.token = call.token, .key = call.key, .body = call.body, .repeats = call.repeats});
}

std::map<Calls::CallId, Calls::Call>::iterator Calls::find(uint64_t token) {
  const auto id = by_token_.extract(token);
  return id ? calls_.find(id.mapped()) : calls_.end();
}

void Calls::repeat(std::map<CallId, Call>::iterator at, Error why) {
  ++at->second.repeats;
  at->second.trouble.why = std::move(why);
  send(at->first, at->second);
}

void Calls::reply(uint64_t token, proto::RangeReply reply) {
  const auto at = find(token);
  if (at == calls_.end()) return;
  if (const auto* redirect = std::get_if<proto::Redirect>(&reply)) {
    at->second.trouble.in_doubt |= redirect->in_doubt;
    return repeat(at, {Code::unavailable, "no replica leads", {}, {}});
  }
  if (auto* error = std::get_if<Error>(&reply); error != nullptr && worth_repeating(error->code)) {
    return repeat(at, std::move(*error));
  }
  Call call = std::move(calls_.extract(at).mapped());
  call.done({std::move(reply), call.trouble.in_doubt});
}

void Calls::no_answer(uint64_t token, const Error& why) {
  const auto at = find(token);
  if (at == calls_.end()) return;
  at->second.trouble.in_doubt |= why.code == Code::unknown_outcome;
  repeat(at, why);
}

Calls::Trouble Calls::trouble(CallId id) const {
  const auto at = calls_.find(id);
  if (at == calls_.end()) return {};
  Trouble trouble = at->second.trouble;
  const bool left = std::ranges::find(sends_, at->second.token, &Send::token) == sends_.end();
  trouble.in_doubt = trouble.in_doubt || left;
  return trouble;
}

void Calls::clear() {
  calls_.clear();
  by_token_.clear();
  sends_.clear();
}

}  // namespace ddb::txn
