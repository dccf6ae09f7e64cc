#include "oracle/founding.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace ddb::oracle {

namespace {

using proto::FoundingMessage;
using proto::FoundingRecord;

std::string other_directory(const std::string& peer) {
  return "the oracle was founded with another directory of " + peer +
         ": restore that one, or empty the directories of all members if nothing was stored yet";
}

bool lists(const FoundingRecord& record, const std::vector<std::string>& names) {
  return std::ranges::equal(record.members, names, {}, &proto::FoundingMember::address);
}

}  // namespace

Founding::Founding(std::vector<std::string> peers, uint32_t self, StoreId store, uint64_t cluster,
                   FoundingState recovered)
    : names_{std::move(peers)}, self_{self}, cluster_{cluster}, state_{std::move(recovered)}, peers_(names_.size()) {
  DDB_ASSERT(self_ < names_.size());
  DDB_ASSERT(cluster_ != 0);
  DDB_ASSERT(!state_.record || lists(*state_.record, names_));
  peers_[self_] = {store, state_.record.has_value()};
}

Founding::Effects Founding::tick() {
  Effects effects;
  if (state_.complete) return effects;
  effects.save = draw_up();
  effects.save |= conclude();
  tell_all(effects);
  return effects;
}

Founding::Effects Founding::receive(const FoundingMessage& message) {
  Effects effects;
  if (message.to != self_ || message.from == self_ || message.from >= peers_.size()) return effects;
  if (!message.refusal.empty()) {
    if (!state_.complete) trouble_ = message.refusal;
    return effects;
  }
  if (auto refusal = refusal_of(message); !refusal.empty()) {
    effects.messages.push_back(message_to(message.from));
    effects.messages.back().refusal = refusal;
    if (!state_.complete) trouble_ = std::move(refusal);
    return effects;
  }
  effects.save = learn(message);
  effects.save |= draw_up();
  effects.save |= conclude();
  if (effects.save) {
    tell_all(effects);
  } else if (state_ != FoundingState{message.record, message.complete} && state_.record) {
    effects.messages.push_back(message_to(message.from));  // it missed something
  }
  return effects;
}

/// Why nothing that the sender says may count here.
std::string Founding::refusal_of(const FoundingMessage& message) const {
  const std::string& sender = names_[message.from];
  if (message.peers != names_) return names_[self_] + " and " + sender + " list different peers: give all the same --peers";
  if (!message.store) return sender + " names no store";
  if (state_.record && state_.record->members[message.from].store != message.store) return other_directory(sender);
  if (!message.record) return {};
  if (state_.record) return *message.record == *state_.record ? "" : sender + " belongs to another oracle";
  if (!lists(*message.record, names_)) return sender + " was founded with other peers";
  // 2: an emptied directory is not taken back.
  return message.record->members[self_].store == peers_[self_].store ? "" : other_directory(names_[self_]);
}

/// What a message that agrees with what is known here adds to it. True: something to be made durable.
bool Founding::learn(const FoundingMessage& message) {
  peers_[message.from] = {message.store, message.record.has_value()};
  if (!message.record) return false;
  const bool accepts = !state_.record;
  const bool completes = message.complete && !state_.complete;
  state_.record = message.record;
  state_.complete |= message.complete;
  peers_[self_].accepted = true;
  if (accepts || completes) trouble_.clear();
  return accepts || completes;
}

/// The first peer alone draws up the record, once it knows every store; from one that has a record already it would
/// have learnt that one, or nothing.
bool Founding::draw_up() {
  if (self_ != 0 || state_.record) return false;
  if (!std::ranges::all_of(peers_, [](const Peer& peer) { return static_cast<bool>(peer.store); })) return false;
  FoundingRecord record{cluster_, {}};
  for (size_t i = 0; i < names_.size(); ++i) record.members.push_back({names_[i], peers_[i].store});
  state_.record = std::move(record);
  peers_[self_].accepted = true;
  return true;
}

bool Founding::conclude() {
  if (state_.complete || !std::ranges::all_of(peers_, &Peer::accepted)) return false;
  state_.complete = true;
  trouble_.clear();
  return true;
}

std::vector<std::string> Founding::missing() const {
  std::vector<std::string> missing;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!peers_[i].store) missing.push_back(names_[i]);
  }
  return missing;
}

FoundingMessage Founding::message_to(uint32_t peer) const {
  return {self_, peer, names_, peers_[self_].store, state_.record, state_.complete, {}};
}

void Founding::tell_all(Effects& effects) const {
  for (uint32_t i = 0; i < names_.size(); ++i) {
    if (i != self_) effects.messages.push_back(message_to(i));
  }
}

}  // namespace ddb::oracle
