#include "pg/datetime.hpp"

#include <fmt/format.h>

#include <chrono>

namespace ddb::pg {

namespace {

using namespace std::chrono;

constexpr sys_days epoch = year{2000} / 1 / 1;
constexpr int64_t day_min = (sys_days{year{1} / 1 / 1} - epoch).count();
constexpr int64_t day_max = (sys_days{year{9999} / 12 / 31} - epoch).count();
constexpr int64_t microseconds_a_day = 86'400'000'000;

/// Takes digits and signs from the left.
class Cutter {
 public:
  explicit Cutter(std::string_view text) : rest_{text} {}
  bool accept(char c) {
    const bool found = rest_.starts_with(c);
    if (found) rest_.remove_prefix(1);
    return found;
  }
  /// Exactly so many digits.
  std::optional<int64_t> digits(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int64_t value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<int64_t> take_days(Cutter& in) {
  const auto y = in.digits(4);
  if (!y || !in.accept('-')) return std::nullopt;
  const auto m = in.digits(2);
  if (!m || !in.accept('-')) return std::nullopt;
  const auto d = in.digits(2);
  if (!d) return std::nullopt;
  const year_month_day date{year{static_cast<int>(*y)}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok() || *y == 0) return std::nullopt;
  return (sys_days{date} - epoch).count();
}

/// hh:mm[:ss[.ffffff]] in microseconds.
std::optional<int64_t> take_time(Cutter& in) {
  const auto h = in.digits(2);
  if (!h || *h > 24 || !in.accept(':')) return std::nullopt;
  const auto m = in.digits(2);
  if (!m || *m > 59) return std::nullopt;
  int64_t total = (*h * 60 + *m) * 60'000'000;
  if (!in.accept(':')) return total;
  const auto s = in.digits(2);
  if (!s || *s > 60) return std::nullopt;
  total += *s * 1'000'000;
  if (!in.accept('.')) return total;
  for (int64_t unit = 100'000; in.at_digit(); unit /= 10) total += *in.digits(1) * unit;
  return total;
}

/// What a zone adds to UTC, in microseconds.
std::optional<int64_t> take_zone(Cutter& in) {
  if (in.accept('Z')) return 0;
  const bool east = in.accept('+');
  if (!east && !in.accept('-')) return 0;
  const auto h = in.digits(2);
  if (!h) return std::nullopt;
  const bool colon = in.accept(':');
  const auto m = colon || in.at_digit() ? in.digits(2) : 0;
  if (!m) return std::nullopt;
  const int64_t offset = (*h * 60 + *m) * 60'000'000;
  return east ? offset : -offset;
}

}  // namespace

std::optional<std::string> date_text(int32_t days_since) {
  if (days_since < day_min || days_since > day_max) return std::nullopt;
  const year_month_day date{sys_days{days{(epoch.time_since_epoch().count()) + int64_t{days_since}}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<std::string> timestamp_text(int64_t since, bool zone) {
  const int64_t day = since / microseconds_a_day - (since % microseconds_a_day < 0 ? 1 : 0);
  const int64_t rest = since - day * microseconds_a_day;
  const int64_t second = rest / 1'000'000;
  const auto date = date_text(static_cast<int32_t>(day));  // 64 bits of microseconds are few enough days
  if (!date) return std::nullopt;
  std::string out = fmt::format("{} {:02}:{:02}:{:02}", *date, second / 3600, second / 60 % 60, second % 60);
  if (const int64_t fraction = rest % 1'000'000; fraction != 0) {
    out += fmt::format(".{:06}", fraction);
    out.resize(out.find_last_not_of('0') + 1);
  }
  return zone ? out + "+00" : out;
}

std::optional<int64_t> date_number(std::string_view text) {
  Cutter in{text};
  const auto date = take_days(in);
  return in.done() ? date : std::nullopt;
}

std::optional<int64_t> timestamp_number(std::string_view text) {
  Cutter in{text};
  const auto date = take_days(in);
  if (!date) return std::nullopt;
  if (in.done()) return *date * microseconds_a_day;
  if (!in.accept(' ') && !in.accept('T')) return std::nullopt;
  const auto time = take_time(in);
  const auto zone = time ? take_zone(in) : std::nullopt;
  if (!zone || !in.done()) return std::nullopt;
  return *date * microseconds_a_day + *time - *zone;
}

}  // namespace ddb::pg
