// One PostgreSQL client's conversation: takes its bytes, runs what they ask for on an SQL session, and makes the answers.
//
//   starting -Startup-> ready -Terminate, garbage-> over
//   starting -CancelRequest-> over
//   ready -COPY FROM STDIN-> copying -CopyDone, CopyFail, an error-> ready
//   ready -an error in the extended protocol-> skipping -Sync-> ready
//
// T1. Outside BEGIN, what stands between two Syncs, or in one Query, is one transaction: the implicit one.
// T2. A statement that is all there is between two Syncs, or in a Query, is a transaction of the SQL session's own, which that may
//     restart after a conflict. So an Execute waits until the message behind it has come.
// T3. After an error in a transaction block nothing but its end, or ROLLBACK TO a savepoint, is done (25P02).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pg/command.hpp"
#include "pg/copy.hpp"
#include "pg/environment.hpp"
#include "pg/message.hpp"
#include "pg/prepared.hpp"
#include "pg/reply.hpp"
#include "pg/settings.hpp"
#include "sql/session.hpp"

namespace ddb::pg {

constexpr size_t portal_bytes_max = 64 << 20;      // rows that a suspended portal holds back
constexpr size_t statements_bytes_max = 64 << 20;  // texts of the prepared statements of one client
constexpr size_t output_batch_bytes = 64 << 10;    // rows leave as soon as there is so much of them

/// What a conversation needs of its surroundings.
struct Surroundings {
  std::function<Result<std::unique_ptr<sql::Session>>(sql::SessionOptions)> open_session;
  std::function<std::shared_ptr<const sql::Schema>()> schema;
  std::function<int64_t()> unix_microseconds;
  /// Takes what the client is to get; may suspend the caller until the client has read of it. False: it is gone.
  std::function<bool(Bytes)> send;
  std::function<void(const CancelRequest&)> cancel;
  uint32_t process = 0;
  uint32_t secret = 0;
};

/// Not thread-safe. work() may be suspended where SQL is; feed() and interrupt() may be called meanwhile.
class Backend {
 public:
  explicit Backend(Surroundings surroundings);
  ~Backend();

  void feed(BytesView bytes) { reader_.feed(bytes); }
  size_t waiting() const { return reader_.waiting(); }
  /// Answers what has come, as far as it goes without more. False: the conversation is over.
  bool work();
  /// What runs fails soon.
  void interrupt();
  /// The session goes, and with it an open transaction.
  void end() { session_.reset(); }
  /// Told before the connection is closed by the server.
  void say_goodbye(std::string sqlstate, std::string reason);

 private:
  class Rows;      // sends rows
  class CopyRows;  // sends them as COPY does
  struct Portal;
  struct Query;    // the rest of a Query message
  struct CopyIn;   // a COPY FROM STDIN under way
  using Tag = SqlResult<std::string>;  // of CommandComplete

  // Messages (backend.cpp).
  bool handle(Message message);
  void start(const Startup& message);
  void begin_query(SimpleQuery message);
  void run_query();
  void ready();
  void fail(SqlError error, std::string_view text = {}, size_t offset = 0);
  void notice(Severity severity, std::string sqlstate, std::string message);
  bool flush();

  // The extended protocol (backend_extended.cpp).
  SqlResult<void> parse(const Parse& message);
  SqlResult<void> bind(Bind message);
  SqlResult<void> describe(const Describe& message);
  SqlResult<void> close(const Close& message);
  SqlResult<void> execute(const Execute& message, bool alone);
  void sync();
  SqlResult<void> continue_portal(Portal& portal, uint64_t rows_max);
  SqlResult<Portal*> find_portal(const std::string& name);
  SqlResult<Statement*> find_statement(const std::string& name);

  // Statements (backend_statement.cpp).
  /// `alone`: no other statement may belong to its transaction (T2).
  Tag run(Statement& statement, std::span<const sql::Parameter> parameters, Rows& rows, bool alone);
  Tag run_sql(const Statement& statement, std::span<const sql::Parameter> parameters, sql::RowSink& rows, bool alone);
  Tag run_script(const ScriptCommand& command, bool alone);
  SqlResult<void> ready_to_run(const Statement& statement);
  Tag set(const SetCommand& command);
  Tag set_transaction(const SetTransactionCommand& command);
  Tag show(const ShowCommand& command, Rows& rows);
  Tag declare(const DeclareCommand& command);
  Tag fetch(const FetchCommand& command, Rows& rows);
  SqlResult<void> open_session();
  sql::SqlResult<sql::StatementResult> execute_sql(const Statement& statement, std::span<const sql::Parameter> parameters,
                                                   sql::RowSink& rows);
  SqlResult<void> describe_statement(Statement& statement);

  // Transactions (backend_transaction.cpp).
  Status status() const;
  Tag begin(const BeginCommand& command);
  Tag end(const EndCommand& command);
  SqlResult<void> begin_implicit();
  SqlResult<void> end_implicit();
  SqlResult<void> start_block(std::optional<bool> read_only);
  void forget_transaction(bool committed);
  void failed();

  // COPY (backend_copy.cpp).
  SqlResult<void> begin_copy_in(const CopyCommand& command);
  bool copy_in(const Message& message);  // false: the message is none of COPY's
  SqlResult<void> copy_rows();
  SqlResult<void> insert_copied();
  void end_copy(std::optional<SqlError> error);
  Tag copy_out(const CopyCommand& command);

  Surroundings surroundings_;
  MessageReader reader_;
  Bytes out_;
  Settings settings_;
  Environment environment_;  // what SQL functions see
  std::unique_ptr<sql::Session> session_;  // opened by the first statement
  bool gone_ = false;      // the client
  bool over_ = false;
  bool skipping_ = false;  // until Sync
  bool block_ = false;     // BEGIN was given
  bool failed_ = false;    // the block is (T3)
  bool implicit_ = false;  // the implicit transaction has begun (T1)

  std::map<std::string, std::shared_ptr<Statement>> statements_;
  size_t statements_bytes_ = 0;
  std::map<std::string, Portal> portals_;  // cursors, too
  std::optional<Execute> execute_;         // waits for the message behind it (T2)
  std::unique_ptr<Query> query_;
  std::unique_ptr<CopyIn> copy_;
};

}  // namespace ddb::pg
