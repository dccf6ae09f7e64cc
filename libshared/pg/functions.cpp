// Functions that PostgreSQL's clients call, as SQL functions of a session's connection.
#include <fmt/format.h>
#include <regex.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "pg/array.hpp"
#include "pg/catalog.hpp"
#include "pg/datetime.hpp"
#include "pg/environment.hpp"
#include "pg/values.hpp"
#include "sql/sqlite_values.hpp"

namespace ddb::pg {

namespace {

using codec::Value;
using codec::ValueView;
using sql::set_result;

/// A call's arguments and where its result goes.
class Call {
 public:
  Call(sqlite3_context* context, int count, sqlite3_value** values) : context_{context}, count_{count}, values_{values} {}

  Environment& environment() const { return *static_cast<Environment*>(sqlite3_user_data(context_)); }
  int count() const { return count_; }
  bool null(int i) const { return i >= count_ || sqlite3_value_type(values_[i]) == SQLITE_NULL; }
  int type(int i) const { return sqlite3_value_type(values_[i]); }
  ValueView view(int i) const { return sql::view_of(values_[i]); }
  int64_t integer(int i) const { return i < count_ ? sqlite3_value_int64(values_[i]) : 0; }
  std::string text(int i) const {
    if (null(i)) return {};
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(values_[i]));
    return bytes == nullptr ? std::string{} : std::string{bytes, static_cast<size_t>(sqlite3_value_bytes(values_[i]))};
  }
  void give(std::string_view text) const { set_result(context_, text); }
  void give(int64_t number) const { set_result(context_, number); }
  void give_value(const ValueView& value) const { set_result(context_, value); }
  void fail(const std::string& message) const { sqlite3_result_error(context_, message.c_str(), -1); }
  sqlite3_context* context() const { return context_; }

