#include "sql.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "bench/history.hpp"
#include "env/random.hpp"
#include "read_file.hpp"
#include "report.hpp"
#include "rpc_client.hpp"
#include "sql/lexer.hpp"
#include "sql/statement.hpp"

namespace ddb::bench {

namespace {

struct Statement {
  std::string text;
  std::string name;  // "2 UPDATE"
  std::vector<std::string> parameters;
};

Statement to_statement(std::string_view text, size_t number) {
  Statement statement{.text = std::string{text}, .name = std::to_string(number), .parameters = {}};
  for (const auto& token : sql::tokenize(text)) {
    const std::string word{text.substr(token.offset, token.size)};
    if (token.kind == sql::TokenKind::word && statement.name.find(' ') == std::string::npos) statement.name += " " + word;
    const bool known = word == ":client" || word == ":n" || word == ":random";
    if (known && std::ranges::find(statement.parameters, word) == statement.parameters.end()) statement.parameters.push_back(word);
  }
  return statement;
}

Result<std::vector<Statement>> read_statements(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  sql::StatementSplitter splitter;
  splitter.feed(*text);
  std::vector<Statement> statements;
  for (std::string_view statement; splitter.next(statement);)
    if (!sql::is_blank(statement)) statements.push_back(to_statement(statement, statements.size() + 1));
  if (!sql::is_blank(splitter.rest())) statements.push_back(to_statement(splitter.rest(), statements.size() + 1));
  if (statements.empty()) return fail(Code::usage, path + " holds no statement");
  return statements;
}

class Sql {
 public:
  Sql(const SqlOptions& options, const std::vector<net::Address>& gateways, std::vector<Statement> statements)
      : options_{options}, statements_{std::move(statements)}, random_{options.seed} {
    for (uint32_t client = 0; client < options.load.clients; ++client)
      clients_.push_back({std::make_unique<RpcClient>(loop_, gateways[client % gateways.size()], options.timeout), 0, 0});
  }

  Result<void> run(cli::Output& out);

 private:
  struct Client {
    std::unique_ptr<RpcClient> session;
    int64_t begin_ns;  // of the pass under way
    uint64_t number;   // of that pass
  };

  void start(uint32_t client);
  void execute(uint32_t client, size_t statement);
  void ended(uint32_t client, Result<void> outcome);
  Parameters parameters(uint32_t client, const Statement& statement);
  void count(Measure& measure, int64_t begin_ns, const Result<void>& outcome);

  const SqlOptions& options_;
  net::Loop loop_;
  std::vector<Statement> statements_;
  Random random_;
  std::vector<Client> clients_;
  uint64_t last_number_ = 0;
  std::unique_ptr<ClosedLoop> run_;
  std::vector<Measure> measures_;  // of each statement, then of whole passes
};

Result<void> Sql::run(cli::Output& out) {
  run_ = std::make_unique<ClosedLoop>(loop_, options_.load, [this](uint32_t client) { start(client); });
  measures_.assign(statements_.size() + 1, Measure{run_->begin_ns()});
  run_->run();
  std::vector<Reported> reported;
  for (auto& measure : measures_) measure.close(run_->end_ns());
  const bool several = statements_.size() > 1;
  for (size_t i = 0; i < statements_.size(); ++i) reported.push_back({statements_[i].name, &measures_[i], several});
  if (several) reported.push_back({"all", &measures_.back()});
  return report(out, "sql", options_.load.clients, *run_, reported);
}

void Sql::start(uint32_t client) {
  clients_[client].begin_ns = now_ns();
  clients_[client].number = ++last_number_;
  execute(client, 0);
}

void Sql::execute(uint32_t client, size_t statement) {
  if (statement == statements_.size()) return ended(client, {});
  const auto& wanted = statements_[statement];
  clients_[client].session->execute(wanted.text, parameters(client, wanted),
                                    [this, client, statement, begin_ns = now_ns()](const Result<void>& outcome) {
                                      count(measures_[statement], begin_ns, outcome);
                                      if (outcome) return execute(client, statement + 1);
                                      ended(client, outcome);
                                    });
}

/// After an error the pass is over: what it began must not leak into the next.
void Sql::ended(uint32_t client, Result<void> outcome) {
  count(measures_.back(), clients_[client].begin_ns, outcome);
  if (outcome || statements_.size() == 1) return run_->ended(client, outcome.has_value());
  clients_[client].session->execute("ROLLBACK", {}, [this, client](const Result<void>&) { run_->ended(client, false); });
}

void Sql::count(Measure& measure, int64_t begin_ns, const Result<void>& outcome) {
  if (!run_->measuring()) return;
  if (outcome) measure.success(begin_ns, now_ns());
  else measure.failure(outcome.error());
}

Parameters Sql::parameters(uint32_t client, const Statement& statement) {
  Parameters values;
  for (const auto& name : statement.parameters)
    values.emplace_back(name, name == ":client" ? uint64_t{client} : name == ":n" ? clients_[client].number : random_.below(options_.keys));
  return values;
}

}  // namespace

Result<std::vector<net::Address>> gateway_addresses(const std::string& option) {
  const char* variable = std::getenv("DDB_RPC");
  if (!option.empty()) return net::parse_addresses(option);
  if (variable == nullptr) return fail(Code::usage, "no gateway given", "use --rpc HOST:PORT or set DDB_RPC");
  return net::parse_addresses(variable);
}

Result<void> run_sql(cli::Context& context, const SqlOptions& options) {
  const auto gateways = gateway_addresses(options.gateways);
  if (!gateways) return std::unexpected(gateways.error());
  auto statements = read_statements(options.file);
  if (!statements) return std::unexpected(statements.error());
  Sql sql{options, *gateways, std::move(*statements)};
  return sql.run(context.out());
}

}  // namespace ddb::bench
