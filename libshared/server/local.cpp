#include "server/local.hpp"

#include <filesystem>
#include <fstream>

#include "wal/posix_fs.hpp"

namespace ddb::server {

namespace {

namespace fs = std::filesystem;

/// "ORACLES NODES GATEWAYS", as ddb-up has it, which adds its ports.
constexpr const char* one_of_each = "1 1 1";
/// Started anew for every few statements, a store spends its time on making these files.
constexpr wal::Options small_log{.segment_bytes = 1 << 20, .spares = 1};

Result<void> make_directories(const fs::path& directory) {
  for (const char* name : {"oracle-1", "node-1"}) {
    std::error_code error;
    fs::create_directories(directory / name, error);
    if (error) return fail(Code::cannot_create, "cannot create " + (directory / name).string() + ": " + error.message());
  }
  return {};
}

/// What ddb-up started there may be more than one of each.
Result<void> check_cluster(const fs::path& directory) {
  const fs::path path = directory / "cluster";
  if (std::ifstream file{path}; file) {
    int oracles = 0;
    int nodes = 0;
    if (file >> oracles >> nodes && oracles == 1 && nodes == 1) return {};
    return fail(Code::refused, directory.string() + " holds a cluster of several processes", "start it with ddb-up, and leave out --data");
  }
  std::ofstream file{path};
  file << one_of_each << '\n';
  file.close();
  if (!file) return fail(Code::cannot_create, "cannot write " + path.string());
  return {};
}

Result<net::Address> socket_in(const fs::path& directory) {
  return net::parse_address("unix:" + (directory / "socket").string());
}

}  // namespace

Result<std::unique_ptr<Local>> Local::open(net::Loop& loop, const std::string& directory, const Events& events) {
  std::error_code error;
  const fs::path top = fs::absolute(directory, error).lexically_normal();
  const auto oracle_socket = socket_in(top / "oracle-1");
  const auto node_socket = socket_in(top / "node-1");
  if (!oracle_socket) return std::unexpected(oracle_socket.error());
  if (!node_socket) return std::unexpected(node_socket.error());
  if (auto made = make_directories(top); !made) return std::unexpected(made.error());
  auto lock = wal::posix_files().lock(top.string());
  if (!lock && lock.error().code == Code::refused) lock.error().code = Code::try_again;
  if (!lock) return std::unexpected(lock.error());
  if (auto checked = check_cluster(top); !checked) return std::unexpected(checked.error());
  std::unique_ptr<Local> local{new Local};
  local->lock_ = *std::move(lock);
  auto oracle = OracleServer::open(loop, {.directory = top / "oracle-1/data", .listen = *oracle_socket, .peers = {}, .advertise = {},
                                          .replicas = 1, .log = small_log}, events);
  if (!oracle) return std::unexpected(oracle.error());
  local->oracle_ = *std::move(oracle);
  auto node = NodeServer::open(loop, {.directory = top / "node-1/data", .listen = *node_socket, .advertise = {}, .locality = {},
                                      .oracles = local->oracles(), .log = small_log}, events);
  if (!node) return std::unexpected(node.error());
  local->node_ = *std::move(node);
  return local;
}

void Local::stop(std::function<void()> done) {
  node_->stop([this, done = std::move(done)]() mutable { oracle_->stop(std::move(done)); });
}

}  // namespace ddb::server
