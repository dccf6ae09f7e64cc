#include "client/oracle_client.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <utility>

#include "base/assert.hpp"
#include "codec/archive.hpp"
#include "proto/meta_keys.hpp"

namespace ddb::client {

namespace {

using proto::OracleReply;
using proto::OracleRequest;

constexpr Duration pause_min = std::chrono::milliseconds{10};  // when nobody leads, before asking again; doubled
constexpr Duration pause_max = std::chrono::milliseconds{100};
constexpr Duration silence_max = std::chrono::seconds{5};  // of watches, before the leader is probed
constexpr uint32_t timestamps_max = 65'536;                // in one request
constexpr size_t addresses_max = 32;                       // learnt ones included

/// Repeating these could do them twice: when the last attempt ends without an answer, their outcome is unknown.
bool changes_metadata(const OracleRequest& request) {
  return std::holds_alternative<proto::MetaTxnRequest>(request) || std::holds_alternative<proto::LeaseGrantRequest>(request) ||
         std::holds_alternative<proto::LeaseRevokeRequest>(request);
}

uint64_t draw() {
  std::random_device device;
  return (uint64_t{device()} << 32 | device()) | 1;  // never zero
}

/// The one kind of reply that a kind of request has.
template <class T>
Done<OracleReply> expecting(Done<T> done) {
  return [done = std::move(done)](Result<OracleReply> reply) mutable {
    if (!reply) return done(std::unexpected(std::move(reply.error())));
    if (auto* error = std::get_if<Error>(&*reply)) return done(std::unexpected(std::move(*error)));
    auto* value = std::get_if<T>(&*reply);
    if (value == nullptr) return done(fail(Code::bad_data, "the oracle's reply is not of the kind asked for"));
    done(std::move(*value));
  };
}

}  // namespace

struct OracleClient::Impl : std::enable_shared_from_this<Impl> {
  struct Call {
    Bytes body;
    Done<OracleReply> done;
    Instant deadline;
    bool changes = false;   // see changes_metadata
    bool in_doubt = false;  // an attempt was sent and not answered
    size_t attempts = 0;    // since the last pause
  };
  using CallPtr = std::shared_ptr<Call>;

  struct Watch {
    Bytes key;
    Bytes end;
    Revision next;  // all below has been reported; zero: from now
    WatchEvents events;
    size_t member = 0;      // where it is open
    uint64_t stream = 0;    // zero: not open
  };

  struct Member {
    net::Address address;
    std::unique_ptr<Channel> channel;
    std::string trouble;  // why its last attempt failed
  };

  Impl(net::Loop& the_loop, net::Identity& the_identity, OracleClientOptions the_options)
      : loop{the_loop}, identity{the_identity}, options{std::move(the_options)}, retry{loop}, probe{loop}, request_id{draw()} {
    DDB_ASSERT(!options.addresses.empty());
    for (const auto& address : options.addresses) members.push_back({address, nullptr, {}});
  }

  Channel& channel(size_t member) {
    auto& slot = members[member];
    if (!slot.channel)
      slot.channel = std::make_unique<Channel>(
          loop, identity, slot.address,
          [this](const proto::Hello& hello) {
            if (identity.cluster == 0) identity.cluster = hello.cluster;
          },
          options.channel);
    return *slot.channel;
  }

  // Who leads: a guess, corrected by redirects and failures.
  void follow(const std::string& leader, size_t from);
  void leave(size_t member);
  void set_leader(size_t member);

  // Calls.
  void attempt(CallPtr call);
  void answered(CallPtr call, size_t member, Result<Bytes> body);
  void judge(CallPtr call, size_t member, OracleReply reply);
  void again(CallPtr call);
  void give_up(Call& call);
  std::string troubles() const;
  void resume_later();
  void resume();

  // Timestamps.
  void send_waiters();
  void send_waiters_soon();

  // Watches.
  void open(WatchId id, Watch& watch);
  void watch_reply(WatchId id, Result<Bytes> body);
  void close(Watch& watch);
  void probe_later();

  net::Loop& loop;
  net::Identity& identity;
  OracleClientOptions options;
  std::vector<Member> members;
  size_t leader = 0;

  net::Timer retry;
  Duration pause = pause_min;
  std::vector<CallPtr> paused;

