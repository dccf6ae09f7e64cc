#include "range/judge.hpp"

#include <algorithm>

#include "base/rule.hpp"

namespace ddb::range {

Judgement judge(const std::vector<ReplicaId>& members, const std::vector<ReplicaId>& damaged,
                const std::map<ReplicaId, proto::CheckAnswer>& answers) {
  Judgement out;
  std::map<uint64_t, std::vector<ReplicaId>> sound;  // by what their rows come to
  for (const ReplicaId member : members) {
    const auto answer = answers.find(member);
    if (std::ranges::find(damaged, member) != damaged.end()) continue;
    if (answer == answers.end() || !answer->second.done) {
      out.silent.push_back(member);
    } else if (answer->second.damaged > 0) {
      out.damaged.push_back(member);
    } else {
      sound[answer->second.hash].push_back(member);
    }
  }
  // Nobody is left who could serve.
  out.stopped = sound.empty() && out.silent.empty();
  if (sound.size() < 2 || !DDB_KEEPS("H1")) return out;
  const auto right = std::ranges::find_if(sound, [&](const auto& group) { return 2 * group.second.size() > members.size(); });
  out.stopped = right == sound.end();
  for (auto group = sound.begin(); group != sound.end() && !out.stopped; ++group) {
    if (group != right) out.damaged.insert(out.damaged.end(), group->second.begin(), group->second.end());
  }
  return out;
}

}  // namespace ddb::range
