// Rows of text by key, in transactions: over SQL at a gateway, or straight at the nodes. For code in fibers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cluster.hpp"
#include "client/executor.hpp"
#include "rpc_client.hpp"

namespace ddb::bench {

/// How much of one transaction a statement is.
enum class Span : uint8_t {
  several,        // begin() ... commit()
  one_statement,  // the only call between begin() and commit() is a transaction of its own, where there is a difference
};

using RowPair = std::pair<std::string, std::string>;

/// One client's way to one table; one transaction at a time.
/// Errors: unknown_outcome alone leaves open whether the transaction took, or will take, place: it comes from commit(), or from the
/// change in a transaction of one statement. After any other error it certainly does not.
class Table {
 public:
  virtual ~Table() = default;

  /// An empty table, in place of what there was.
  virtual Result<void> create() = 0;

  virtual Result<void> begin(Span span) = 0;
  virtual Result<std::vector<std::optional<std::string>>> get(std::vector<std::string> keys) = 0;
  /// All rows whose keys begin with `prefix`, in any order.
  virtual Result<std::vector<RowPair>> scan(const std::string& prefix) = 0;
  virtual Result<void> put(const std::string& key, const std::string& value) = 0;
  /// The key must not exist.
  virtual Result<void> insert(const std::string& key, const std::string& value) = 0;
  /// Puts the value behind what is there, after a space.
  virtual Result<void> append(const std::string& key, const std::string& value) = 0;
  virtual Result<void> commit() = 0;
  /// Ends what was begun, after an error or to give up.
  virtual void abandon() = 0;
};

/// `name` is of letters and underscores. Everything must outlive the table.
std::unique_ptr<Table> make_sql_table(client::Executor& executor, RpcClient& session, std::string name);

/// Rows have keys that begin with `prefix`, which is not used for anything else.
std::unique_ptr<Table> make_kv_table(client::Executor& executor, client::Cluster& cluster, std::string prefix);

}  // namespace ddb::bench
