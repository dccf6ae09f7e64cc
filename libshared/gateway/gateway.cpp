#include "gateway/gateway.hpp"

#include <optional>

namespace ddb::gateway {

Gateway::Gateway(net::Loop& loop, const client::ClusterOptions& options, std::function<void(const Error&)> trouble)
    : loop_{loop},
      trouble_{std::move(trouble)},
      cluster_{loop, options},
      fibers_{loop},
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
  tick_later();
  return {};
}

void Gateway::close() {
  while (ticking_) sleep(std::chrono::milliseconds{1});
  ticker_.cancel();
  catalog_.reset();
}

Result<std::unique_ptr<sql::Session>> Gateway::session(sql::SessionOptions options) {
  options.yield = [this] { yield(); };
  return sql::Session::open(kv_, *catalog_, options);
}

void Gateway::yield() {
  const auto parking = std::make_shared<client::Executor::Parking>();
  loop_.post([parking] { parking->wake(); });
  (void)fibers_.park(parking);
}

void Gateway::sleep(Duration time) {
  const auto parking = std::make_shared<client::Executor::Parking>();
  net::Timer timer{loop_};
  timer.after(time, [parking] { parking->wake(); });
  (void)fibers_.park(parking);  // stopping: no sleep
}

void Gateway::tick_later() {
  ticker_.after(sql::CatalogOptions{}.refresh_interval, [this] {
    ticking_ = true;
    fibers_.spawn([this] { tick(); });
  });
}

void Gateway::tick() {
  if (const auto ticked = catalog_->tick(); !ticked && trouble_) trouble_(ticked.error());
  ticking_ = false;
  tick_later();
}

}  // namespace ddb::gateway
