#include "raft/config.hpp"

#include <algorithm>
#include <iterator>

#include "raft/quorum.hpp"

namespace ddb::raft {
namespace {

using proto::Config;
using Ids = std::vector<ReplicaId>;

bool contains(const Ids& ids, ReplicaId id) { return std::binary_search(ids.begin(), ids.end(), id); }

void insert(Ids& ids, ReplicaId id) {
  const auto at = std::lower_bound(ids.begin(), ids.end(), id);
  if (at == ids.end() || *at != id) ids.insert(at, id);
}

void remove(Ids& ids, ReplicaId id) { std::erase(ids, id); }

Ids united(const Ids& a, const Ids& b) {
  Ids all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

bool disjoint(const Ids& a, const Ids& b) {
  return std::none_of(a.begin(), a.end(), [&](ReplicaId id) { return contains(b, id); });
}

size_t difference(const Ids& a, const Ids& b) {
  Ids changed;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(changed));
  return changed.size();
}

bool well_formed(const Ids& ids) {
  return std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>{}) == ids.end() &&
         (ids.empty() || ids.front());
}

void apply(Config& config, const MemberChange& change) {
  if (!change.id) return;
  if (change.op == MemberChange::Op::learner && contains(config.learners, change.id)) return;
  remove(config.learners, change.id);
  remove(config.learners_next, change.id);
  if (change.op == MemberChange::Op::voter) return insert(config.voters, change.id);
  remove(config.voters, change.id);
  if (change.op == MemberChange::Op::remove) return;
  // A learner that still votes in the outgoing half would be both at once: it waits.
  insert(contains(config.outgoing, change.id) ? config.learners_next : config.learners, change.id);
}

Result<Config> applied(Config config, std::span<const MemberChange> changes) {
  for (const MemberChange& change : changes) apply(config, change);
  if (auto ok = check_config(config); !ok) return std::unexpected(ok.error());
  return config;
}

}  // namespace

bool is_joint(const Config& config) { return !config.outgoing.empty(); }

bool is_voter(const Config& config, ReplicaId id) {
  return contains(config.voters, id) || contains(config.outgoing, id);
}

std::vector<ReplicaId> members_of(const Config& config) {
  return united(united(config.voters, config.outgoing), config.learners);
}

Result<Config> simple_change(const Config& from, std::span<const MemberChange> changes) {
  if (is_joint(from)) return fail(Code::refused, "the configuration is joint", "leave it first");
  auto to = applied(from, changes);
  if (to && difference(from.voters, to->voters) > 1)
    return fail(Code::refused, "more than one voter would change", "use a joint change");
  return to;
}

Result<Config> enter_joint(const Config& from, bool auto_leave, std::span<const MemberChange> changes) {
  if (is_joint(from)) return fail(Code::refused, "the configuration is joint already", "leave it first");
  if (from.voters.empty()) return fail(Code::refused, "a configuration without voters cannot become joint");
  Config joint = from;
  joint.outgoing = from.voters;
  joint.auto_leave = auto_leave;
  return applied(std::move(joint), changes);
}

Result<Config> leave_joint(const Config& from) {
  if (!is_joint(from)) return fail(Code::refused, "the configuration is not joint");
  Config to;
  to.voters = from.voters;
  to.learners = united(from.learners, from.learners_next);
  return to;
}

Result<void> check_config(const Config& config) {
  const auto refuse = [](const char* why) { return fail(Code::refused, why); };
  if (config.voters.empty()) return refuse("no voters would be left");
  if (config.voters.size() > voters_max || config.outgoing.size() > voters_max) return refuse("too many voters");
  for (const Ids* ids : {&config.voters, &config.outgoing, &config.learners, &config.learners_next})
    if (!well_formed(*ids)) return refuse("members must be sorted, distinct and not zero");
  if (!disjoint(config.learners, config.voters) || !disjoint(config.learners, config.outgoing) ||
      !disjoint(config.learners_next, config.voters))
    return refuse("a member is voter and learner at once");
  if (!std::includes(config.outgoing.begin(), config.outgoing.end(), config.learners_next.begin(),
                     config.learners_next.end()))
    return refuse("only an outgoing voter can become a learner on leaving");
  if (config.auto_leave && !is_joint(config)) return refuse("only a joint configuration can be left");
  return {};
}

Result<void> check_step(const Config& from, const Config& to) {
  const auto refuse = [](const char* why) { return fail(Code::refused, why); };
  if (to == from) return {};
  if (is_joint(from)) {
    if (to != *leave_joint(from)) return refuse("the configuration is joint: it can only be left");
    return {};
  }
  if (auto ok = check_config(to); !ok) return ok;
  if (is_joint(to)) {
    if (to.outgoing != from.voters) return refuse("a joint configuration must keep all voters as its outgoing half");
    return {};
  }
  if (difference(from.voters, to.voters) > 1) return refuse("more than one voter would change: use a joint change");
  return {};
}

}  // namespace ddb::raft
