#include "pg/settings.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "sql/lexer.hpp"

namespace ddb::pg {

namespace {

struct Known {
  std::string_view name;
  std::string_view value;
  enum { silent, told, fixed, told_fixed } kind = silent;
};

constexpr std::array known{
    Known{"application_name", "", Known::told},
    Known{"client_encoding", "UTF8", Known::told},
    Known{"DateStyle", "ISO, MDY", Known::told},
    Known{"default_transaction_read_only", "off", Known::told},
    Known{"in_hot_standby", "off", Known::told_fixed},
    Known{"integer_datetimes", "on", Known::told_fixed},
    Known{"IntervalStyle", "postgres", Known::told},
    Known{"is_superuser", "on", Known::told_fixed},
    Known{"server_encoding", "UTF8", Known::told_fixed},
    Known{"server_version", server_version, Known::told_fixed},
    Known{"session_authorization", "ddb", Known::told_fixed},
    Known{"standard_conforming_strings", "on", Known::told},
    Known{"TimeZone", "Etc/UTC", Known::told},
    Known{"server_version_num", "150000", Known::fixed},
    Known{"max_identifier_length", "63", Known::fixed},
    Known{"lc_collate", "C.UTF-8", Known::fixed},
    Known{"lc_ctype", "C.UTF-8", Known::fixed},
    Known{"data_checksums", "on", Known::fixed},
    Known{"block_size", "8192", Known::fixed},
    Known{"backslash_quote", "safe_encoding"},
    Known{"bytea_output", "hex", Known::fixed},
    Known{"check_function_bodies", "on"},
    Known{"client_min_messages", "notice"},
    Known{"default_table_access_method", "heap"},
    Known{"default_tablespace", ""},
    Known{"default_transaction_deferrable", "off"},
    Known{"default_transaction_isolation", "serializable"},
    Known{"enable_seqscan", "on"},
    Known{"escape_string_warning", "on"},
    Known{"extra_float_digits", "1"},
    Known{"idle_in_transaction_session_timeout", "0"},
    Known{"jit", "off"},
    Known{"lc_messages", "C.UTF-8"},
    Known{"lc_monetary", "C.UTF-8"},
    Known{"lc_numeric", "C.UTF-8"},
    Known{"lc_time", "C.UTF-8"},
    Known{"lock_timeout", "0"},
    Known{"maintenance_work_mem", "64MB"},
    Known{"quote_all_identifiers", "off"},
    Known{"row_security", "on"},
    Known{"search_path", "\"$user\", public"},
    Known{"statement_timeout", "0"},
    Known{"synchronize_seqscans", "on"},
    Known{"synchronous_commit", "on"},
    Known{"transaction_deferrable", "off"},
    Known{"transaction_isolation", "serializable"},
    Known{"transaction_read_only", "off"},
    Known{"work_mem", "4MB"},
    Known{"xmloption", "content"},
};

std::unexpected<SqlError> unrecognized(std::string_view name) {
  return refuse("42704", "unrecognized configuration parameter \"" + std::string{name} + "\"");
}
std::unexpected<SqlError> bad_value(std::string_view name, std::string_view value, std::string hint = {}) {
  return refuse("22023", "invalid value for parameter \"" + std::string{name} + "\": \"" + std::string{value} + "\"", std::move(hint));
}

/// Those of which a value matters. nullopt: it has no such value.
std::optional<std::string> normal(std::string_view name, std::string_view value) {
  const std::string lower = sql::to_lower(value);
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) { return std::ranges::count(words, lower) > 0; };
  if (name == "client_encoding") {
    if (is_one_of({"utf8", "utf-8", "unicode", "'utf-8'"})) return "UTF8";
    return std::nullopt;
  }
  const bool is_switch = name == "standard_conforming_strings" || name == "default_transaction_read_only" || name == "transaction_read_only";
  if (!is_switch) return std::string{value};
  if (is_one_of({"on", "true", "yes", "1"})) return "on";
  if (is_one_of({"off", "false", "no", "0"}) && name != "standard_conforming_strings") return "off";
  return std::nullopt;
}

}  // namespace

Settings::Settings() {
  for (const auto& [name, value, kind] : known) {
    const bool told = kind == Known::told || kind == Known::told_fixed;
    const bool fixed = kind == Known::fixed || kind == Known::told_fixed;
    values_.try_emplace(sql::to_lower(name), Value{std::string{name}, std::string{value}, std::string{value}, told, fixed});
    if (told) told_[std::string{name}] = value;
  }
}

SqlResult<void> Settings::set(std::string_view name, std::string_view text, bool local) {
  touch();
  const std::string key = sql::to_lower(name);
  auto found = values_.find(key);
  if (found == values_.end()) {
    if (!name.contains('.')) return unrecognized(name);
    found = values_.try_emplace(key, Value{std::string{name}, "", "", false, false}).first;
  }
  Value& value = found->second;
  if (value.fixed) return refuse("55P02", "parameter \"" + value.name + "\" cannot be changed");
  auto wanted = normal(key, text);
  if (!wanted) return bad_value(value.name, text, key == "client_encoding" ? "text is UTF8" : "");
  if (local && in_transaction_) local_.try_emplace(key, value.value);
  if (!local || in_transaction_) value.value = *std::move(wanted);
  return {};
}

SqlResult<void> Settings::reset(std::string_view name) {
  const auto found = values_.find(sql::to_lower(name));
  if (found == values_.end()) return unrecognized(name);
  touch();
  found->second.value = found->second.initial;
  return {};
}

void Settings::initialize(std::string_view name, std::string value) {
  touch();
  Value& known_value = values_.at(sql::to_lower(name));
  known_value.value = known_value.initial = std::move(value);
}

void Settings::reset_all() {
  touch();
  for (auto& [key, value] : values_) value.value = value.initial;
}

std::optional<std::string> Settings::get(std::string_view name) const {
  const auto found = values_.find(sql::to_lower(name));
  if (found == values_.end()) return std::nullopt;
  return found->second.value;
}

std::vector<Settings::Shown> Settings::all() const {
  std::vector<Shown> out;
  for (const auto& [key, value] : values_) out.push_back({value.name, value.value});
  return out;
}

std::vector<Settings::Shown> Settings::reported() const {
  std::vector<Shown> out;
  for (const auto& [key, value] : values_) {
    if (value.reported) out.push_back({value.name, value.value});
  }
  return out;
}

std::vector<Settings::Shown> Settings::take_changes() {
  std::vector<Shown> out;
  if (!std::exchange(touched_, false)) return out;
  for (Shown& shown : reported()) {
    auto& told = told_[shown.name];
    if (told == shown.value) continue;
    told = shown.value;
    out.push_back(std::move(shown));
  }
  return out;
}

void Settings::begin() { in_transaction_ = true; }

void Settings::touch() {
  touched_ = true;
  if (in_transaction_ && !at_begin_) at_begin_ = values_;
}

void Settings::end(bool committed) {
  in_transaction_ = false;
  if (!at_begin_) return;
  touched_ = true;
  if (!committed) values_ = *std::move(at_begin_);
  at_begin_.reset();
  for (const auto& [key, value] : local_) values_.at(key).value = value;
  local_.clear();
  values_.at("transaction_read_only").value = values_.at("default_transaction_read_only").value;
}

}  // namespace ddb::pg
