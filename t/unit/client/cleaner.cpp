#include "client/cleaner.hpp"

#include <doctest/doctest.h>

#include "client/txn_runner.hpp"
#include "fake_cluster.hpp"

using namespace ddb;
using namespace ddb::client;

namespace {

struct Fixture {
  net::Loop loop;
  FakeCluster fake{loop};
  Cluster cluster{loop, fake.options(std::chrono::milliseconds{500})};
  Cleaner cleaner{cluster};

  /// Says so again and again, as ranges do.
  void until(const std::vector<proto::Locked>& orphans, const std::function<bool()>& done) {
    net::Timer timer{loop};
    std::function<void()> tell = [&] {
      cleaner.clear_away(orphans);
      timer.after(std::chrono::milliseconds{20}, [&] { tell(); });
    };
    tell();
    loop.run_until(done);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "V4: what a node tells of is asked about at its anchor, and cleared away") {
  const proto::Attempt attempt{Timestamp{5}, Timestamp{6}};
  fake.locks = {{"b", "v"}, {"c", "w"}};
  fake.records[attempt] = Timestamp{7};
  until({{attempt, "a", {"b", "c"}}}, [&] { return fake.locks.empty(); });
  CHECK(fake.data == std::map<Bytes, Bytes>{{"b", "v"}, {"c", "w"}});
  loop.run_until([&] { return cleaner.cleared() > 0; });
}

TEST_CASE_FIXTURE(Fixture, "V4: what nobody answers is given up, and tried anew when it is told of again") {
  const proto::Attempt attempt{Timestamp{5}, Timestamp{6}};
  fake.locks = {{"b", "v"}};
  fake.records[attempt] = Timestamp{7};
  fake.silent = true;
  net::Timer heal{loop};
  heal.after(std::chrono::milliseconds{700}, [&] { fake.silent = false; });
  until({{attempt, "a", {"b"}}}, [&] { return fake.locks.empty(); });
  CHECK(fake.data.contains("b"));
}

TEST_CASE("K3: a transaction that goes without writing what it read for an update gives up its turn") {
  net::Loop loop;
  FakeCluster fake{loop};
  Cluster cluster{loop, fake.options()};
  fake.data["k"] = "v";
  std::optional<Result<std::optional<Bytes>>> value;
  {
    Txn txn{cluster};
    txn.get_for_update("k", [&](Result<std::optional<Bytes>> read) { value = std::move(read); });
    loop.run_until([&] { return value.has_value(); });
  }
  CHECK(value->value().value() == "v");
  loop.run_until([&] { return fake.left == 1; });
}
