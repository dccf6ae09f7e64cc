#include "bench/history.hpp"

#include <time.h>

#include <cerrno>
#include <cstring>

namespace ddb::bench {

namespace {

check::Scalar scalar(const std::optional<uint64_t>& value) { return value ? check::Scalar{static_cast<int64_t>(*value)} : check::Scalar{}; }

check::Event to_event(const Operation& operation, check::EventType type) {
  check::Step step{.key = operation.key, .value = scalar(operation.value), .expected = scalar(operation.expected)};
  check::Event event{.process = operation.process, .type = type, .workload = "register"};
  switch (operation.f) {
    case Function::read: event.f = "read"; break;
    case Function::write: event.f = "write"; step.kind = check::StepKind::write; break;
    case Function::cas: event.f = "cas"; step.kind = check::StepKind::cas; break;
  }
  event.steps.push_back(std::move(step));
  return event;
}

}  // namespace

int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

History::~History() {
  if (file_ != nullptr) std::fclose(file_);
}

Result<void> History::open(const std::string& path) {
  file_ = std::fopen(path.c_str(), "we");
  if (file_ == nullptr) return fail(Code::cannot_create, "cannot create " + path + ": " + std::strerror(errno));
  path_ = path;
  start_ns_ = now_ns();
  return {};
}

void History::invoke(const Operation& operation) {
  if (recording()) record(to_event(operation, check::EventType::invoke));
}

void History::end(const Operation& operation, Ending ending) {
  using enum check::EventType;
  if (recording()) record(to_event(operation, ending == Ending::ok ? ok : ending == Ending::fail ? fail : info));
}

void History::record(check::Event event) {
  if (!recording()) return;
  event.time_ns = now_ns() - start_ns_;
  const std::string text = to_line(event);
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() && error_ == 0) error_ = errno;
}

Result<void> History::close() {
  if (file_ == nullptr) return {};
  if (std::fclose(std::exchange(file_, nullptr)) != 0 && error_ == 0) error_ = errno;
  if (error_ != 0) return fail(Code::io, "cannot write all of " + path_ + ": " + std::strerror(error_));
  return {};
}

}  // namespace ddb::bench
