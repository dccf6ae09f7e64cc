// Changing the configuration: thesis 4.1 to 4.3, and the repair of 2015 (raft-dev, "bug in single-server changes").
#include "codec/archive.hpp"
#include "raft/core.hpp"

namespace ddb::raft {

Result<LogIndex> Raft::Impl::propose_config(ConfigChange change, Instant now) {
  advance(now);
  if (!lead_) return fail(Code::not_leader, "this replica does not lead");
  if (lead_->transferee) return fail(Code::try_again, "leadership is being handed over");
  if (configs_.latest_index() > hard_.commit)
    return fail(Code::refused, "a change of the configuration is in flight", "wait until it is committed");
  // Without that, an older change could be left over on a minority whose quorum is disjoint from the new one's.
  if (hard_.commit < lead_->own)
    return fail(Code::refused, "this leader has not committed an entry of its own term", "try again");
  if (auto ok = check_step(configs_.latest(), change.config); !ok) return std::unexpected(ok.error());

  append_config(std::move(change));
  return log_.last().index;
}

// In force from now on (thesis 4.1).
void Raft::Impl::append_config(ConfigChange change) {
  const LogIndex index = append_own(proto::EntryKind::config, codec::encode(change));
  configs_.append(index, std::move(change.config));
  rebuild_followers(index);
}

/// One for every other member; to newcomers `first` is sent first.
void Raft::Impl::rebuild_followers(LogIndex first) {
  std::vector<Follower> followers;
  for (const ReplicaId member : members_of(configs_.latest())) {
    if (member == id()) continue;
    Follower* known = find(member);
    followers.push_back(known ? std::move(*known) : Follower{member, first});
  }
  lead_->followers = std::move(followers);
}

/// The configuration in force is committed, and this leader may append another.
bool Raft::Impl::config_settled() const {
  return configs_.latest_index() <= hard_.commit && lead_->own <= hard_.commit;
}

// The leader's duty, and a new leader inherits it (thesis 4.3). This change carries no payload.
void Raft::Impl::leave_joint_when_due() {
  const Config& config = configs_.latest();
  if (config_settled() && is_joint(config) && config.auto_leave && !lead_->transferee)
    append_config({.config = *leave_joint(config), .payload = {}});
}

// Until its removal is committed it leads without counting itself (thesis 4.2.2). The others learn of the commit
// now, for nobody will tell them later.
void Raft::Impl::step_down_when_removed() {
  if (!config_settled() || votes_here()) return;
  replicate();
  send_heartbeats();
  become_follower(hard_.term, ReplicaId{});
}

}  // namespace ddb::raft
