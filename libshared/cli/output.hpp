// Rows on stdout: an aligned table for people, lines for programs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ddb::cli {

/// How rows are written:
///   table  columns aligned under headings; control characters are escaped. Widths come from the first page, so that
///          any number of rows takes constant memory
///   tsv    header, then a line per row. Inside values \t \n \r \\ are escaped; NULL is \N, a blob \x and hex digits
///   csv    header, then a record per row (RFC 4180, lines end in \n). NULL is empty, an empty text "", a blob \x and hex digits
///   json   one object per line. A blob is a string of \x and hex digits
///   quote  no header; SQL literals, separated by commas
/// Reals are as SQLite turns them to text (15 digits); json and quote give the fewest digits that read back equal.
enum class Format : uint8_t {
  automatic,  // table on a terminal, tsv elsewhere
  table,
  tsv,
  csv,
  json,
  quote,
};

struct Blob {
  BytesView bytes;
};

/// One value; monostate is NULL. Text and blobs are borrowed until row() returns.
using Cell = std::variant<std::monostate, int64_t, uint64_t, double, std::string_view, Blob>;

template <class T>
Cell cell(const T& value) {
  if constexpr (std::is_convertible_v<const T&, Cell> && !std::is_arithmetic_v<T>) return value;
  else if constexpr (requires { value.has_value(); }) return value ? cell(*value) : Cell{};  // std::optional
  else if constexpr (requires { uint64_t{value.value}; }) return uint64_t{value.value};      // Id, Timestamp
  else if constexpr (std::is_floating_point_v<T>) return double{value};
  else if constexpr (std::is_unsigned_v<T>) return uint64_t{value};
  else if constexpr (std::is_integral_v<T>) return int64_t{value};
  else return std::string_view{value};
}

/// Writes result sets, one after the other. Not thread-safe.
/// A failed write is kept: row() says so at once, close() says why.
class Output {
 public:
  explicit Output(Format format = Format::automatic, bool header = true, std::FILE* file = stdout);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Begins a result set; ends the one before.
  void columns(std::vector<std::string> names);

  /// One row; as many cells as there are columns. False: nobody can read it (disk full, pipe closed), stop.
  bool row(std::span<const Cell> cells);

  template <class... Values>
  bool row(const Values&... values) {
    const Cell cells[] = {cell(values)...};
    return row(std::span<const Cell>{cells});
  }

  /// Text as it is, outside of any result set. False: as row().
  bool text(std::string_view text);

  /// Hands over what is written so far: for rows that come slowly.
  bool flush();
  /// Ends the result set. Something else is shown before the next one, which needs no blank line then.
  void interrupted();

  /// Flushes, and says whether everything arrived. Errors: io.
  Result<void> close();

  /// As chosen, or as the file's being a terminal has it.
  Format format() const { return format_; }
  bool header() const { return header_; }
  /// From the next result set on. Ends the one before.
  void use(Format format, bool header);

  /// A write has failed: whatever is written is lost.
  bool failed() const;
  /// It failed because the reader went away: nothing to complain about, nothing more to do.
  bool broken_pipe() const;

 private:
  struct Table;
  void append_record(std::span<const Cell> cells);
  void write_page();
  void end_set();
  void write(std::string_view text);

  Format format_;
  bool header_;
  std::FILE* file_;
  int error_ = 0;  // errno of the first write that failed
  bool first_set_ = true;
  std::vector<std::string> names_;
  std::string line_;
  std::unique_ptr<Table> table_;
};

}  // namespace ddb::cli
