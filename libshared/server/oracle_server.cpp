#include "server/oracle_server.hpp"

#include <fmt/format.h>
#include <random>
#include <set>

#include "client/oracle_client.hpp"
#include "host/oracle_host.hpp"

namespace ddb::server {

namespace {

constexpr Duration stop_patience = std::chrono::seconds{2};
constexpr Duration register_retry = std::chrono::milliseconds{500};
constexpr Duration waiting_interval = std::chrono::seconds{5};

uint64_t draw() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

/// --peers as the founding wants it: written in one way, none twice.
Result<std::vector<std::string>> parse_peers(const std::string& text) {
  if (text.empty()) return std::vector<std::string>{};
  const auto addresses = net::parse_addresses(text);
  if (!addresses) return std::unexpected(addresses.error());
  std::vector<std::string> peers;
  for (const auto& address : *addresses) peers.push_back(net::to_string(address));
  if (std::set<std::string>(peers.begin(), peers.end()).size() != peers.size()) {
    return fail(Code::usage, "--peers names an address twice");
  }
  return peers;
}

}  // namespace

struct OracleServer::Impl {
  Impl(net::Loop& loop, const OracleServerOptions& options, Events events)
      : options_{options}, events_{std::move(events)}, loop_{loop}, timer_{loop} {}

  Result<void> open() {
    auto peers = parse_peers(options_.peers);
    if (!peers) return std::unexpected(peers.error());
    host::OracleHostOptions host_options;
    host_options.store.core.seed = draw();
    host_options.peers = std::move(*peers);
    host_options.advertise = options_.advertise;
    host_options.replicas = options_.replicas;
    host_options.insecure = options_.insecure;
    host_options.disk.log = options_.log;
    auto host = host::OracleHost::open(loop_, options_.directory, options_.listen, std::move(host_options),
                                       {.serving = [this] { serving(); },
                                        .failed = events_.failed});
    if (!host) return std::unexpected(host.error());
    host_ = std::move(*host);
    events_.info(fmt::format("store {:016x} listens on {}", host_->identity().store.value, net::to_string(host_->address())));
    host_->begin();
    tell_waiting();
    return {};
  }

  void tell_waiting() {
    if (host_->founded() || stopping_) return;
    events_.info("founding: " + host_->waiting_for());
    timer_.after(waiting_interval, [this] { tell_waiting(); });
  }

  void serving() {
    events_.info(fmt::format("member {} of the oracle of cluster {:016x} serves", host_->self().value,
                          host_->identity().cluster));
    client::OracleClientOptions client_options;
    client_options.addresses = {host_->address()};
    // Members that have moved are found through the log; the rest where they were founded.
    if (const auto all = net::parse_addresses(options_.peers)) client_options.addresses = *all;
    oracle_ = std::make_unique<client::OracleClient>(loop_, host_->net_identity(), client_options);
    register_member();
  }

  /// Z1: the log learns where this member is, and refuses an old copy of its directory (A6).
  void register_member() {
    const auto& self = host_->identity();
    oracle_->call(proto::RegisterMemberRequest{host_->self().value, self.store, self.incarnation, host_->advertised(), boot_},
                  [this](Result<proto::OracleReply> reply) {
                    if (reply) return events_.info("registered as " + host_->advertised());
                    if (reply.error().code == Code::refused) return events_.failed(reply.error());
                    events_.warning(to_string(reply.error()));
                    timer_.after(register_retry, [this] { register_member(); });
                  });
  }

  const OracleServerOptions options_;
  const Events events_;
  const uint64_t boot_ = draw();
  net::Loop& loop_;
  net::Timer timer_;
  std::unique_ptr<host::OracleHost> host_;
  std::unique_ptr<client::OracleClient> oracle_;
  bool stopping_ = false;
};

OracleServer::OracleServer(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
OracleServer::~OracleServer() = default;

Result<std::unique_ptr<OracleServer>> OracleServer::open(net::Loop& loop, const OracleServerOptions& options, Events events) {
  auto impl = std::make_unique<Impl>(loop, options, std::move(events));
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<OracleServer>{new OracleServer{std::move(impl)}};
}

const net::Address& OracleServer::address() const { return impl_->host_->address(); }

void OracleServer::stop(std::function<void()> done) {
  impl_->stopping_ = true;
  impl_->host_->stop(stop_patience, std::move(done));
}

}  // namespace ddb::server
