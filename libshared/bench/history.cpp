#include "bench/history.hpp"

#include <fmt/format.h>
#include <time.h>

#include <cerrno>
#include <cstring>

namespace ddb::bench {

namespace {

const char* name_of(Function f) {
  switch (f) {
    case Function::read: return "read";
    case Function::write: return "write";
    case Function::cas: break;
  }
  return "cas";
}

std::string json(const std::optional<uint64_t>& value) { return value ? std::to_string(*value) : "null"; }

std::string json_value(const Operation& operation) {
  if (operation.f != Function::cas) return json(operation.value);
  return "[" + json(operation.expected) + ", " + json(operation.value) + "]";
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

void History::invoke(const Operation& operation) { line(operation, "invoke"); }

void History::end(const Operation& operation, Ending ending) {
  line(operation, ending == Ending::ok ? "ok" : ending == Ending::fail ? "fail" : "info");
}

/// Keys are the bench's own: nothing in them needs escaping.
void History::line(const Operation& operation, const char* type) {
  if (file_ == nullptr) return;
  const std::string text =
      fmt::format("{{\"process\": {}, \"type\": \"{}\", \"f\": \"{}\", \"key\": \"{}\", \"value\": {}, \"time\": {}}}\n", operation.process,
                  type, name_of(operation.f), operation.key, json_value(operation), now_ns() - start_ns_);
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() && error_ == 0) error_ = errno;
}

Result<void> History::close() {
  if (file_ == nullptr) return {};
  if (std::fclose(std::exchange(file_, nullptr)) != 0 && error_ == 0) error_ = errno;
  if (error_ != 0) return fail(Code::io, "cannot write all of " + path_ + ": " + std::strerror(error_));
  return {};
}

}  // namespace ddb::bench
