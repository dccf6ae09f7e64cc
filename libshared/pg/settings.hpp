// A session's run-time parameters: those that clients set or ask for, most of which change nothing here.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/error.hpp"

namespace ddb::pg {

constexpr std::string_view server_version = "15.0 (ddb)";
constexpr int server_version_number = 150000;

class Settings {
 public:
  Settings();

  /// Names compare without case. 42704: there is none of this name (but any with a dot may be made); 22023: it cannot have that
  /// value; 55P02: it cannot be changed.
  SqlResult<void> set(std::string_view name, std::string_view value, bool local = false);
  /// 42704.
  SqlResult<void> reset(std::string_view name);
  void reset_all();
  /// For the server's own use: of any parameter that there is, as if it had begun so.
  void initialize(std::string_view name, std::string value);
  /// nullopt: there is none.
  std::optional<std::string> get(std::string_view name) const;
  bool is_on(std::string_view name) const { return get(name) == "on"; }

  struct Shown {
    std::string name;
    std::string value;
  };
  std::vector<Shown> all() const;  // by name
  /// Those that the client is told about unasked: at its start, and whenever take_changes() has them.
  std::vector<Shown> reported() const;
  std::vector<Shown> take_changes();

  /// SET is undone by ROLLBACK, SET LOCAL by the end of the transaction in any case.
  void begin();
  void end(bool committed);

 private:
  struct Value {
    std::string name;  // as PostgreSQL spells it
    std::string value;
    std::string initial;
    bool reported = false;
    bool fixed = false;
  };
  using Values = std::map<std::string, Value, std::less<>>;  // by name in lower case

  /// Before any value changes: most transactions change none.
  void touch();

  Values values_;
  bool touched_ = false;             // since take_changes()
  std::optional<Values> at_begin_;   // of a transaction that has changed something
  std::map<std::string, std::string, std::less<>> local_;  // values before SET LOCAL
  bool in_transaction_ = false;
  std::map<std::string, std::string, std::less<>> told_;   // reported ones, as the client knows them
};

}  // namespace ddb::pg
