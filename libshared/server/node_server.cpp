#include "server/node_server.hpp"

#include <fmt/format.h>
#include <random>

#include "client/cleaner.hpp"
#include "client/oracle_client.hpp"
#include "codec/archive.hpp"
#include "host/node_host.hpp"
#include "proto/meta_keys.hpp"

namespace ddb::server {

namespace {

/// A timestamp that far above what this node knows to be given out is taken on trust (R1): one that lies only
/// makes its own range wait that long.
constexpr std::chrono::milliseconds timestamp_slack{5'000};
constexpr Duration stop_patience = std::chrono::seconds{2};
constexpr Duration oracle_attempt_timeout = std::chrono::milliseconds{500};
constexpr Duration core_call_timeout = std::chrono::seconds{5};
constexpr Duration register_retry = std::chrono::milliseconds{500};

uint64_t draw() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace

struct NodeServer::Impl {
  Impl(net::Loop& loop, const NodeServerOptions& options, Events events)
      : options_{options}, events_{std::move(events)}, loop_{loop}, retry_{loop} {}

  Result<void> open() {
    auto host = host::NodeHost::open(loop_, options_.directory, options_.listen, options_.insecure, {.log = options_.log, .fatal = {}},
                                     {.oracle = [this](range::OracleCall call) { ask(std::move(call)); },
                                      .orphans = [this](std::vector<proto::Locked> orphans) { clear_away(std::move(orphans)); },
                                      .warning = [this](const std::string& line) { events_.warning(line); },
                                      .failed = events_.failed});
    if (!host) return std::unexpected(host.error());
    host_ = std::move(*host);
    client::OracleClientOptions client_options;
    client_options.addresses = options_.oracles;
    client_options.attempt_timeout = oracle_attempt_timeout;
    oracle_ = std::make_unique<client::OracleClient>(loop_, host_->net_identity(), client_options);
    events_.info(fmt::format("store {:016x} listens on {}", host_->identity().store.value, net::to_string(host_->address())));
    register_store();
    return {};
  }

  std::string advertised() const {
    return options_.advertise.empty() ? net::to_string(host_->address()) : options_.advertise;
  }

  /// A6: before the oracle has taken the incarnation this store neither votes nor acknowledges.
  void register_store() {
    const auto& self = host_->identity();
    const std::vector<uint64_t> before{self.boots.begin(), self.boots.end() - 1};
    oracle_->register_store({self.store, self.incarnation, advertised(), options_.locality, self.cluster, self.boots.back(), before},
                            [this](Result<proto::RegisterStoreReply> reply) { registered(std::move(reply)); });
  }

  void registered(Result<proto::RegisterStoreReply> reply) {
    if (!reply && reply.error().code == Code::refused) return events_.failed(reply.error());
    if (!reply) {
      events_.warning(to_string(reply.error()));
      retry_.after(register_retry, [this] { register_store(); });
      return;
    }
    host::NodeOptions options;
    options.store.core.seed = draw();
    options.data.timestamp_slack = timestamp_slack;
    if (auto started = host_->start(options, reply->cluster, reply->node); !started) return events_.failed(started.error());
    events_.info(fmt::format("node {} of cluster {:016x} serves", reply->node.value, reply->cluster));
    read_nodes();
  }

  void read_nodes() {
    oracle_->range(proto::node_prefix, prefix_end(proto::node_prefix), [this](Result<env::MetaRange> nodes) {
      if (!nodes) return retry_.after(register_retry, [this] { read_nodes(); });
      for (const auto& entry : nodes->entries) learn(entry);
      watch_nodes(nodes->revision.next());
    });
  }

  void watch_nodes(Revision from) {
    oracle_->watch(proto::node_prefix, prefix_end(proto::node_prefix), from,
                   {.changed =
                        [this](const proto::WatchReply& changes) {
                          for (const auto& event : changes.events) {
                            if (!event.deleted) learn(event.entry);
                          }
                        },
                    .lost = [this](const Error&) { retry_.after(register_retry, [this] { read_nodes(); }); }});
  }

  void learn(const env::MetaEntry& entry) {
    const auto info = codec::decode<proto::NodeInfo>(entry.value);
    if (!info) return;
    if (const auto address = net::parse_address(info->address)) host_->set_peer(info->store, *address);
  }

  void ask(range::OracleCall call) {
    oracle_->call(std::move(call.request),
                  [this, token = call.token](Result<proto::OracleReply> reply) { host_->answer(token, std::move(reply)); },
                  core_call_timeout);
  }

  /// V4. Most nodes never have any: the way to other ranges is looked for when it is needed.
  void clear_away(std::vector<proto::Locked> orphans) {
    if (!cluster_) {
      cluster_ = std::make_unique<client::Cluster>(loop_, client::ClusterOptions{.oracles = options_.oracles});
      cleaner_ = std::make_unique<client::Cleaner>(*cluster_);
    }
    cleaner_->clear_away(std::move(orphans));
  }

  const NodeServerOptions options_;
  const Events events_;
  net::Loop& loop_;
  net::Timer retry_;
  std::unique_ptr<host::NodeHost> host_;
  std::unique_ptr<client::OracleClient> oracle_;
  std::unique_ptr<client::Cluster> cluster_;
  std::unique_ptr<client::Cleaner> cleaner_;
};

NodeServer::NodeServer(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
NodeServer::~NodeServer() = default;

Result<std::unique_ptr<NodeServer>> NodeServer::open(net::Loop& loop, const NodeServerOptions& options, Events events) {
  auto impl = std::make_unique<Impl>(loop, options, std::move(events));
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<NodeServer>{new NodeServer{std::move(impl)}};
}

void NodeServer::stop(std::function<void()> done) { impl_->host_->stop(stop_patience, std::move(done)); }

}  // namespace ddb::server