  std::deque<Done<Timestamp>> waiters;  // for timestamps, not yet in a request
  bool timestamps_in_flight = false;

  std::map<WatchId, Watch> watches;
  WatchId last_watch = 0;
  net::Timer probe;
  Instant watch_heard{};

  uint64_t request_id;  // of the next transaction: a random start, so that no two clients share one
};

void OracleClient::Impl::set_leader(size_t member) {
  leader = member;
  for (auto& [id, watch] : watches)
    if (watch.member != leader) close(watch);
  if (!watches.empty()) resume_later();
}

/// `from` says that `address` leads; empty: it does not know.
void OracleClient::Impl::follow(const std::string& address, size_t from) {
  const auto parsed = net::parse_address(address);
  if (!parsed) return leave(from);
  auto found = std::ranges::find(members, *parsed, &Member::address);
  if (found == members.end()) {
    if (members.size() == addresses_max) return leave(from);
    found = members.insert(found, Member{*parsed, nullptr, {}});
  }
  const auto member = static_cast<size_t>(found - members.begin());
  if (member == leader) return;
  // The others may take an election timeout to notice what is known here already.
  if (found->channel && !found->channel->responsive()) return leave(from);
  set_leader(member);
}

void OracleClient::Impl::leave(size_t member) {
  if (leader == member) set_leader((member + 1) % members.size());
}

void OracleClient::Impl::attempt(CallPtr call) {
  const Duration left = call->deadline - net::Loop::now();
  if (left <= Duration::zero()) return give_up(*call);
  ++call->attempts;
  Bytes body = call->body;
  channel(leader).request(proto::oracle_range, std::move(body), std::min(left, options.attempt_timeout),
                          [this, call = std::move(call), member = leader](Result<Bytes> reply) mutable {
                            answered(std::move(call), member, std::move(reply));
                          });
}

void OracleClient::Impl::answered(CallPtr call, size_t member, Result<Bytes> body) {
  if (body) {
    auto reply = codec::decode<OracleReply>(*body);
    if (!reply) return call->done(std::unexpected(std::move(reply.error())));
    return judge(std::move(call), member, std::move(*reply));
  }
  const Error& error = body.error();
  members[member].trouble = error.message;
  const bool hopeless = error.code == Code::refused || error.code == Code::bad_data || error.code == Code::too_long;
  if (hopeless) return call->done(std::unexpected(error));
  call->in_doubt = call->in_doubt || error.code == Code::unknown_outcome;
  if (error.code != Code::try_again) leave(member);
  again(std::move(call));
}

void OracleClient::Impl::judge(CallPtr call, size_t member, OracleReply reply) {
  if (const auto* redirect = std::get_if<proto::OracleRedirect>(&reply)) {
    members[member].trouble = to_string(members[member].address) + ": not the leader";
    follow(redirect->leader, member);
    return again(std::move(call));
  }
  const auto* error = std::get_if<Error>(&reply);
  if (error == nullptr) {
    pause = pause_min;
    return call->done(std::move(reply));
  }
  // A leader that fell with the change under way: a repetition finds what became of it, by its request id.
  const bool in_doubt = error->code == Code::unknown_outcome;
  if (!in_doubt && error->code != Code::try_again && error->code != Code::not_leader) return call->done(std::unexpected(*error));
  call->in_doubt = call->in_doubt || in_doubt;
  members[member].trouble = to_string(members[member].address) + ": " + error->message;
  call->attempts = members.size();  // the leader is known, so pause
  again(std::move(call));
}

/// At once while there is an address that this call has not asked; else after a pause.
void OracleClient::Impl::again(CallPtr call) {
  if (call->attempts < members.size()) return attempt(std::move(call));
  call->attempts = 0;
  paused.push_back(std::move(call));
  resume_later();
}

void OracleClient::Impl::resume_later() {
  if (retry.pending()) return;
  retry.after(pause, [this] { resume(); });
  pause = std::min(2 * pause, pause_max);
}

void OracleClient::Impl::resume() {
  for (auto& call : std::exchange(paused, {})) attempt(std::move(call));
  for (auto& [id, watch] : watches)
    if (watch.stream == 0) open(id, watch);
}

std::string OracleClient::Impl::troubles() const {
  std::string text;
  for (const auto& member : members) {
    if (!text.empty()) text += "; ";
    text += member.trouble.empty() ? to_string(member.address) + ": not asked" : member.trouble;
  }
  return text;
}

void OracleClient::Impl::give_up(Call& call) {
  if (call.changes && call.in_doubt)
    return call.done(fail(Code::unknown_outcome, "the oracle did not confirm a change in time (" + troubles() + ")",
                          "read it back to see whether it happened"));
  call.done(fail(Code::unavailable, "no oracle answers (" + troubles() + ")", "check the addresses, or start the oracle"));
}

/// One request in flight serves the waiters that were there when it left (O1); later ones take the next.
void OracleClient::Impl::send_waiters() {
  if (timestamps_in_flight || waiters.empty()) return;
  timestamps_in_flight = true;
  const auto count = static_cast<uint32_t>(std::min<size_t>(waiters.size(), timestamps_max));
  std::vector<Done<Timestamp>> served;
  for (uint32_t i = 0; i < count; ++i) {
    served.push_back(std::move(waiters.front()));
    waiters.pop_front();
  }
  if (options.figures != nullptr) {
    ++options.figures->timestamp_requests;
    options.figures->timestamps += count;
  }
  auto call = std::make_shared<Call>();
  call->body = codec::encode(OracleRequest{proto::TimestampRequest{count}});
  call->deadline = net::Loop::now() + options.timeout;
  call->done = expecting<proto::TimestampReply>([this, served = std::move(served)](Result<proto::TimestampReply> reply) mutable {
    timestamps_in_flight = false;
    send_waiters();
    for (uint64_t i = 0; i < served.size(); ++i)
      served[i](reply ? Result<Timestamp>{Timestamp{reply->first.value + i}} : std::unexpected(reply.error()));
  });
  attempt(std::move(call));
}

/// All who ask in one turn of the loop share a request.
void OracleClient::Impl::send_waiters_soon() {
  loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->send_waiters();
  });
}