 private:
  sqlite3_context* context_;
  int count_;
  sqlite3_value** values_;
};

using Body = void (*)(const Call&);

template <Body body>
void entry(sqlite3_context* context, int count, sqlite3_value** values) {
  body(Call{context, count, values});
}

/// Microseconds since 1970 to "2024-02-29 12:34:56.789+00".
void give_moment(const Call& call, int64_t unix_microseconds) {
  constexpr int64_t epoch = 946'684'800'000'000;  // 2000-01-01
  if (const auto text = timestamp_text(unix_microseconds - epoch, true)) call.give(*text);
}

void nothing(const Call&) {}  // NULL
void yes(const Call& call) { call.give(int64_t{1}); }
void no(const Call& call) { call.give(int64_t{0}); }

void version(const Call& call) { call.give("PostgreSQL 15.0 (ddb), SQL by SQLite " SQLITE_VERSION); }
void current_database(const Call& call) { call.give(call.environment().database); }
void current_schema(const Call& call) { call.give("public"); }
void current_schemas(const Call& call) { call.give(call.integer(0) != 0 ? "{pg_catalog,public}" : "{public}"); }
void current_user(const Call& call) { call.give(call.environment().user); }
void backend_pid(const Call& call) { call.give(int64_t{call.environment().process}); }
void now(const Call& call) { give_moment(call, call.environment().transaction_microseconds); }
void clock_timestamp(const Call& call) { give_moment(call, call.environment().unix_microseconds()); }

void current_setting(const Call& call) {
  const std::string name = call.text(0);
  if (const auto value = call.environment().settings->get(name)) return call.give(*value);
  if (call.integer(1) == 0) call.fail("unrecognized configuration parameter \"" + name + "\"");
}
void set_config(const Call& call) {
  const std::string value = call.text(1);
  if (auto set = call.environment().settings->set(call.text(0), value, call.integer(2) != 0); !set) return call.fail(set.error().error.message);
  call.give(value);
}

/// A cast that takes text as a parameter of that type does; other values stay.
void cast(const Call& call, uint32_t type) {
  if (call.null(0)) return;
  if (call.type(0) != SQLITE_TEXT) return call.give_value(call.view(0));
  const auto value = take_value(call.text(0), type, Format::text);
  if (!value) return call.fail(value.error().error.message);
  call.give_value(codec::to_view(*value));
}
void to_bool(const Call& call) {
  if (!call.null(0) && call.type(0) == SQLITE_INTEGER) return call.give(int64_t{call.integer(0) != 0});
  cast(call, oid::boolean);
}
void to_bytea(const Call& call) { cast(call, oid::bytea); }

/// Dates and times are text: what begins as one is cut or completed, nothing else passes.
void to_moment(const Call& call, bool date, bool zone) {
  if (call.null(0)) return;
  const std::string text = call.text(0);
  const auto moment = timestamp_number(text);
  if (!moment) return call.fail("invalid input syntax for type " + std::string{date ? "date" : "timestamp"} + ": \"" + text + "\"");
  constexpr int64_t day = 86'400'000'000;
  const auto out = date ? date_text(static_cast<int32_t>((*moment - ((*moment % day) + day) % day) / day)) : timestamp_text(*moment, zone);
  if (out) call.give(*out);
}
void to_date(const Call& call) { to_moment(call, true, false); }
void to_timestamp(const Call& call) { to_moment(call, false, false); }
void to_timestamptz(const Call& call) { to_moment(call, false, true); }

/// POSIX extended expressions, which psql's patterns are. What takes exponential time or memory is refused.
void regexp(const Call& call) {
  if (call.null(0) || call.null(1)) return;
  constexpr size_t pattern_max = 1000;
  std::string pattern = call.text(0);
  const bool nocase = pattern.starts_with("(?i)");
  if (nocase) pattern.erase(0, 4);
  const size_t backslash = pattern.find('\\');
  const bool reference = backslash + 1 < pattern.size() && backslash != pattern.npos && pattern[backslash + 1] >= '0' && pattern[backslash + 1] <= '9';
  if (pattern.size() > pattern_max || pattern.contains('{') || reference) {
    return call.fail("this regular expression is not supported: no repetition counts, no back references, at most 1000 bytes");
  }
  regex_t compiled;
  if (regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB | (nocase ? REG_ICASE : 0)) != 0) return call.fail("invalid regular expression");
  const bool found = regexec(&compiled, call.text(1).c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  call.give(int64_t{found});
}

// Arrays.

void array(const Call& call) {
  Array out;
  for (int i = 0; i < call.count(); ++i) out.push_back(call.null(i) ? std::nullopt : std::optional{call.text(i)});
  call.give(array_text(out));
}
void array_json_of(const Call& call) {
  if (!call.null(0)) call.give(array_json(array_of(call.text(0))));
}
void array_element(const Call& call) {
  if (call.null(0)) return;
  const Array elements = array_of(call.text(0));
  const auto at = static_cast<size_t>(call.integer(1)) - 1;
  if (at < elements.size() && elements[at]) call.give(*elements[at]);
}
void array_length(const Call& call) {
  if (call.null(0)) return;
  const size_t size = array_of(call.text(0)).size();
  if (size > 0) call.give(static_cast<int64_t>(size));
}
void array_position(const Call& call) {
  if (call.null(0)) return;
  const Array elements = array_of(call.text(0));
  const auto found = std::ranges::find(elements, std::optional{call.text(1)});
  if (found != elements.end()) call.give(found - elements.begin() + 1);
}
void array_to_string(const Call& call) {
  if (call.null(0)) return;
  std::string out;
  bool first = true;
  for (const auto& element : array_of(call.text(0))) {
    if (!element && call.null(2)) continue;
    out += (std::exchange(first, false) ? "" : call.text(1)) + (element ? *element : call.text(2));
  }
  call.give(out);
}

struct Aggregate {
  Array* elements;
};
void array_agg_step(sqlite3_context* context, int, sqlite3_value** values) {
  auto* aggregate = static_cast<Aggregate*>(sqlite3_aggregate_context(context, sizeof(Aggregate)));
  if (aggregate == nullptr) return;
  if (aggregate->elements == nullptr) aggregate->elements = new Array;
  const Call call{context, 1, values};
  aggregate->elements->push_back(call.null(0) ? std::nullopt : std::optional{call.text(0)});
}
void array_agg_final(sqlite3_context* context) {
  auto* aggregate = static_cast<Aggregate*>(sqlite3_aggregate_context(context, 0));
  if (aggregate == nullptr || aggregate->elements == nullptr) return;
  set_result(context, std::string_view{array_text(*aggregate->elements)});
  delete aggregate->elements;
}

// Catalogs.

void format_type(const Call& call) {
  if (!call.null(0)) call.give(type_words(static_cast<uint32_t>(call.integer(0)), call.null(1) ? -1 : static_cast<int32_t>(call.integer(1))));
}
void first_argument(const Call& call) {
  if (!call.null(0)) call.give_value(call.view(0));
}
void owner(const Call& call) { call.give("ddb"); }
void encoding(const Call& call) { call.give("UTF8"); }

void index_definition(const Call& call) {
  const auto schema = call.environment().schema();
  const auto index = find_index(*schema, call.integer(0));
  if (index) call.give(call.integer(1) > 0 ? index_column(*index, static_cast<size_t>(call.integer(1))) : index_text(*index));
}
void constraint_definition(const Call& call) {
  const auto schema = call.environment().schema();
  if (const auto index = find_index(*schema, call.integer(0))) call.give(constraint_text(*index));
}
void view_definition(const Call& call) {
  const auto schema = call.environment().schema();
  for (const auto& [id, view] : schema->views) {
    if (oid_of(id) == call.integer(0)) call.give(view.sql);
  }
}
/// A relation's name for its number, and its number for its name.
void regclass(const Call& call) {
  if (call.null(0)) return;
  const auto schema = call.environment().schema();
  const std::string text = call.text(0);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) {
    const auto name = relation_name(*schema, number);
    if (call.type(0) == SQLITE_INTEGER) return call.give(name.value_or(text));
    return call.give(number);
  }
  const auto found = relation_number(*schema, text);
  if (!found) return call.fail("relation \"" + text + "\" does not exist");
  call.give(*found);
}
void regtype(const Call& call) {
  if (call.null(0)) return;
  if (call.type(0) == SQLITE_INTEGER) return call.give(type_words(static_cast<uint32_t>(call.integer(0)), -1));
  call.give(int64_t{declared_type(call.text(0)).oid});
}

