#include "txn/validation.hpp"

#include <memory>
#include <utility>

namespace ddb::txn {

namespace {

constexpr int reroutes_max = 64;  // times that ranges may change under one validation

Error error_of(proto::RangeReply& reply) {
  auto* error = std::get_if<Error>(&reply);
  return error != nullptr ? std::move(*error) : Error{Code::bad_data, "a node's reply is not of the kind asked for", {}, {}};
}

class Validator : public std::enable_shared_from_this<Validator> {
 public:
  Validator(Calls& calls, const Ranges& ranges, const Validation& what, ValidationEvents events)
      : calls_{calls}, ranges_{ranges}, attempt_{what.attempt}, read_ts_{what.read_ts}, at_{what.at}, events_{std::move(events)} {}

  void ask(const std::vector<env::KeySpan>& spans) {
    auto parts = cut(ranges_, {}, spans);
    left_ += parts.size();
    for (Part& part : parts) ask_range(std::move(part.read_spans));
  }

 private:
  void ask_range(std::vector<env::KeySpan> spans) {
    const Bytes key = spans.front().start;
    calls_.call(key, proto::ValidateRequest{attempt_, read_ts_, at_, spans}, [self = shared_from_this(), spans](Answer answer) {
      if (!self->over_) self->answered(spans, std::move(answer.reply));
    });
  }

  void answered(const std::vector<env::KeySpan>& spans, proto::RangeReply reply) {
    if (const auto* locked = std::get_if<proto::Locked>(&reply)) {
      return events_.met(*locked, [self = shared_from_this(), spans] {
        if (!self->over_) self->ask_range(spans);
      });
    }
    if (!std::holds_alternative<proto::Done>(reply)) {
      Error error = error_of(reply);
      if (error.code != Code::wrong_range || ++reroutes_ > reroutes_max) return fail(std::move(error));
      ask(spans);
    }
    if (--left_ > 0) return;
    over_ = true;
    events_.passed();
  }

  void fail(Error error) {
    over_ = true;
    events_.failed(std::move(error));
  }

  Calls& calls_;
  const Ranges& ranges_;
  const proto::Attempt attempt_;
  const Timestamp read_ts_;
  const Timestamp at_;
  const ValidationEvents events_;
  size_t left_ = 0;  // requests without their answer
  int reroutes_ = 0;
  bool over_ = false;
};

}  // namespace

void validate(Calls& calls, const Ranges& ranges, Validation what, ValidationEvents events) {
  if (what.spans.empty()) return events.passed();
  std::make_shared<Validator>(calls, ranges, what, std::move(events))->ask(what.spans);
}

}  // namespace ddb::txn
