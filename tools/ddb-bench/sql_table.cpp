#include "table.hpp"

namespace ddb::bench {

namespace {

/// Nothing but texts is ever stored.
std::optional<std::string> text(codec::Value& value) {
  auto* held = std::get_if<std::string>(&value);
  return held == nullptr ? std::nullopt : std::optional{std::move(*held)};
}

class SqlTable final : public Table {
 public:
  SqlTable(client::Executor& executor, RpcClient& session, std::string name) : executor_{executor}, session_{session}, name_{std::move(name)} {}

  Result<void> create() override {
    if (auto dropped = run("DROP TABLE IF EXISTS " + name_); !dropped) return std::unexpected(dropped.error());
    if (auto created = run("CREATE TABLE " + name_ + " (k TEXT PRIMARY KEY, v TEXT)"); !created) return std::unexpected(created.error());
    return {};
  }

  Result<void> begin(Span span) override {
    alone_ = span == Span::one_statement;
    return alone_ ? Result<void>{} : change("BEGIN");
  }

  Result<std::vector<std::optional<std::string>>> get(std::vector<std::string> keys) override {
    std::string list;
    Parameters parameters;
    for (size_t i = 0; i < keys.size(); ++i) {
      const std::string name = ":k" + std::to_string(i);
      list += (i == 0 ? "" : ", ") + name;
      parameters.emplace_back(name, keys[i]);
    }
    auto rows = run("SELECT k, v FROM " + name_ + " WHERE k IN (" + list + ")", parameters);
    if (!rows) return std::unexpected(without_effect(rows.error()));
    std::vector<std::optional<std::string>> values(keys.size());
    for (auto& row : *rows)
      for (size_t i = 0; i < keys.size(); ++i)
        if (row.size() == 2 && row[0] == codec::Value{keys[i]}) values[i] = text(row[1]);
    return values;
  }

  Result<std::vector<RowPair>> scan(const std::string& prefix) override {
    auto rows = prefix.empty() ? run("SELECT k, v FROM " + name_)
                               : run("SELECT k, v FROM " + name_ + " WHERE k >= :from AND k < :to", {{":from", prefix}, {":to", prefix_end(prefix)}});
    if (!rows) return std::unexpected(without_effect(rows.error()));
    std::vector<RowPair> pairs;
    for (auto& row : *rows)
      if (row.size() == 2) pairs.emplace_back(text(row[0]).value_or(""), text(row[1]).value_or(""));
    return pairs;
  }

  Result<void> put(const std::string& key, const std::string& value) override {
    return change("INSERT INTO " + name_ + " VALUES (:k, :v) ON CONFLICT (k) DO UPDATE SET v = excluded.v", {{":k", key}, {":v", value}});
  }
  Result<void> insert(const std::string& key, const std::string& value) override {
    return change("INSERT INTO " + name_ + " VALUES (:k, :v)", {{":k", key}, {":v", value}});
  }
  Result<void> append(const std::string& key, const std::string& value) override {
    return change("INSERT INTO " + name_ + " VALUES (:k, :v) ON CONFLICT (k) DO UPDATE SET v = v || ' ' || excluded.v", {{":k", key}, {":v", value}});
  }

  Result<void> commit() override {
    if (alone_) return {};
    auto done = run("COMMIT");
    return done ? Result<void>{} : std::unexpected(done.error());
  }

  void abandon() override {
    if (!alone_) (void)run("ROLLBACK");  // there may be nothing left to roll back
  }

 private:
  Result<Rows> run(const std::string& sql, const Parameters& parameters = {}) {
    return client::await<Rows>(executor_, [&](client::Done<Rows> done) {
      auto shared = std::make_shared<client::Done<Rows>>(std::move(done));
      session_.query(sql, parameters, [shared](Result<Rows> rows) { (*shared)(std::move(rows)); });
    });
  }

  Result<void> change(const std::string& sql, const Parameters& parameters = {}) {
    const auto done = run(sql, parameters);
    if (done) return {};
    return std::unexpected(alone_ ? done.error() : without_effect(done.error()));
  }

  /// A session that breaks before COMMIT was sent takes its transaction with it.
  static Error without_effect(Error error) {
    if (error.code == Code::unknown_outcome) error.code = Code::unavailable;
    return error;
  }

  client::Executor& executor_;
  RpcClient& session_;
  std::string name_;
  bool alone_ = false;
};

}  // namespace

std::unique_ptr<Table> make_sql_table(client::Executor& executor, RpcClient& session, std::string name) {
  return std::make_unique<SqlTable>(executor, session, std::move(name));
}

}  // namespace ddb::bench
