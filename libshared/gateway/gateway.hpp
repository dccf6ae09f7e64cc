// A gateway: the schema, the cluster's key space and metadata, and the fibers that sessions run in.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "client/cluster.hpp"
#include "client/fiber.hpp"
#include "client/kv_client.hpp"
#include "sql/catalog.hpp"
#include "sql/session.hpp"

namespace ddb::gateway {

/// Belongs to one loop and its thread.
class Gateway {
 public:
  /// `trouble` hears what the schema's upkeep met; it goes on by itself.
  Gateway(net::Loop& loop, const client::ClusterOptions& options, std::function<void(const Error&)> trouble = {});
  ~Gateway();  // no fiber may be left
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Runs `body` in a fiber, and the loop until it is done.
  Result<void> run(std::function<Result<void>()> body);

  // In a fiber:

  /// Reads the schema and takes a lease on it. Errors: of env::Meta.
  Result<void> open();
  /// Gives the lease back, and waits a little for what transactions leave to be cleared up after the client has heard:
  /// others would meet their locks. Sessions must be gone.
  void close();
  /// Only between open() and close().
  Result<std::unique_ptr<sql::Session>> session(sql::SessionOptions options = {});
  /// One whose transactions go through `kv`, which outlives it and leads to kv().
  Result<std::unique_ptr<sql::Session>> session(env::Kv& kv, sql::SessionOptions options);
  bool sleep(Duration time);  // false: not to the end, the program is stopping
  /// The newest that this gateway knows. Only between open() and close(); anywhere.
  std::shared_ptr<const sql::Schema> schema() const { return catalog_->schema(); }

  client::Fibers& fibers() { return fibers_; }
  const client::Figures& figures() { return cluster_.figures(); }
  env::Kv& kv() { return kv_; }

 private:
  void yield();
  void watch_schema();
  void tick_later();
  void tick_now();
  void tick();

  net::Loop& loop_;
  std::function<void(const Error&)> trouble_;
  client::Cluster cluster_;
  client::Fibers fibers_;
  client::KvClient kv_;
  client::MetaClient meta_;
  net::Timer ticker_;
  bool ticking_ = false;  // a fiber is
  client::OracleClient::WatchId schema_watch_ = 0;
  std::unique_ptr<sql::Catalog> catalog_;
};

}  // namespace ddb::gateway
