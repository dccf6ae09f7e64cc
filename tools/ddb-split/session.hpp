// What every command of ddb-split works with.
#pragma once

#include "cli/tool.hpp"
#include "client/kv_client.hpp"
#include "client/splitter.hpp"
#include "sql/schema_store.hpp"

namespace ddb::split {

class Session {
 public:
  Session(cli::Context& the_context, const client::ClusterOptions& options) : context{the_context}, cluster{loop_, options} {}

  /// Loaded at the first call.
  Result<const sql::Schema*> schema();
  /// not_found: there is no such table.
  Result<const sql::Table*> table(std::string_view name);

  void pause(Duration length);

 private:
  net::Loop loop_;

 public:
  cli::Context& context;
  client::Cluster cluster;
  client::LoopExecutor executor{loop_};

 private:
  std::optional<sql::Schema> schema_;
};

}  // namespace ddb::split
