// SQL text as it comes, statement by statement, through one session; rows to an Output.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cli/output.hpp"
#include "gateway/complaint.hpp"
#include "sql/session.hpp"
#include "sql/statement.hpp"

namespace ddb::gateway {

/// Gives the next piece of text, valid until the next call; empty at the end. Errors: io.
using ReadText = std::function<Result<std::string_view>()>;

/// As a batch: all of the text is one transaction, and what cannot be in one is refused.
constexpr uint64_t batch_whole = UINT64_MAX;

struct ScriptOptions {
  bool keep_going = false;  // after a failed statement
  /// For loads. Not zero: this many statements make a transaction, whatever BEGIN and COMMIT say; ROLLBACK and SAVEPOINT
  /// are refused. An error leaves the batches before it.
  uint64_t batch = 0;
  std::function<void(const Complaint&)> report;            // an error each
  std::function<void(uint64_t statements)> progress = {};  // after each statement; may be empty
};

/// Runs texts one after the other in one session, as the sqlite3 shell does: a transaction may span them.
class Script {
 public:
  Script(sql::Session& session, cli::Output& out, ScriptOptions options);

  /// `name` is for messages. The first error ends it and rolls back an open transaction; with keep_going the rest is run,
  /// and the first error returned at the end. Errors were reported, so they come back without message, for their code.
  /// Text that may be cut off anywhere needs a semicolon after a last statement that writes.
  enum class Ending : uint8_t { whole, may_be_cut };
  Result<void> run(std::string_view name, const ReadText& read, Ending ending);

  /// No more text: a batch is committed; a transaction that is still open is rolled back, and that is an error (bad_data).
  Result<void> finish();

  /// The text so far ends inside a statement. For prompts.
  bool inside_statement() const;
  /// Drops an unfinished statement. For prompts, while they wait for text.
  void forget();

 private:
  struct Place {  // in the text; from 1, columns in bytes
    size_t line = 1;
    size_t column = 1;
  };
  Place ahead(std::string_view text) const;
  Result<void> run_statement(std::string_view text);
  Result<void> run_rest(std::string_view text, Ending ending);
  Result<void> execute(std::string_view text, Place place);
  Result<void> execute_in_batch(std::string_view text, Place place);
  Result<void> end_batch();
  std::unexpected<Error> complain(Place place, sql::SqlError error, std::string_view statement = {}, bool kept = false);
  std::unexpected<Error> complain(Place place, Error error);

  sql::Session& session_;
  cli::Output& out_;
  ScriptOptions options_;
  std::string name_;
  sql::StatementSplitter splitter_;
  Place place_;  // of the statement in hand
  uint64_t statements_ = 0;
  uint64_t batched_ = 0;  // statements of the open batch
  Place batch_place_;     // where it began
};

}  // namespace ddb::gateway
