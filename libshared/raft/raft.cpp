#include "raft/raft.hpp"

#include "raft/core.hpp"

namespace ddb::raft {

Raft::Raft(const Options& options, Initial initial, Instant now)
    : impl_{std::make_unique<Impl>(options, std::move(initial), now)} {}
Raft::~Raft() = default;
Raft::Raft(Raft&&) noexcept = default;

void Raft::tick(Instant now) { impl_->tick(now); }
void Raft::wake(Instant now) { impl_->wake(now); }
void Raft::step(RaftMessage message, Instant now) { impl_->step(std::move(message), now); }
void Raft::campaign(Instant now) { impl_->campaign(now); }
void Raft::stand_back(bool yes) { impl_->stand_back(yes); }
void Raft::initialise(const Base& base, Config config, Instant now) { impl_->initialise(base, std::move(config), now); }
Result<LogIndex> Raft::propose(Bytes data, Instant now) { return impl_->propose(std::move(data), now); }
Result<LogIndex> Raft::propose_config(ConfigChange change, Instant now) {
  return impl_->propose_config(std::move(change), now);
}
Result<void> Raft::transfer(ReplicaId to, Instant now) { return impl_->transfer(to, now); }
void Raft::read_index(uint64_t context, Instant now) { impl_->read_index(context, now); }
void Raft::synced(BatchNumber batch) { impl_->synced(batch); }
void Raft::applied(LogIndex index) { impl_->applied(index); }
void Raft::compact(LogIndex index) { impl_->compact(index); }
void Raft::unreachable(ReplicaId peer) { impl_->unreachable(peer); }
void Raft::snapshot_failed(ReplicaId peer) { impl_->snapshot_failed(peer); }

Effects Raft::take(BatchNumber batch) { return impl_->take(batch); }
bool Raft::has_effects() const { return impl_->has_effects(); }

Role Raft::role() const { return impl_->role(); }
Term Raft::term() const { return impl_->hard_state().term; }
ReplicaId Raft::leader() const { return impl_->leader(); }
ReplicaId Raft::id() const { return impl_->id(); }
const Config& Raft::config() const { return impl_->configs().latest(); }
LogIndex Raft::config_index() const { return impl_->configs().latest_index(); }
const Config& Raft::config_at(LogIndex index) const { return impl_->configs().at(index); }
HardState Raft::hard_state() const { return impl_->hard_state(); }
Base Raft::base() const { return impl_->log().base(); }
Base Raft::last() const { return impl_->log().last(); }
LogIndex Raft::commit_index() const { return impl_->hard_state().commit; }
LogIndex Raft::durable_index() const { return impl_->durable_index(); }
LogIndex Raft::applied_index() const { return impl_->applied_index(); }
LogIndex Raft::applicable() const { return impl_->applicable(); }
const Entry& Raft::entry(LogIndex index) const { return impl_->log().at(index); }
Term Raft::term_at(LogIndex index) const { return impl_->log().term_at(index); }
bool Raft::in_own_term() const { return impl_->in_own_term(); }
bool Raft::lease_valid(Instant now) const { return impl_->lease_valid(now); }
Instant Raft::next_deadline() const { return impl_->next_deadline(); }
bool Raft::at_rest() const { return impl_->at_rest(); }
size_t Raft::log_bytes() const { return impl_->log().bytes(); }
std::vector<Raft::Progress> Raft::progress() const { return impl_->progress(); }

}  // namespace ddb::raft
