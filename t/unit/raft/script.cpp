#include "unit/raft/script.hpp"

#include <fmt/format.h>

#include <sstream>

#include "raft/config.hpp"

namespace ddb::raft::test {
namespace {

constexpr auto tick_length = 100ms;  // one heartbeat interval
constexpr int settle_max = 20'000;   // messages; more is an endless exchange

std::vector<ReplicaId> parse_ids(const std::string& text) {
  std::vector<ReplicaId> ids;
  for (const std::string& word : split(text, ',')) ids.push_back(ReplicaId{std::stoull(word)});
  return ids;
}

std::string type_of(const RaftMessage& m) {
  const std::string text = render(m);
  const size_t start = text.find(' ') + 1;
  return text.substr(start, text.find(' ', start) - start);
}

}  // namespace

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in{text};
  for (std::string part; std::getline(in, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

Config parse_config(const std::string& text) {
  Config config;
  std::string rest = text;
  if (!rest.empty() && rest.back() == '!') {
    config.auto_leave = true;
    rest.pop_back();
  }
  const std::pair<char, std::vector<ReplicaId>*> parts[] = {
      {'~', &config.learners_next}, {'+', &config.learners}, {'&', &config.outgoing}};
  for (const auto& [mark, ids] : parts) {
    const size_t at = rest.find(mark);
    if (at == std::string::npos) continue;
    *ids = parse_ids(rest.substr(at + 1));
    rest.resize(at);
  }
  config.voters = parse_ids(rest);
  return config;
}

Script::Script() : cluster_{[this](const std::string& line) { say(line); }} {
  cluster_.options.heartbeat_interval = tick_length;
  cluster_.options.election_timeout = 10 * tick_length;
  cluster_.options.clock_drift_max = tick_length;
}

const std::map<std::string, Script::Command>& Script::commands() {
  static const std::map<std::string, Command> table{
      {"options", &Script::options},   {"nodes", &Script::nodes},         {"spawn", &Script::spawn},
      {"log", &Script::log},           {"tick", &Script::tick},           {"run", &Script::run_time},
      {"timeout", &Script::timeout},   {"campaign", &Script::campaign},   {"skew", &Script::skew},
      {"propose", &Script::propose},   {"fill", &Script::fill},           {"read", &Script::read},
      {"leaseread", &Script::lease_read}, {"conf", &Script::conf},        {"transfer", &Script::transfer},
      {"compact", &Script::compact},   {"unreachable", &Script::unreachable},
      {"deliver", &Script::deliver},   {"drop", &Script::drop},           {"dup", &Script::dup},
      {"reorder", &Script::reorder},   {"settle", &Script::settle},       {"network", &Script::network},
      {"cut", &Script::cut},           {"cutway", &Script::cut_way}, {"cutlink", &Script::cut_link},    {"heal", &Script::heal},
      {"crash", &Script::crash},       {"restart", &Script::restart},     {"wipe", &Script::wipe},
      {"nofsync", &Script::nofsync},   {"fsync", &Script::fsync},         {"noapply", &Script::noapply},
      {"apply", &Script::apply},           {"pass", &Script::pass},       {"show", &Script::show},           {"quiet", &Script::quiet},
      {"expect", &Script::expect},
  };
  return table;
}

std::string Script::run(const std::string& text) {
  std::istringstream in{text};
  std::string out;
  std::vector<std::string> block;
  for (std::string line; std::getline(in, line);) {
    if (line != "----") {
      out += line + "\n";
      block.push_back(line);
      continue;
    }
    out += "----\n";
    while (std::getline(in, line) && !line.empty()) {  // what was recorded
    }
    run_block(std::exchange(block, {}), out);
  }
  run_block(block, out);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

void Script::run_block(const std::vector<std::string>& lines, std::string& out) {
  for (const std::string& line : lines) {
    if (line.empty() || line.front() == '#') continue;
    const size_t known = cluster_.witness().failures().size();
    run_line(line);
    for (size_t i = known; i < cluster_.witness().failures().size(); ++i)
      wrong(line + ": " + cluster_.witness().failures()[i]);
  }
  out += std::exchange(output_, {}) + "\n";
}

void Script::run_line(const std::string& line) {
  const Words words = split(line, ' ');
  const auto command = commands().find(words[0]);
  if (command == commands().end()) return wrong("no such command: " + line);
  try {
    (this->*command->second)(words);
  } catch (const std::exception& e) {
    wrong(line + ": " + e.what());
  }
}

void Script::say(const std::string& line) { output_ += line + "\n"; }

void Script::wrong(const std::string& what) {
  failures_.push_back(what);
  say("WRONG: " + what);
}

ReplicaId Script::node(const std::string& word) const {
  const ReplicaId id{std::stoull(word)};
  if (!cluster_.nodes().contains(id)) throw std::runtime_error("no such node");
  return id;
}

// [a->b] [Type] [count], each optional, * for any node.
Script::Link Script::link(const Words& words) const {
  Link link;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t arrow = words[i].find("->");
    if (arrow != std::string::npos) {
      const auto end = [&](const std::string& word) { return word == "*" ? ReplicaId{} : node(word); };
      link.from = end(words[i].substr(0, arrow));
      link.to = end(words[i].substr(arrow + 2));
    } else if (isdigit(static_cast<unsigned char>(words[i][0]))) {
      link.count = std::stoull(words[i]);
    } else {
      link.type = words[i];
    }
  }
  return link;
}

bool Script::matches(const Link& link, const RaftMessage& m) const {
  return (!link.from || link.from == m.from) && (!link.to || link.to == m.to) &&
         (link.type.empty() || link.type == type_of(m));
}

template <class T>
void Script::outcome(const Result<T>& result) {
  last_error_ = result ? "none" : name_of(result.error().code);
  if (!result) say(fmt::format("{}: {}", last_error_, to_string(result.error())));
}

void Script::options(const Words& words) {
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const uint64_t value = std::stoull(words[i].substr(equals + 1));
    if (name == "pre_vote") cluster_.options.pre_vote = value != 0;
    else if (name == "check_quorum") cluster_.options.check_quorum = value != 0;
    else if (name == "inflight") cluster_.options.inflight_messages_max = static_cast<uint32_t>(value);
    else if (name == "append_bytes") cluster_.options.append_bytes_max = value;
    else if (name == "uncommitted_bytes") cluster_.options.uncommitted_bytes_max = value;
    else throw std::runtime_error("no such option");
  }
}

void Script::nodes(const Words& words) {
  const Config config = parse_config(words.at(1));
  for (const ReplicaId id : members_of(config)) cluster_.spawn(id, config);
}

void Script::spawn(const Words& words) { cluster_.spawn(ReplicaId{std::stoull(words.at(1))}, {}); }

// log N TERM,TERM... [term=T] [vote=N]
void Script::log(const Words& words) {
  std::vector<uint64_t> terms;
  Term term;
  ReplicaId vote;
  for (size_t i = 2; i < words.size(); ++i) {
    if (words[i].starts_with("term=")) term = Term{std::stoull(words[i].substr(5))};
    else if (words[i].starts_with("vote=")) vote = ReplicaId{std::stoull(words[i].substr(5))};
    else for (const std::string& t : split(words[i], ',')) terms.push_back(std::stoull(t));
  }
  cluster_.preload(node(words.at(1)), terms, term, vote);
}

void Script::tick(const Words& words) {
  const uint64_t count = words.size() > 2 ? std::stoull(words[2]) : 1;
  for (uint64_t i = 0; i < count; ++i) {
    cluster_.pass(tick_length);
    for (const auto& [id, unused] : cluster_.nodes())
      if (words.at(1) == "all" || node(words[1]) == id) cluster_.tick(id);
  }
}

void Script::pass(const Words& words) { cluster_.pass(std::chrono::milliseconds{std::stoull(words.at(1))}); }

// Ticks of all with everything delivered in between; only what changes is shown.
void Script::run_time(const Words& words) {
  const bool quiet = std::exchange(quiet_, true);
  const uint64_t count = words.size() > 1 ? std::stoull(words[1]) : 1;
  for (uint64_t i = 0; i < count; ++i) {
    tick({"tick", "all"});
    settle({});
  }
  quiet_ = quiet;
}

void Script::timeout(const Words& words) {
  if (!cluster_.timeout(node(words.at(1)))) say(words[1] + " has no election timer");
}

void Script::campaign(const Words& words) { cluster_.campaign(node(words.at(1))); }

void Script::skew(const Words& words) {
  const double rate = std::stod(words.at(2));
  cluster_.node(node(words.at(1))).clock_rate = rate;
  if (rate < 0.9 || rate > 1.1) cluster_.witness().clocks_bounded = false;
}

void Script::propose(const Words& words) { outcome(cluster_.propose(node(words.at(1)), words.at(2))); }

// fill N COUNT PREFIX: that many proposals, PREFIX1 and so on; stops at the first refusal.
void Script::fill(const Words& words) {
  for (uint64_t i = 1; i <= std::stoull(words.at(2)); ++i) {
    const auto result = cluster_.propose(node(words.at(1)), words.at(3) + std::to_string(i));
    outcome(result);
    if (!result) return say(fmt::format("after {} proposals", i - 1));
  }
}

void Script::read(const Words& words) { cluster_.read(node(words.at(1)), words.at(2)); }
void Script::lease_read(const Words& words) { cluster_.lease_read(node(words.at(1)), words.at(2)); }

// conf N +v4 -v1 +l5 simple|joint|auto, or conf N leave
void Script::conf(const Words& words) {
  const ReplicaId id = node(words.at(1));
  const Config& from = cluster_.raft(id).config();
  std::vector<MemberChange> changes;
  for (const std::string& word : words) {
    if (word[0] != '+' && word[0] != '-') continue;
    const auto op = word[0] == '-' ? MemberChange::Op::remove
                    : word[1] == 'v' ? MemberChange::Op::voter : MemberChange::Op::learner;
    changes.push_back({op, ReplicaId{std::stoull(word.substr(2))}});
  }
  const std::string& how = words.back();
  const auto to = how == "leave" ? leave_joint(from)
                  : how == "simple" ? simple_change(from, changes) : enter_joint(from, how == "auto", changes);
  if (!to) return outcome(to);
  outcome(cluster_.propose_config(id, *to));
}

void Script::transfer(const Words& words) {
  const size_t arrow = words.at(1).find("->");
  outcome(cluster_.transfer(node(words[1].substr(0, arrow)), ReplicaId{std::stoull(words[1].substr(arrow + 2))}));
}

void Script::compact(const Words& words) {
  cluster_.compact(node(words.at(1)), LogIndex{std::stoull(words.at(2))});
}

void Script::unreachable(const Words& words) { cluster_.raft(node(words.at(1))).unreachable(node(words.at(2))); }

void Script::deliver(size_t position) {
  if (!quiet_) say(render(cluster_.packets()[position].message));
  cluster_.deliver(position);
}

// What is under way now, not what it gives rise to.
void Script::deliver(const Words& words) {
  const Link which = link(words);
  size_t left = cluster_.packets().size();
  size_t done = 0;
  for (size_t i = 0; left > 0 && done < which.count; --left) {
    if (!matches(which, cluster_.packets()[i].message)) {
      ++i;
      continue;
    }
    deliver(i);
    ++done;
  }
  if (done == 0) say("nothing to deliver");
}

void Script::drop(const Words& words) {
  const Link which = link(words);
  size_t done = 0;
  for (size_t i = 0; i < cluster_.packets().size() && done < which.count;) {
    if (!matches(which, cluster_.packets()[i].message)) {
      ++i;
      continue;
    }
    say("dropped " + render(cluster_.packets()[i].message));
    cluster_.lose(i);
    ++done;
  }
  if (done == 0) say("nothing to drop");
}

void Script::dup(const Words& words) {
  const Link which = link(words);
  const std::vector<Packet> packets = cluster_.packets();
  for (const Packet& packet : packets)
    if (matches(which, packet.message)) cluster_.packets().push_back(packet);
}

// The last sent comes first.
void Script::reorder(const Words&) { std::reverse(cluster_.packets().begin(), cluster_.packets().end()); }

void Script::settle(const Words&) {
  for (int i = 0; !cluster_.packets().empty(); ++i) {
    if (i == settle_max) return wrong("the exchange of messages does not end");
    deliver(0);
  }
}

void Script::network(const Words&) {
  for (const Packet& packet : cluster_.packets()) say("under way: " + render(packet.message));
}

void Script::cut(const Words& words) {
  std::vector<std::set<ReplicaId>> sides;
  for (const std::string& side : split(words.at(1), '|')) {
    const auto ids = parse_ids(side);
    sides.emplace_back(ids.begin(), ids.end());
  }
  cluster_.cut(std::move(sides));
}

void Script::cut_way(const Words& words) { cluster_.cut_way(node(words.at(1)), node(words.at(2))); }

void Script::cut_link(const Words& words) {
  cut_way({"", words.at(1), words.at(2)});
  cut_way({"", words.at(2), words.at(1)});
}

void Script::heal(const Words&) { cluster_.heal(); }
void Script::crash(const Words& words) { cluster_.crash(node(words.at(1))); }
void Script::restart(const Words& words) { cluster_.restart(node(words.at(1))); }
void Script::wipe(const Words& words) { cluster_.wipe(node(words.at(1))); }
void Script::nofsync(const Words& words) { cluster_.node(node(words.at(1))).holds_writes = true; }

// fsync N: all, and no longer held; fsync N COUNT: the next few writes only.
void Script::fsync(const Words& words) {
  const ReplicaId id = node(words.at(1));
  if (words.size() == 2) {
    cluster_.node(id).holds_writes = false;
    return cluster_.write_all(id);
  }
  for (uint64_t i = 0; i < std::stoull(words[2]); ++i)
    if (!cluster_.write_one(id)) say("nothing to write");
}

void Script::noapply(const Words& words) { cluster_.node(node(words.at(1))).holds_apply = true; }

void Script::apply(const Words& words) {
  const ReplicaId id = node(words.at(1));
  cluster_.node(id).holds_apply = false;
  cluster_.apply(id);
}

void Script::show(const Words& words) {
  for (const auto& [id, n] : cluster_.nodes())
    if (words.size() == 1 || node(words[1]) == id) say(fmt::format("{}: {}", id.value, render(n)));
}

void Script::quiet(const Words& words) { quiet_ = words.at(1) == "on"; }

}  // namespace ddb::raft::test
