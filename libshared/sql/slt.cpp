#include "sql/slt.hpp"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <boost/uuid/detail/md5.hpp>
#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>

#include "sql/statement.hpp"

namespace ddb::sql {

namespace {

constexpr size_t failures_max = 20;

/// As SQLite turns it into text.
std::string text_of(const codec::Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* blob = std::get_if<codec::Blob>(&value)) return blob->bytes;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  char buffer[64];
  sqlite3_snprintf(sizeof buffer, buffer, "%!.15g", std::get<double>(value));
  return buffer;
}

/// A value as the type letter of its column shows it.
std::string show(const codec::Value& value, char type) {
  if (codec::is_null(value)) return "NULL";
  const std::string text = text_of(value);
  const auto* real = std::get_if<double>(&value);
  if (type == 'I') return std::to_string(real != nullptr ? static_cast<int64_t>(*real) : std::strtoll(text.c_str(), nullptr, 10));
  if (type == 'R') {
    char buffer[400];
    sqlite3_snprintf(sizeof buffer, buffer, "%.3f", real != nullptr ? *real : std::strtod(text.c_str(), nullptr));  // 16 digits, as the answers
    return buffer;
  }
  std::string out = text.substr(0, text.find('\0'));  // as C prints it
  if (out.empty()) return "(empty)";
  for (char& c : out) c = c >= ' ' && c <= '~' ? c : '@';
  return out;
}

class Runner {
 public:
  Runner(const SltEngine& engine, std::string_view text) : engine_{engine} {
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
    const auto done = run_all(sql);
    const bool ok = head.size() > 1 && head[1] == "ok";
    if (done.has_value() != ok) fail((done ? "succeeded" : to_string(done.error())) + ": " + sql);
  }

  /// Some records hold several statements.
  Result<void> run_all(const std::string& text) {
    StatementSplitter splitter;
    splitter.feed(text + ";");
    for (std::string_view statement; splitter.next(statement);) {
      if (is_blank(statement)) continue;
      if (const auto rows = engine_(std::string{statement}); !rows) return std::unexpected(rows.error());
    }
    return {};
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
    const auto rows = engine_(sql);
    if (!rows) return fail(to_string(rows.error()) + ": " + sql);
    const std::string types = head.size() > 1 ? head[1] : "T";
    const std::string sort = head.size() > 2 ? head[2] : "nosort";
    const auto values = shown(*rows, types, sort);
    const auto answer = hashed(values, expected);
    if (answer != expected) {
      fail("wrong answer: " + sql + "  expected " + joined(expected) + "\n  got      " + joined(answer));
    }
    if (head.size() > 3) check_label(head[3], values);
  }

  static std::vector<std::string> shown(const SltRows& rows, const std::string& types, const std::string& sort) {
    std::vector<std::vector<std::string>> table;
    for (const auto& row : rows) {
      auto& out = table.emplace_back();
      for (size_t i = 0; i < row.size(); ++i) {
        out.push_back(show(row[i], i < types.size() ? types[i] : 'T'));
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

  const SltEngine& engine_;
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

SltReport run_slt(const SltEngine& engine, std::string_view text) { return Runner{engine, text}.run(); }

std::string md5(std::string_view bytes) {
  boost::uuids::detail::md5 hash;
  hash.process_bytes(bytes.data(), bytes.size());
  boost::uuids::detail::md5::digest_type digest;
  hash.get_digest(digest);
  std::string text;
  for (const uint32_t word : digest) text += fmt::format("{:08x}", word);
  return text;
}

}  // namespace ddb::sql
