#include "slt.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <sstream>

#include "database.hpp"

namespace ddb::test {
namespace {

constexpr size_t failures_max = 20;

/// A value as the type letter of its column shows it.
std::string show(const codec::ValueView& value, char type) {
  if (codec::is_null(value)) return "NULL";
  const std::string text = to_text(value);
  if (type == 'I') {
    const auto* real = std::get_if<double>(&value);
    return std::to_string(real != nullptr ? static_cast<int64_t>(*real) : std::strtoll(text.c_str(), nullptr, 10));
  }
  if (type == 'R') {
    char buffer[400];
    sqlite3_snprintf(sizeof buffer, buffer, "%.3f", std::strtod(text.c_str(), nullptr));  // 16 digits, as the answers
    return buffer;
  }
  std::string out = text.substr(0, text.find('\0'));  // as C prints it
  if (out.empty()) return "(empty)";
  for (char& c : out) c = c >= ' ' && c <= '~' ? c : '@';
  return out;
}

class Runner {
 public:
  Runner(sql::Session& session, std::string_view text) : session_{session} {
    std::istringstream in{std::string{text}};
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      lines_.push_back(line);
    }
  }

  SltReport run() {
    while (at_ < lines_.size() && !halted_) record();
    return std::move(report_);
  }

 private:
  static std::vector<std::string> words(const std::string& line) {
    std::istringstream in{line.substr(0, line.find('#'))};
    std::vector<std::string> out;
    for (std::string word; in >> word;) out.push_back(word);
    return out;
  }

  void record() {
    const auto head = words(lines_[at_++]);
    if (head.empty()) return;
    if (head[0] == "skipif" || head[0] == "onlyif") {
      if ((head[0] == "skipif") == (head.size() > 1 && head[1] == "sqlite")) skip_ = true;
    } else if (head[0] == "hash-threshold") {
      hash_threshold_ = static_cast<size_t>(std::stoul(head[1]));
    } else if (head[0] == "halt") {
      halted_ = !std::exchange(skip_, false);
    } else if (head[0] == "statement") {
      statement(head);
    } else if (head[0] == "query") {
      query(head);
    } else {
      fail("unknown record " + head[0]);
    }
  }

  /// Lines up to an empty one or "----".
  std::string text() {
    std::string out;
    for (; at_ < lines_.size() && !lines_[at_].empty() && lines_[at_] != "----"; ++at_) out += lines_[at_] + "\n";
    return out;
  }

  void statement(const std::vector<std::string>& head) {
    line_ = at_;
    const std::string sql = text();
    if (std::exchange(skip_, false)) return;
    ++report_.records;
    const std::string out = script(session_, sql);
    const bool failed = out.find("Error: ") != out.npos;
    const bool ok = head.size() > 1 && head[1] == "ok";
    if (failed == ok) fail((failed ? out : "succeeded: ") + sql);
  }

  void query(const std::vector<std::string>& head) {
    line_ = at_;
    const std::string sql = text();
    std::vector<std::string> expected;
    if (at_ < lines_.size() && lines_[at_] == "----") {
      for (++at_; at_ < lines_.size() && !lines_[at_].empty(); ++at_) expected.push_back(lines_[at_]);
    }
    if (std::exchange(skip_, false)) return;
    ++report_.records;
    Rows rows;
    const auto result = session_.execute(sql, {}, rows);
    if (!result) return fail(result.error().error.message + ": " + sql);
    const std::string types = head.size() > 1 ? head[1] : "T";
    const std::string sort = head.size() > 2 ? head[2] : "nosort";
    const auto values = shown(rows, types, sort);
    const auto answer = hashed(values, expected);
    if (answer != expected) {
      fail("wrong answer: " + sql + "  expected " + joined(expected) + "\n  got      " + joined(answer));
    }
    if (head.size() > 3) check_label(head[3], values);
  }

  static std::vector<std::string> shown(const Rows& rows, const std::string& types, const std::string& sort) {
    std::vector<std::vector<std::string>> table;
    for (const auto& row : rows.rows) {
      auto& out = table.emplace_back();
      for (size_t i = 0; i < row.size(); ++i) {
        out.push_back(show(codec::to_view(row[i]), i < types.size() ? types[i] : 'T'));
      }
    }
    if (sort == "rowsort") std::ranges::sort(table);
    std::vector<std::string> values;
    for (const auto& row : table) values.insert(values.end(), row.begin(), row.end());
    if (sort == "valuesort") std::ranges::sort(values);
    return values;
  }

  std::vector<std::string> hashed(const std::vector<std::string>& values, const std::vector<std::string>& expected) {
    const bool wants_hash = expected.size() == 1 && expected[0].find(" values hashing to ") != std::string::npos;
    if (!wants_hash && (hash_threshold_ == 0 || values.size() <= hash_threshold_)) return values;
    return {std::to_string(values.size()) + " values hashing to " + hash_of(values)};
  }
  static std::string hash_of(const std::vector<std::string>& values) {
    std::string all;
    for (const auto& value : values) all += value + "\n";
    return md5(all);
  }

  /// Queries of one label give one answer.
  void check_label(const std::string& label, const std::vector<std::string>& values) {
    const std::string hash = hash_of(values);
    const auto [at, fresh] = labels_.try_emplace(label, hash);
    if (!fresh && at->second != hash) fail("label " + label + " has another answer");
  }

  static std::string joined(const std::vector<std::string>& values) {
    std::string out;
    for (size_t i = 0; i < values.size() && i < 12; ++i) out += values[i] + " ";
    return values.size() > 12 ? out + "..." : out;
  }

  void fail(const std::string& message) {
    ++report_.failed;
    if (report_.failures.size() < failures_max) {
      report_.failures.push_back("line " + std::to_string(line_) + ": " + message);
    }
  }

  sql::Session& session_;
  std::vector<std::string> lines_;
  size_t at_ = 0;
  size_t line_ = 0;
  bool skip_ = false;
  bool halted_ = false;
  size_t hash_threshold_ = 0;
  std::map<std::string, std::string> labels_;
  SltReport report_;
};

}  // namespace

SltReport& SltReport::operator+=(const SltReport& other) {
  records += other.records;
  failed += other.failed;
  for (const auto& failure : other.failures) {
    if (failures.size() < failures_max) failures.push_back(failure);
  }
  return *this;
}

SltReport run_slt(sql::Session& session, std::string_view text) { return Runner{session, text}.run(); }

std::string md5(std::string_view bytes) {
  static constexpr int rotations[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::string padded{bytes};
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  const uint64_t bits = bytes.size() * 8;
  for (int i = 0; i < 8; ++i) padded += static_cast<char>(bits >> (8 * i));
  for (size_t block = 0; block < padded.size(); block += 64) {
    uint32_t word[16];
    std::memcpy(word, padded.data() + block, 64);  // little-endian machines
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (uint32_t i = 0; i < 64; ++i) {
      uint32_t f = 0;
      uint32_t g = 0;
      switch (i / 16) {
        case 0: f = (b & c) | (~b & d); g = i; break;
        case 1: f = (d & b) | (~d & c); g = (5 * i + 1) % 16; break;
        case 2: f = b ^ c ^ d; g = (3 * i + 5) % 16; break;
        default: f = c ^ (b | ~d); g = 7 * i % 16;
      }
      const auto sine = static_cast<uint32_t>(std::floor(std::abs(std::sin(i + 1.0)) * 4294967296.0));
      const uint32_t sum = a + f + sine + word[g];
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, rotations[i / 16][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  return to_hex({reinterpret_cast<const char*>(state), 16});
}

}  // namespace ddb::test
