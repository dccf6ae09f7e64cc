// COPY's text and CSV formats (PostgreSQL 15 documentation, COPY, File Formats).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pg/command.hpp"
#include "pg/error.hpp"

namespace ddb::pg {

/// The fields of one row; nullopt: NULL.
using CopyRow = std::vector<std::optional<std::string>>;

/// Cuts rows out of a stream of untrusted bytes. Memory: what was fed and not taken; a row has at most row_bytes_max.
class CopyReader {
 public:
  static constexpr size_t row_bytes_max = 16 << 20;

  explicit CopyReader(const CopyCommand& command) : options_{command} {}
  void feed(std::string_view bytes);
  /// The last line may lack its newline.
  void finish() { finished_ = true; }
  /// nullopt: more bytes are needed, or none are left. 22P04: no row; 54000: too long.
  SqlResult<std::optional<CopyRow>> next();
  size_t line() const { return line_; }  // of the last row, from 1

 private:
  std::optional<std::string_view> take_line();
  SqlResult<CopyRow> text_row(std::string_view line) const;
  SqlResult<CopyRow> csv_row(std::string_view line) const;

  const CopyCommand& options_;
  std::string buffer_;
  size_t begin_ = 0;    // of the line in hand
  size_t scanned_ = 0;  // no line ends before this
  bool quoted_ = false; // there, in CSV
  bool finished_ = false;
  bool ended_ = false;  // a line of "\." came: the rest does not count
  size_t line_ = 0;
};

/// Appends one field, its delimiter before it unless it is the first.
void put_copy_field(Bytes& out, const CopyCommand& options, bool first, const std::optional<std::string_view>& text);

}  // namespace ddb::pg
