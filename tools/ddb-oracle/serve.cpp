#include "serve.hpp"

#include <csignal>
#include <fmt/format.h>
#include <random>
#include <set>

#include "cli/log.hpp"
#include "client/oracle_client.hpp"
#include "host/oracle_host.hpp"

namespace ddb::oracle {

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

/// From an empty process to a serving member, and back.
class Server {
 public:
  explicit Server(const ServeOptions& options) : options_{options}, timer_{loop_} {}

  Result<void> run() {
    auto peers = parse_peers(options_.peers);
    if (!peers) return std::unexpected(peers.error());
    if (!options_.log.empty()) {
      if (auto opened = log_.open(options_.log); !opened) return opened;
    }
    host::OracleHostOptions host_options;
    host_options.store.core.seed = draw();
    host_options.peers = std::move(*peers);
    host_options.advertise = options_.advertise;
    host_options.replicas = options_.replicas;
    host_options.insecure = options_.insecure;
    auto host = host::OracleHost::open(loop_, options_.directory, options_.listen, std::move(host_options),
                                       {.serving = [this] { serving(); },
                                        .failed = [this](const Error& error) { fail_with(error); }});
    if (!host) return std::unexpected(host.error());
    host_ = std::move(*host);
    loop_.on_signal({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { on_signal(signal); });
    log_.info(fmt::format("store {:016x} listens on {}", host_->identity().store.value, net::to_string(host_->address())));
    host_->begin();
    tell_waiting();
    loop_.run();
    return error_ ? Result<void>{std::unexpected(*error_)} : Result<void>{};
  }

 private:
  void tell_waiting() {
    if (host_->founded() || error_) return;
    log_.info("founding: " + host_->waiting_for());
    timer_.after(waiting_interval, [this] { tell_waiting(); });
  }

  void serving() {
    log_.info(fmt::format("member {} of the oracle of cluster {:016x} serves", host_->self().value,
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
                    if (reply) return log_.info("registered as " + host_->advertised());
                    if (reply.error().code == Code::refused) return fail_with(reply.error());
                    log_.warning(to_string(reply.error()));
                    timer_.after(register_retry, [this] { register_member(); });
                  });
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      (void)log_.reopen();
      return;
    }
    if (std::exchange(stopping_, true)) return loop_.stop();
    log_.info("stopping");
    host_->stop(stop_patience, [this] { loop_.stop(); });
  }

  void fail_with(const Error& error) {
    log_.error(to_string(error));
    error_ = error;
    loop_.stop();
  }

  const ServeOptions& options_;
  const uint64_t boot_ = draw();
  cli::Log log_;
  net::Loop loop_;
  net::Timer timer_;
  std::unique_ptr<host::OracleHost> host_;
  std::unique_ptr<client::OracleClient> oracle_;
  std::optional<Error> error_;
  bool stopping_ = false;
};

}  // namespace

Result<void> serve(const ServeOptions& options) { return Server{options}.run(); }

}  // namespace ddb::oracle