void OracleClient::Impl::open(WatchId id, Watch& watch) {
  watch.member = leader;
  const OracleRequest request{proto::WatchRequest{.key = watch.key, .end = watch.end, .from = watch.next}};
  watch.stream = channel(leader).open_stream(proto::oracle_range, codec::encode(request),
                                             [this, id](Result<Bytes> body) { watch_reply(id, std::move(body)); });
  watch_heard = net::Loop::now();
  probe_later();
}

void OracleClient::Impl::close(Watch& watch) {
  if (watch.stream == 0) return;
  auto& at = channel(watch.member);
  at.cancel(watch.stream);
  if (at.up())
    at.request(proto::oracle_range, codec::encode(OracleRequest{proto::WatchCancelRequest{watch.stream}}),
               options.attempt_timeout, [](Result<Bytes>) {});
  watch.stream = 0;
}

void OracleClient::Impl::watch_reply(WatchId id, Result<Bytes> body) {
  Watch& watch = watches.at(id);
  const size_t member = watch.member;
  const auto reply = body ? codec::decode<OracleReply>(*body) : Result<OracleReply>{std::unexpected(body.error())};
  watch_heard = net::Loop::now();
  if (const auto* changes = reply ? std::get_if<proto::WatchReply>(&*reply) : nullptr) {
    if (changes->revision < watch.next) return;
    watch.next = changes->revision.next();
    const auto changed = watch.events.changed;  // a copy: the callback may unwatch
    return changed(*changes);
  }
  watch.stream = 0;
  const auto* error = reply ? std::get_if<Error>(&*reply) : &reply.error();
  if (error != nullptr && error->code == Code::too_old) {
    const auto lost = std::move(watch.events.lost);
    watches.erase(id);
    return lost(*error);
  }
  if (const auto* redirect = reply ? std::get_if<proto::OracleRedirect>(&*reply) : nullptr) {
    follow(redirect->leader, member);
  } else if (!body) {
    leave(member);
  }
  resume_later();
}

