// sqllogictest files, run on a session (sqlite.org/sqllogictest/doc/trunk/about.wiki).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sql/session.hpp"

namespace ddb::test {

struct SltReport {
  size_t records = 0;  // statements and queries that ran
  size_t failed = 0;
  std::vector<std::string> failures;  // the first few: "line 12: ..."

  SltReport& operator+=(const SltReport& other);
};

/// Runs the records of one file as engine "sqlite".
SltReport run_slt(sql::Session& session, std::string_view text);

/// Hexadecimal MD5 (RFC 1321), which the files' answers are hashed with.
std::string md5(std::string_view bytes);

}  // namespace ddb::test
