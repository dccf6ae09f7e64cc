// Reads one JSON value piece by piece, without building a tree.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ddb::check {

/// Every call skips white space before it. After the first error ok() is false, and nothing more is read.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_{text} {}

  bool ok() const { return ok_; }
  bool at_end();                  // nothing but white space is left
  char peek();                    // the first character of what comes next; 0: nothing
  bool take(char c);              // if it comes next
  std::string string();           // escapes are resolved
  int64_t integer();              // a fraction or an exponent is an error
  bool null();                    // if it comes next
  void skip();                    // any value; nested at most depth_max deep
  /// Calls `member` with each name; it must read the value.
  void object(const std::function<void(std::string_view name)>& member);
  /// Calls `element` before each element; it must read it.
  void array(const std::function<void()>& element);

  std::string_view rest() const { return rest_; }  // not read yet
  void refuse() { ok_ = false; }

 private:
  static constexpr int depth_max = 16;

  bool word(std::string_view literal);
  void escape(std::string& out);
  uint32_t hex();

  std::string_view rest_;
  bool ok_ = true;
  int depth_ = 0;
};

/// Quoted and escaped.
std::string json_string(std::string_view text);

}  // namespace ddb::check
