// A simulated ddb-node or ddb-oracle: the real store core on a simulated disk, clock and network.
#pragma once

#include <memory>

#include "cleaner.hpp"
#include "directory.hpp"
#include "disk.hpp"
#include "network.hpp"
#include "observer.hpp"
#include "oracle_stub.hpp"

namespace sim {

struct ProcessOptions {
  std::string name;
  Endpoint endpoint = 0;
  bool oracle = false;
  ddb::range::StoreOptions core;
  ddb::range::MachineFactory machine;
  Duration flush_interval = 400ms;
  /// Of an oracle: all members' names, and the rows it starts from beside its own (Z2).
  std::vector<std::string> peers;
  uint32_t replicas = 3;  // of a new range
  std::function<void(ddb::env::WriteBatch&)> first_rows;
  /// Of a node: ranges that it is to have a replica of from the beginning, as if they had split long ago.
  std::function<std::vector<ddb::proto::RangeDescriptor>()> layout;
};

/// One data directory and whatever process runs on it. A process that dies leaves its Disk.
class Process final : private ddb::env::SnapshotFiles {
 public:
  Process(World& world, Network& network, const Directory& directory, Observer& observer, ProcessOptions options);
  ~Process() override;

  void start();
  /// Ends the process. A power loss also takes what was written and not synced; a kill leaves it to chance.
  void crash(bool power_loss);
  bool running() const { return running_; }
  bool serving() const { return core_ != nullptr; }

  void pause(Duration length) { paused_until_ = world_.now() + length; }
  /// Nothing wakes it for so long but what others send.
  void delay_timers(Duration length) { timers_late_until_ = world_.now() + length; }
  void hand_over();  // every leadership
  /// Replaces the data directory: by an empty one, or, for a while, by a copy that was taken in an earlier life.
  void lose_directory();
  /// The oracle has heard of a later start than the copy's next one.
  bool has_old_copy() const { return old_copy_ && old_copy_->incarnation < registered_; }
  bool is_swapped() const { return swapped_; }  // the old copy is in use
  void swap_in_old_copy();
  void stall_disk(Duration length) { disk_.stalled = world_.now() + length; }
  void fill_disk(bool full) { disk_.full = full; }
  void jump_wall_clock(int64_t millis) { wall_offset_millis_ += millis; }

  bool is_oracle() const { return options_.oracle; }
  bool leads() const;  // any range
  const std::string& name() const { return options_.name; }
  Endpoint endpoint() const { return options_.endpoint; }
  ddb::StoreId store() const { return disk_.store; }
  const ddb::range::Store* core() const { return core_.get(); }
  /// What it has applied; null: it does not serve.
  ddb::env::State* rows() { return state_.get(); }

 private:
  // A process in one of its lives: what it set in motion is void in the next.
  template <class F>
  World::Event alive(F f) {
    return [this, life = life_, f = std::move(f)]() mutable {
      if (life == life_ && running_) when_awake(std::move(f));
    };
  }
  // After a pause all that waits comes in any order.
  template <class F>
  void when_awake(F f) {
    if (world_.now() < paused_until_) {
      world_.after(paused_until_ - world_.now() + world_.between(0us, 2ms), alive(std::move(f)));
    } else {
      f();
    }
  }

  Instant local_now() const;
  size_t number() const;  // of an oracle, from 0
  void found();           // until all members agree (Z2)
  void obey(const ddb::oracle::Founding::Effects& effects);
  uint64_t wall_millis() const;
  void enroll();          // registers with the oracle, until that is done (A6)
  void open();            // recovers the core
  void tick();
  void turn();
  void receive(Endpoint from, const ddb::proto::Packet& packet);
  void send(std::vector<ddb::proto::PeerBatch> batches);
  void answer(const ddb::range::StoreReply& reply);
  void write_next();
  void written(ddb::proto::LogBatch batch);
  void maybe_flush();
  Duration sync_time();
  Duration flush_time();
  void die_of_full_disk();

  // env::SnapshotFiles
  void make(uint64_t id, ddb::Bytes record_key, std::vector<ddb::env::TableSpan> spans) override;
  void scan(uint64_t id, std::vector<ddb::env::TableSpan> spans) override;
  ddb::Result<ddb::Bytes> read(uint64_t id, uint64_t offset, size_t size) override;
  ddb::Result<void> write(uint64_t id, uint64_t offset, ddb::BytesView data) override;
  void seal(uint64_t id) override;
  void drop(uint64_t id) override;

  World& world_;
  Network& network_;
  const Directory& directory_;
  Observer& observer_;
  const ProcessOptions options_;
  Disk disk_;
  const double clock_rate_;  // within the drift that leases allow for
  int64_t wall_offset_millis_ = 0;

  uint64_t life_ = 0;
  bool running_ = false;
  Instant paused_until_{};
  Instant timers_late_until_{};
  std::optional<Disk> old_copy_;
  bool swapped_ = false;
  ddb::Incarnation registered_;
  std::optional<ddb::oracle::Founding> founding_;
  std::unique_ptr<OracleStub> oracle_;
  std::unique_ptr<Router> router_;    // of a node
  std::unique_ptr<Cleaner> cleaner_;
  std::unique_ptr<State> state_;
  std::unique_ptr<ddb::range::Store> core_;
  std::map<ddb::range::ConnectionId, Endpoint> connections_;
  std::map<Endpoint, ddb::range::ConnectionId> connection_of_;
  bool writing_ = false;
  bool cover_due_ = false;
  std::optional<ddb::proto::LogBatch> in_flight_;
  bool flushing_ = false;
  std::optional<ddb::env::WriteBatch> flush_;  // under way
  Instant next_flush_{};
};

}  // namespace sim
