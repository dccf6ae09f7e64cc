// Rows of a file into a table, a transaction per batch; bad rows are told, and keep no others out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "gateway/records.hpp"
#include "gateway/script.hpp"
#include "sql/session.hpp"

namespace ddb::gateway {

/// What becomes of a row whose key is in the table.
enum class Existing : uint8_t { bad, skip, replace };

struct ImportOptions {
  std::string table;
  RecordFormat format = RecordFormat::csv;
  char separator = ',';          // of csv
  bool header = true;            // csv, tsv: the first record names the columns; else they come in the table's order
  bool create = false;           // the table, where there is none, with columns of type TEXT
  Existing existing = Existing::bad;
  uint64_t from_line = 0;        // records that begin before it are passed over
  uint64_t batch = 1000;         // rows to a transaction; all of its good rows go in, or none
  uint64_t bad_max = 0;          // one more ends the import, and its batch stays out
  std::function<void(std::string_view line)> report = {};  // "FILE:LINE: what is wrong with it"
  std::function<void(uint64_t rows)> progress = {};
};

struct ImportCounts {
  uint64_t rows = 0;       // that went in or changed; those of batches that are committed
  uint64_t bad = 0;        // that were left out
  uint64_t next_line = 1;  // whoever goes on begins there
};

class Import {
 public:
  /// `load` checks keys at COMMIT, `careful` at once (sql::UniqueCheck); neither is in a transaction.
  Import(sql::Session& load, sql::Session& careful, ImportOptions options);

  /// Once. `name` is for messages. `counts` is right after an error too, whose hint says how to go on.
  Result<void> run(std::string_view name, const ReadText& read, ImportCounts& counts);

 private:
  Result<void> take(Record record);
  Result<void> take_header(const Record& record);
  Result<void> find_columns();
  Result<void> create_table(const std::vector<std::string>& names);
  Result<void> flush();
  sql::SqlResult<uint64_t> insert_all(sql::Session& session);
  sql::SqlResult<uint64_t> insert_rows(sql::Session& session, size_t first, size_t last);
  sql::SqlResult<uint64_t> insert_one_by_one(std::vector<std::string>& troubles);
  std::string complaint(size_t line, std::string_view trouble) const;
  std::unexpected<Error> stop(Error error) const;

  sql::Session& load_;
  sql::Session& careful_;
  const ImportOptions options_;
  std::string name_;
  ImportCounts counts_;
  std::vector<std::string> columns_;  // of csv and tsv records; of the table, for json
  bool ready_ = false;                // columns_ are known
  std::vector<Record> batch_;
  size_t batch_bytes_ = 0;
};

}  // namespace ddb::gateway
