// Records of CSV, TSV and JSON lines, out of a file that comes in pieces. A bad record spoils nothing but itself.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/value.hpp"

namespace ddb::gateway {

/// csv   RFC 4180: quotes only around a whole field, "" inside; a field without quotes that is empty is NULL
/// tsv   as cli::Format::tsv writes it: \t \n \r \\ \N, \x and hex digits for a blob; no other escapes
/// json  an object per line; numbers that fit are integers, true and false 1 and 0, nested values JSON text
/// Lines end in \n or \r\n, the last one perhaps in nothing; a byte order mark in front is skipped.
enum class RecordFormat : uint8_t { csv, tsv, json };

struct Record {
  size_t line = 0;                  // it begins there; from 1
  std::vector<std::string> names;   // json: by position
  std::vector<codec::Value> values;
  std::string trouble;              // not empty: what is wrong; the rest is not to be used
};

class RecordReader {
 public:
  static constexpr size_t record_bytes_max = 16 << 20;

  RecordReader(RecordFormat format, char separator) : format_{format}, separator_{separator} {}

  /// More bytes; empty: the end. Memory: what next() has not taken, and of an oversized record nothing.
  void feed(std::string_view bytes);
  /// nullopt: more bytes are needed, or that was all.
  std::optional<Record> next();

 private:
  /// Of the text so far, in CSV:  start -"-> quoted -"-> closing -"-> quoted;  start, plain, closing -separator-> start
  enum class State : uint8_t { start, plain, quoted, closing };
  bool cut();  // true: [begin_, scanned_) is a record with its newline, if it has one
  void skip_mark();
  void step(char c);
  Record parse(std::string_view text) const;
  void parse_csv(std::string_view text, Record& record) const;
  void parse_tsv(std::string_view text, Record& record) const;

  RecordFormat format_;
  char separator_;
  std::string buffer_;
  size_t begin_ = 0;
  size_t scanned_ = 0;
  size_t line_ = 1;       // of scanned_
  size_t first_line_ = 1; // of the record in hand
  State state_ = State::start;
  bool oversized_ = false;
  bool ended_ = false;
  bool marked_ = false;   // the place of a byte order mark has passed
};

}  // namespace ddb::gateway