/// A hung leader sends no changes, and no word of it: a call finds out, and takes the watches along.
void OracleClient::Impl::probe_later() {
  if (probe.pending()) return;
  probe.after(silence_max, [this] {
    if (watches.empty()) return;
    if (net::Loop::now() - watch_heard >= silence_max) {
      // Not a timestamp: that would keep an idle oracle's log busy.
      auto call = std::make_shared<Call>();
      call->body = codec::encode(OracleRequest{proto::MetaRangeRequest{proto::config_replicas, {}}});
      call->deadline = net::Loop::now() + options.timeout;
      call->done = [](Result<OracleReply>) {};
      attempt(std::move(call));
    }
    probe_later();
  });
}

OracleClient::OracleClient(net::Loop& loop, net::Identity& identity, OracleClientOptions options)
    : impl_{std::make_shared<Impl>(loop, identity, std::move(options))} {}
OracleClient::~OracleClient() = default;

void OracleClient::timestamp(Done<Timestamp> done) {
  impl_->waiters.push_back(std::move(done));
  if (impl_->waiters.size() == 1) impl_->send_waiters_soon();
}

void OracleClient::call(OracleRequest request, Done<OracleReply> done, Duration timeout) {
  auto call = std::make_shared<Impl::Call>();
  call->changes = changes_metadata(request);
  call->body = codec::encode(request);
  call->done = std::move(done);
  call->deadline = net::Loop::now() + (timeout > Duration::zero() ? timeout : impl_->options.timeout);
  impl_->attempt(std::move(call));
}

void OracleClient::range(Bytes key, Bytes end, Done<env::MetaRange> done) {
  call(proto::MetaRangeRequest{std::move(key), std::move(end)}, expecting(std::move(done)));
}

void OracleClient::txn(std::vector<env::MetaCompare> compares, std::vector<env::MetaOp> ops, Done<env::MetaTxnResult> done) {
  call(proto::MetaTxnRequest{std::move(compares), std::move(ops), impl_->request_id++}, expecting(std::move(done)));
}

void OracleClient::grant(uint64_t ttl_ms, Done<proto::LeaseReply> done) {
  call(proto::LeaseGrantRequest{ttl_ms}, expecting(std::move(done)));
}

void OracleClient::keep_alive(LeaseId lease, Done<proto::LeaseReply> done) {
  call(proto::LeaseKeepAliveRequest{lease}, expecting(std::move(done)));
}

void OracleClient::revoke(LeaseId lease, Done<proto::DoneReply> done) {
  call(proto::LeaseRevokeRequest{lease}, expecting(std::move(done)));
}

void OracleClient::register_store(proto::RegisterStoreRequest request, Done<proto::RegisterStoreReply> done) {
  call(std::move(request), expecting(std::move(done)));
}

void OracleClient::heartbeat(proto::StoreHeartbeatRequest request, Done<proto::DoneReply> done) {
  call(std::move(request), expecting(std::move(done)));
}

void OracleClient::status(const net::Address& address, Done<proto::OracleStatusReply> done) {
  const auto found = std::ranges::find(impl_->members, address, &Impl::Member::address);
  DDB_ASSERT(found != impl_->members.end());
  impl_->channel(static_cast<size_t>(found - impl_->members.begin()))
      .request(proto::oracle_range, codec::encode(OracleRequest{proto::OracleStatusRequest{}}), impl_->options.attempt_timeout,
               [done = expecting(std::move(done))](Result<Bytes> body) mutable {
                 done(body ? codec::decode<OracleReply>(*body) : std::unexpected(body.error()));
               });
}

OracleClient::WatchId OracleClient::watch(Bytes key, Bytes end, Revision from, WatchEvents events) {
  const WatchId id = ++impl_->last_watch;
  auto& watch = impl_->watches[id];
  watch = {.key = std::move(key), .end = std::move(end), .next = from, .events = std::move(events)};
  impl_->open(id, watch);
  return id;
}

void OracleClient::unwatch(WatchId id) {
  const auto found = impl_->watches.find(id);
  if (found == impl_->watches.end()) return;
  impl_->close(found->second);
  impl_->watches.erase(found);
}

net::Loop& OracleClient::loop() { return impl_->loop; }
const net::Identity& OracleClient::identity() const { return impl_->identity; }
const std::vector<net::Address>& OracleClient::addresses() const { return impl_->options.addresses; }

}  // namespace ddb::client
