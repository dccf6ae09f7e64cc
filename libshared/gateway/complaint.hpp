// An error of a statement as one line: for people, or as JSON for programs.
#pragma once

#include <string>
#include <string_view>

#include "sql/session.hpp"

namespace ddb::gateway {

/// Whether a failed statement can be run again without happening twice; by the error's kind, never by its text.
enum class Retry : uint8_t {
  safe,     // nothing of it has happened, nor will; the same may fail in the same way
  unsafe,   // it has happened, whole or in part: its rows could not be written, or OR FAIL kept what came before
  unknown,  // it may have happened
};

/// `kept`: the statement failed and changed rows.
Retry retry_of(Code code, bool kept);
const char* name_of(Retry retry);

struct Complaint {
  std::string file;  // or "stdin", "-c"
  size_t line = 1;   // column in bytes; both from 1
  size_t column = 1;
  std::string statement;  // empty: the trouble is with none
  sql::SqlError error;
  Retry retry = Retry::safe;
};

/// "FILE:LINE:COLUMN: message: hint [SQLSTATE]"
std::string text_line(const Complaint& complaint);
/// {"error":...,"code":"42703","kind":"failed","retry":"safe","file":...,"line":1,"column":8,"hint":...,"statement":...}
std::string json_line(const Complaint& complaint);

}  // namespace ddb::gateway
