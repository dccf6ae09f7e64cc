// A simulated client that does one thing after the other.
#pragma once

#include "check/history.hpp"
#include "client.hpp"

namespace sim {

/// What all clients of a run called and heard, for the checkers of libshared/check.
struct Record {
  ddb::check::History history;
  uint64_t processes = 0;  // numbers given so far
  int64_t values = 0;      // numbers written so far: none twice

  /// Throws the first violation.
  void check() const;
};

/// How the clients of a run behave.
struct Habits {
  Duration pause_max = 120ms;  // between transactions
  double think = 0.1;          // of transactions take their time between reading and writing
  double vanish = 0.02;        // of commits lose their coordinator on the way
  double greed = 0.05;         // of requests for timestamps are for as many as there may be
};

/// Goes on until stopped. At the end, the history of each kind looks at what all of that kind have seen.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual void start() = 0;
  void stop() { stopped_ = true; }
  bool idle() const { return idle_; }  // stopped, with nothing under way
  uint64_t succeeded() const { return succeeded_; }

 protected:
  bool stopped_ = false;
  bool idle_ = true;
  uint64_t succeeded_ = 0;
};

/// May it have taken effect all the same?
inline bool uncertain(const ddb::Error& error) { return error.code == ddb::Code::unknown_outcome; }

class Loop : public Workload {
 public:
  Loop(std::unique_ptr<Client> client, const Habits& habits) : client_{std::move(client)}, habits_{habits} {}

  void start() override {
    idle_ = false;
    again();
  }

 protected:
  virtual void operate() = 0;  // ends in done()

  void done(bool succeeded) {
    succeeded_ += succeeded;
    again();
  }
  const Habits& habits() const { return habits_; }
  World& world() { return client_->world(); }
  Client& client() { return *client_; }

  using Steps = std::vector<ddb::check::Step>;

  /// The beginning of an operation in the record, and its end.
  void called(Record& record, const char* workload, const char* f, Steps steps) {
    if (process_ == 0) process_ = ++record.processes;
    event_ = {process_, ddb::check::EventType::invoke, workload, f, std::move(steps), world().now().time_since_epoch().count()};
    note(record);
  }
  void heard(Record& record, ddb::check::EventType type, Steps steps = {}) {
    event_.type = type;
    event_.steps = std::move(steps);
    event_.time_ns = world().now().time_since_epoch().count();
    note(record);
    if (type == ddb::check::EventType::info) process_ = 0;  // may still be at work: another one goes on
  }
  void heard(Record& record, const ddb::Error& error) {
    heard(record, uncertain(error) ? ddb::check::EventType::info : ddb::check::EventType::fail);
  }

  /// Now, or after a while.
  void think(std::function<void()> then) {
    if (!world().chance(habits_.think)) return then();
    world().after(world().between(1ms, 3s), std::move(then));
  }

  /// Ends the transaction; or its coordinator, at any step of that.
  void commit(std::vector<ddb::env::Write> writes, Client::CommitDone then) {
    if (writes.empty() || !world().chance(habits_.vanish)) return client().commit(std::move(writes), std::move(then));
    auto once = [over = std::make_shared<bool>(false), then = std::move(then)](const ddb::Result<ddb::Timestamp>& outcome) {
      if (!std::exchange(*over, true)) then(outcome);
    };
    world().after(world().between(0us, 30ms), [this, once, transaction = client().transaction()] {
      if (transaction != client().transaction()) return;
      client().vanish();
      once(ddb::fail(ddb::Code::unknown_outcome, "the client is gone"));
    });
    client().commit(std::move(writes), once);
  }

 private:
  void again() {
    world().after(world().between(1ms, habits_.pause_max), [this] {
      if (stopped_) {
        idle_ = true;
      } else {
        operate();
      }
    });
  }

  void note(Record& record) {
    const auto added = record.history.add(event_);
    require(added.has_value(), "the simulator's own history makes no sense: " + (added ? "" : added.error().message));
  }

  std::unique_ptr<Client> client_;
  const Habits habits_;
  uint64_t process_ = 0;  // as the record knows this client
  ddb::check::Event event_;
};

}  // namespace sim
