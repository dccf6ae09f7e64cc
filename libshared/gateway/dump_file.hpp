// A dump straight into a SQLite database: written beside the file, and renamed to it when it is whole and on disk.
#pragma once

#include <memory>
#include <string>

#include "gateway/dump.hpp"

namespace ddb::gateway {

class DumpFile final : public DumpSink {
 public:
  /// Errors: cannot_create (the directory, or a file of SQLite's beside `path` that says it is in use).
  static Result<std::unique_ptr<DumpFile>> create(const std::string& path);
  /// What was not committed goes.
  ~DumpFile() override;

  Result<void> statement(std::string_view sql) override;
  Result<void> rows_of(std::string_view insert, size_t columns) override;
  Result<void> row(std::span<const sql::ValueView> values) override;
  /// Puts the database in place of whatever was at `path`. Errors: io.
  Result<void> commit();

 private:
  struct Impl;
  explicit DumpFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ddb::gateway
