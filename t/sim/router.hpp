// How simulated programs reach ranges: by the real map of them, corrected by answers.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "client/range_map.hpp"
#include "directory.hpp"
#include "oracle_stub.hpp"
#include "txn/calls.hpp"

namespace sim {

/// Of one endpoint, which hands it the replies it receives. Destruction forgets all requests.
class Router {
 public:
  using Done = std::function<void(ddb::Result<ddb::proto::RangeReply>)>;

  Router(World& world, Network& network, Endpoint self, const Directory& directory, OracleStub& oracle)
      : world_{world}, network_{network}, self_{self}, directory_{directory}, oracle_{oracle} {}
  ~Router() { *alive_ = false; }
  Router(const Router&) = delete;

  const ddb::client::RangeMap& map() const { return map_; }
  /// Reads the map in the metadata.
  void refresh();
  /// To one replica; a repetition a little later. Errors as client::Router has them.
  void send(const ddb::txn::Send& wanted, Done done);
  /// False: of a request that is none of its own.
  bool received(const ddb::proto::ClientReply& reply);

 private:
  struct Request {
    ddb::RangeId range;
    ddb::ReplicaId replica;
    Done done;
  };
  void send_now(const ddb::txn::Send& wanted, Done done);
  void timed_out(uint64_t id);
  void later(Duration delay, std::function<void()> f);

  World& world_;
  Network& network_;
  const Endpoint self_;
  const Directory& directory_;
  OracleStub& oracle_;
  ddb::client::RangeMap map_;
  bool refreshing_ = false;
  std::map<uint64_t, Request> requests_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// What the router says, to the coordinator or the calls that wanted it sent.
template <class Sender>
void deliver(Sender& sender, uint64_t token, ddb::Result<ddb::proto::RangeReply> reply) {
  if (reply) sender.reply(token, std::move(*reply));
  else if (reply.error().code == ddb::Code::wrong_range) sender.reply(token, std::move(reply.error()));
  else sender.no_answer(token, reply.error());
}

}  // namespace sim
