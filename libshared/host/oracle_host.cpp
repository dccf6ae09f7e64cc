#include "host/oracle_host.hpp"

#include <algorithm>
#include <random>

#include "codec/archive.hpp"
#include "codec/crc.hpp"
#include "proto/admin.hpp"
#include "range/record.hpp"
#include "wal/posix_fs.hpp"

namespace ddb::host {

namespace {

constexpr Duration founding_interval = std::chrono::milliseconds{100};
constexpr Duration founding_linger = std::chrono::seconds{5};  // of links, once all is said
constexpr Duration members_interval = std::chrono::milliseconds{500};

std::string founding_path(const std::string& directory) { return directory + "/founding"; }

/// DIR/founding: what the member has accepted, with a checksum as all rows of the oracle have it.
Result<oracle::FoundingState> read_founding(const std::string& directory) {
  const std::string path = founding_path(directory);
  auto file = wal::posix_files().open_existing(path);
  if (!file && file.error().code == Code::not_found) return oracle::FoundingState{};
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  const auto sealed = (*file)->read(0, *size);
  if (!sealed) return std::unexpected(sealed.error());
  const auto bytes = oracle::unseal({}, *sealed);
  auto state = bytes ? codec::decode<oracle::FoundingState>(*bytes) : fail(Code::bad_data, {});
  if (!state) return fail(Code::bad_data, path + " is damaged", "start this member from an empty directory, as a new one");
  return state;
}

/// Whole or not at all, durably.
Result<void> write_founding(const std::string& directory, const oracle::FoundingState& state) {
  auto& files = wal::posix_files();
  const std::string path = founding_path(directory);
  auto file = files.create(path + ".new");
  if (!file) return std::unexpected(file.error());
  if (auto done = (*file)->write(0, oracle::seal({}, codec::encode(state))); !done) return done;
  if (auto done = (*file)->sync(); !done) return done;
  if (auto done = files.rename(path + ".new", path); !done) return done;
  return files.sync_directory(directory);
}

uint64_t draw_cluster() {
  std::random_device device;
  const uint64_t drawn = uint64_t{device()} << 32 | device();
  return drawn == 0 ? 1 : drawn;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

OracleHost::OracleHost(net::Loop& loop, std::string directory, OracleHostOptions options, OracleHostEvents events)
    : loop_{loop},
      directory_{std::move(directory)},
      options_{std::move(options)},
      events_{std::move(events)},
      founding_timer_{loop},
      members_timer_{loop} {}

OracleHost::~OracleHost() = default;

Result<std::unique_ptr<OracleHost>> OracleHost::open(net::Loop& loop, const std::string& directory,
                                                     const net::Address& address, OracleHostOptions options,
                                                     OracleHostEvents events) {
  std::unique_ptr<OracleHost> host{new OracleHost{loop, directory, std::move(options), std::move(events)}};
  auto store = lmdb::Store::open(directory, host->options_.disk);
  if (!store) return std::unexpected(store.error());
  host->store_ = std::move(*store);
  host->net_identity_ = {host->identity().cluster, host->identity().store};
  if (auto listening = host->listen(address); !listening) return std::unexpected(listening.error());
  if (auto prepared = host->prepare_founding(); !prepared) return std::unexpected(prepared.error());
  return host;
}

Result<void> OracleHost::listen(const net::Address& address) {
  auto server = Server::open(
      loop_, address, options_.insecure, net_identity_,
      {.request = [this](range::RequestToken from, RangeId range, Bytes body) { request(from, range, std::move(body)); },
       .peers = [this](const proto::PeerBatch& batch) { feed([&](auto& core, Instant now) { core.peer(batch, now); }); },
       .closed =
           [this](range::ConnectionId connection) {
             feed([&](auto& core, Instant now) { core.closed(connection, now); });
           },
       .founding =
           [this](const proto::FoundingMessage& message) {
             if (founding_) obey(founding_->receive(message));
           }});
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  if (options_.advertise.empty()) options_.advertise = net::to_string(server_->address());
  if (options_.peers.empty()) options_.peers = {options_.advertise};
  return {};
}

const lmdb::Identity& OracleHost::identity() const { return host_ ? host_->identity() : store_->identity(); }

template <class Input>
void OracleHost::feed(Input input) {
  if (!host_) return;
  input(host_->core(), net::Loop::now());
  host_->turn_soon();
}

// --- Founding ---

Result<void> OracleHost::prepare_founding() {
  auto state = read_founding(directory_);
  if (!state) return std::unexpected(state.error());
  if (state->record) {
    const auto& members = state->record->members;
    const auto own = std::ranges::find(members, identity().store, &proto::FoundingMember::store);
    if (own == members.end()) {
      return fail(Code::refused, directory_ + " is not the directory that its founding record speaks of",
                  "restore it whole, or start this member from an empty directory, as a new one");
    }
    self_ = static_cast<uint32_t>(own - members.begin());
    for (const auto& member : members) names_.push_back(member.address);
  } else {
    names_ = options_.peers;
    const auto own = std::ranges::find(names_, options_.advertise);
    if (own == names_.end()) {
      return fail(Code::usage, "--peers does not list " + options_.advertise,
                  "list this member too, as the others do, or say with --advertise which one it is");
    }
    self_ = static_cast<uint32_t>(own - names_.begin());
  }
  founding_ = std::make_unique<oracle::Founding>(names_, self_, identity().store, draw_cluster(), std::move(*state));
  return {};
}

void OracleHost::begin() {
  if (founding_->complete()) return start();
  tick_founding();
}

void OracleHost::tick_founding() {
  obey(founding_->tick());
  if (!founding_->complete()) founding_timer_.after(founding_interval, [this] { tick_founding(); });
}

void OracleHost::obey(const oracle::Founding::Effects& effects) {
  if (effects.save) {
    if (auto saved = write_founding(directory_, founding_->state()); !saved) return events_.failed(saved.error());
  }
  for (const auto& message : effects.messages) send(message);
  if (!founding_->complete()) return;
  // Members that have yet to hear of it go on asking.
  founding_timer_.after(founding_linger, [this] { founding_links_.clear(); });
  if (effects.save) start();
}

/// What finds no link, or a broken one, is lost: the other side asks again.
void OracleHost::send(const proto::FoundingMessage& message) {
  auto& link = founding_links_[message.to];
  if (!link) {
    const auto address = net::parse_address(names_[message.to]);
    if (!address) return;
    link = std::make_unique<net::PeerLink>(loop_, net_identity_, *address,
                                           net::PeerLink::Events{.up = [](const proto::Hello&) {},
                                                                 .down = [](const Error&) {},
                                                                 .packet = [](proto::Packet&&) {}});
  }
  link->send(message);
}

std::string OracleHost::waiting_for() const {
  if (founding_->complete()) return "is about to serve";
  if (!founding_->trouble().empty()) return founding_->trouble();
  const auto missing = founding_->missing();
  return missing.empty() ? "waits until all members have accepted" : "has not heard from " + joined(missing);
}

// --- Life ---

void OracleHost::start() {
  if (host_) return;
  if (auto started = start_store(); !started) return events_.failed(started.error());
  follow_members();
  events_.serving();
}

Result<void> OracleHost::start_store() {
  const auto& record = *founding_->state().record;
  if (auto adopted = store_->adopt(record.cluster, NodeId{self().value}); !adopted) return adopted;
  net_identity_.cluster = record.cluster;
  if (auto whole = oracle::check(store_->state()); !whole) return whole;
  const bool born = store_->state().get(env::Table::range, range::record_key(proto::oracle_range)).has_value();
  if (!born) {
    env::WriteBatch rows;  // durable in one flush with the birth of the replica below
    oracle::found(record, options_.replicas, rows);
    store_->state().apply(rows);
  }
  options_.store.core.has_oracle = false;
  options_.machine.self = self();
  peers_ = std::make_unique<Peers>(loop_, net_identity_, [this](StoreId peer) {
    feed([&](auto& core, Instant now) { core.unreachable(peer, now); });
  });
  auto host = StoreHost::start(
      loop_, std::move(store_), directory_, options_.store,
      [this](range::MachineHost& machine_host) {
        auto machine = std::make_unique<oracle::Machine>(machine_host, options_.machine);
        machine_ = machine.get();
        return machine;
      },
      {.send = [this](proto::PeerBatch batch) { peers_->send(std::move(batch)); },
       .reply = [this](range::StoreReply reply) { server_->reply(std::move(reply)); },
       .oracle = [](range::OracleCall) {},
       .failed = events_.failed});
  if (!host) return std::unexpected(host.error());
  host_ = std::move(*host);
  for (size_t i = 0; i < record.members.size(); ++i) {
    if (const auto address = net::parse_address(record.members[i].address); address && i != self_) {
      peers_->set_address(record.members[i].store, *address);
    }
  }
  if (!born) feed([&](auto& core, Instant) { core.create(oracle::founding_descriptor(record)); });
  return {};
}

/// Z1: where the others are now is in the log.
void OracleHost::follow_members() {
  for (const auto& member : members()) {
    if (!member.incarnation || member.id == self()) continue;
    if (const auto address = net::parse_address(member.address)) peers_->set_address(member.store, *address);
  }
  members_timer_.after(members_interval, [this] { follow_members(); });
}

std::vector<oracle::Member> OracleHost::members() const {
  return machine_ == nullptr ? std::vector<oracle::Member>{} : machine_->members();
}

void OracleHost::request(range::RequestToken from, RangeId range, Bytes body) {
  // Its replica lives once its birth is durable.
  if (!host_ || host_->core().replica(proto::oracle_range) == nullptr) {
    const bool asks_why = body == codec::encode(proto::OracleRequest{proto::OracleStatusRequest{}});
    const Error founding{Code::try_again, "the oracle is being founded: " + options_.advertise + " " + waiting_for(),
                         "start all members, with the same --peers", {}};
    // An emptied directory among founded ones waits here for ever: the others may know a leader.
    return server_->reply({from, codec::encode(asks_why ? proto::OracleReply{founding} : proto::OracleRedirect{})});
  }
  if (range == proto::oracle_range) return feed([&](auto& core, Instant now) { core.request(from, range, body, now); });
  const Error refusal{Code::refused, options_.advertise + " is an oracle: it has no range " + std::to_string(range.value),
                      "ask a node", {}};
  if (range) return server_->reply({from, codec::encode(proto::RangeReply{refusal})});
  const auto asked = codec::decode<proto::AdminRequest>(body);
  server_->reply({from, codec::encode(asked ? proto::AdminReply{host_->core().status()} : proto::AdminReply{asked.error()})});
}

void OracleHost::stop(Duration patience, std::function<void()> done) {
  if (!host_) return loop_.post(std::move(done));
  host_->stop(patience, std::move(done));
}

}  // namespace ddb::host