struct Function {
  const char* name;
  int arguments;  // -1: any number
  void (*entry)(sqlite3_context*, int, sqlite3_value**);
};

constexpr std::array functions{
    Function{"version", 0, entry<version>},
    Function{"current_database", 0, entry<current_database>},
    Function{"current_catalog", 0, entry<current_database>},
    Function{"current_schema", 0, entry<current_schema>},
    Function{"current_schemas", 1, entry<current_schemas>},
    Function{"current_user", 0, entry<current_user>},
    Function{"session_user", 0, entry<current_user>},
    Function{"current_role", 0, entry<current_user>},
    Function{"pg_backend_pid", 0, entry<backend_pid>},
    Function{"pg_is_in_recovery", 0, entry<no>},
    Function{"now", 0, entry<now>},
    Function{"transaction_timestamp", 0, entry<now>},
    Function{"statement_timestamp", 0, entry<now>},
    Function{"clock_timestamp", 0, entry<clock_timestamp>},
    Function{"current_setting", -1, entry<current_setting>},
    Function{"set_config", 3, entry<set_config>},
    Function{"pg_bool", 1, entry<to_bool>},
    Function{"pg_bytea", 1, entry<to_bytea>},
    Function{"pg_date", 1, entry<to_date>},
    Function{"pg_timestamp", 1, entry<to_timestamp>},
    Function{"pg_timestamptz", 1, entry<to_timestamptz>},
    Function{"pg_regclass", 1, entry<regclass>},
    Function{"pg_regtype", 1, entry<regtype>},
    Function{"to_regclass", 1, entry<regclass>},
    Function{"regexp", 2, entry<regexp>},
    Function{"pg_array", -1, entry<array>},
    Function{"pg_array_json", 1, entry<array_json_of>},
    Function{"pg_element", 2, entry<array_element>},
    Function{"array_length", 2, entry<array_length>},
    Function{"array_upper", 2, entry<array_length>},
    Function{"array_position", 2, entry<array_position>},
    Function{"array_to_string", -1, entry<array_to_string>},
    Function{"format_type", 2, entry<format_type>},
    Function{"pg_get_userbyid", 1, entry<owner>},
    Function{"pg_encoding_to_char", 1, entry<encoding>},
    Function{"pg_table_is_visible", 1, entry<yes>},
    Function{"pg_type_is_visible", 1, entry<yes>},
    Function{"pg_function_is_visible", 1, entry<yes>},
    Function{"pg_relation_is_publishable", 1, entry<no>},
    Function{"has_table_privilege", -1, entry<yes>},
    Function{"has_schema_privilege", -1, entry<yes>},
    Function{"has_database_privilege", -1, entry<yes>},
    Function{"pg_get_expr", -1, entry<first_argument>},
    Function{"pg_get_indexdef", -1, entry<index_definition>},
    Function{"pg_get_constraintdef", -1, entry<constraint_definition>},
    Function{"pg_get_viewdef", -1, entry<view_definition>},
    Function{"pg_get_serial_sequence", 2, entry<nothing>},
    Function{"pg_get_statisticsobjdef_columns", 1, entry<nothing>},
    Function{"pg_get_function_result", 1, entry<nothing>},
    Function{"pg_get_function_arguments", 1, entry<nothing>},
    Function{"pg_get_triggerdef", -1, entry<nothing>},
    Function{"pg_get_ruledef", -1, entry<nothing>},
    Function{"pg_get_partkeydef", 1, entry<nothing>},
    Function{"pg_table_size", 1, entry<nothing>},
    Function{"pg_relation_size", -1, entry<nothing>},
    Function{"pg_total_relation_size", 1, entry<nothing>},
    Function{"pg_database_size", 1, entry<nothing>},
    Function{"pg_size_pretty", 1, entry<first_argument>},
    Function{"pg_tablespace_location", 1, entry<nothing>},
    Function{"obj_description", -1, entry<nothing>},
    Function{"col_description", 2, entry<nothing>},
    Function{"shobj_description", 2, entry<nothing>},
};

}  // namespace

Result<void> add_functions(sqlite3* db, Environment* environment) {
  for (const auto& [name, arguments, function] : functions) {
    const int rc = sqlite3_create_function_v2(db, name, arguments, SQLITE_UTF8, environment, function, nullptr, nullptr, nullptr);
    if (rc != SQLITE_OK) return std::unexpected(sql::sqlite_error(db));
  }
  const int rc = sqlite3_create_function_v2(db, "array_agg", 1, SQLITE_UTF8, nullptr, nullptr, array_agg_step, array_agg_final, nullptr);
  if (rc != SQLITE_OK) return std::unexpected(sql::sqlite_error(db));
  return {};
}

}  // namespace ddb::pg
