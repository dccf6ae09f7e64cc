#include "gateway/gateway.hpp"

#include <optional>
#include <utility>

#include "sql/schema_store.hpp"

namespace ddb::gateway {

namespace {

/// Of one session: what the deepest statements that the limits of SQL allow take, and as much again. The kernel gives memory
/// only to what was used.
constexpr size_t stack_bytes = 2 << 20;
constexpr Duration poll = std::chrono::milliseconds{1};
constexpr Duration clear_up_max = std::chrono::seconds{1};

}  // namespace

Gateway::Gateway(net::Loop& loop, const client::ClusterOptions& options, std::function<void(const Error&)> trouble)
    : loop_{loop},
      trouble_{std::move(trouble)},
      cluster_{loop, options},
      fibers_{loop, stack_bytes},
      kv_{cluster_, fibers_},
      meta_{cluster_.oracle(), fibers_},
      ticker_{loop} {}

Gateway::~Gateway() = default;

Result<void> Gateway::run(std::function<Result<void>()> body) {
  std::optional<Result<void>> done;
  fibers_.spawn([&] { done = body(); });
  loop_.run_until([&] { return done.has_value(); });
  return done.value_or(fail(Code::unknown_outcome, "the program is stopping"));
}

Result<void> Gateway::open() {
  sql::CatalogOptions options;
  options.now = net::Loop::now;
  options.sleep = [this](Duration time) { sleep(time); };
  auto catalog = sql::Catalog::open(meta_, kv_, options);
  if (!catalog) return std::unexpected(catalog.error());
  catalog_ = *std::move(catalog);
  watch_schema();
  tick_later();
  return {};
}

/// Only so that other gateways' DDL need not wait for the next look: what a watch misses, that finds.
void Gateway::watch_schema() {
  schema_watch_ = cluster_.oracle().watch(sql::SchemaStore::version_key, {}, {},
                                          {.changed = [this](const proto::WatchReply& reply) {
                                             if (reply.events.empty()) return;
                                             catalog_->look_soon();
                                             if (!ticking_) tick_now();
                                           },
                                           .lost = [this](const Error&) { watch_schema(); }});
}

void Gateway::close() {
  while (ticking_) sleep(poll);
  cluster_.oracle().unwatch(schema_watch_);
  ticker_.cancel();
  catalog_.reset();
  const Instant until = net::Loop::now() + clear_up_max;
  while (cluster_.router().under_way() > 0 && net::Loop::now() < until && sleep(poll)) {
  }
}

Result<std::unique_ptr<sql::Session>> Gateway::session(sql::SessionOptions options) { return session(kv_, std::move(options)); }

Result<std::unique_ptr<sql::Session>> Gateway::session(env::Kv& kv, sql::SessionOptions options) {
  options.yield = [this] { yield(); };
  return sql::Session::open(kv, *catalog_, options);
}

void Gateway::yield() {
  const auto parking = std::make_shared<client::Executor::Parking>();
  loop_.post([parking] { parking->wake(); });
  (void)fibers_.park(parking);
}

bool Gateway::sleep(Duration time) {
  const auto parking = std::make_shared<client::Executor::Parking>();
  net::Timer timer{loop_};
  timer.after(time, [parking] { parking->wake(); });
  return fibers_.park(parking);
}

void Gateway::tick_later() {
  ticker_.after(sql::CatalogOptions{}.refresh_interval, [this] { tick_now(); });
}

void Gateway::tick_now() {
  ticking_ = true;
  ticker_.cancel();
  fibers_.spawn([this] { tick(); });
}

void Gateway::tick() {
  if (const auto ticked = catalog_->tick(); !ticked && trouble_) trouble_(ticked.error());
  ticking_ = false;
  tick_later();
}

}  // namespace ddb::gateway
