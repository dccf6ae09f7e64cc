// sqllogictest files, run against any engine (sqlite.org/sqllogictest/doc/trunk/about.wiki).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "codec/value.hpp"

namespace ddb::sql {

using SltRows = std::vector<std::vector<codec::Value>>;
/// Runs one statement in the session under test.
using SltEngine = std::function<Result<SltRows>(const std::string& statement)>;

struct SltReport {
  size_t records = 0;  // statements and queries that ran
  size_t failed = 0;
  std::vector<std::string> failures;  // the first few: "line 12: ..."

  SltReport& operator+=(const SltReport& other);
};

/// Runs the records of one file, those of them that are for SQLite.
SltReport run_slt(const SltEngine& engine, std::string_view text);

/// Hexadecimal MD5 (RFC 1321), which the files' answers are hashed with.
std::string md5(std::string_view bytes);

}  // namespace ddb::sql
