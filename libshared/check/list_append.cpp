#include "check/list_append.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "check/cycle.hpp"

namespace ddb::check {

namespace {

constexpr uint32_t none = ~uint32_t{0};

struct Element {
  uint32_t key;
  Value value;
  bool operator==(const Element&) const = default;
};
struct ElementHash {
  size_t operator()(const Element& e) const { return (static_cast<uint64_t>(e.value) * 0x9e3779b97f4a7c15) ^ (e.key * 0xff51afd7ed558ccdULL); }
};

/// Who appended an element, and whether the same transaction then appended another to the key.
struct Append {
  uint32_t operation = 0;
  bool last = true;
};

/// What a transaction read of a key before it appended to that.
struct Read {
  uint32_t operation = 0;
  uint32_t key = 0;
  std::span<const Value> list;
};

/// The order of a key's elements, as far as anybody has seen it.
struct Order {
  std::span<const Value> list;
  uint32_t seen_by = none;
};

/// A key's elements whose transactions are in the graph: position in the order, and node.
struct Writer {
  size_t position;
  uint32_t node;
};

/// Who appended to a key what no read shows: it stands behind all that reads show, in an order nobody knows.
struct Unseen {
  std::vector<uint32_t> nodes;  // ascending
  uint32_t joint = none;        // before all of them
  int expanded = 0;             // how many of them lead to the others without the joint, which would lead back to them
};

class ListAppend {
 public:
  ListAppend(const History& history, std::span<const uint32_t> operations, Report& report)
      : history_{history}, operations_{operations}, report_{report}, orders_(history.keys()) {}

  Result<void> run();

 private:
  Result<void> collect_appends();
  void collect_reads();
  void read_one(uint32_t index);
  void check_elements(uint32_t index, const Read& read);
  void check_source(uint32_t index, const Read& read);
  void note_order(uint32_t index, const Read& read);
  void check_orders();
  void check_lost_updates();
  void add_nodes();
  void add_writers();
  void add_edges();
  void add_edges_of(const Read& read);
  void add_unseen(uint32_t key, uint32_t node);
  void add_edges_to_unseen(uint32_t from, EdgeKind kind, uint32_t key);
  void add_sessions();
  void find_cycles();
  void say_cycle(const std::vector<Edge>& cycle, Levels rules_out);
  std::string say(const Edge& edge) const;

  const Operation& operation(uint32_t index) const { return history_.operations()[index]; }
  const Append* find(uint32_t key, Value value) const {
    const auto at = appends_.find({key, value});
    return at == appends_.end() ? nullptr : &at->second;
  }
  bool fits(const Read& read) const { return std::ranges::equal(read.list, orders_[read.key].list.first(std::min(read.list.size(), orders_[read.key].list.size()))); }
  void violation(const char* anomaly, Levels rules_out, const std::string& words, std::initializer_list<uint32_t> operations);

  const History& history_;
  std::span<const uint32_t> operations_;
  Report& report_;
  std::unordered_map<Element, Append, ElementHash> appends_;  // looked up only
  std::vector<Read> reads_;                                   // the first of each transaction and key, before appends of its own
  std::vector<Order> orders_;                                 // by key
  std::vector<Read> strays_;                                  // reads that fit into no order
  std::vector<std::vector<Writer>> writers_;                  // by key
  std::vector<Unseen> unseen_;                                // by key
  Graph graph_;
  std::vector<uint32_t> node_of_;   // of each of operations(), or none
  std::vector<uint32_t> operation_of_;  // of each node; none: a joint
};

Result<void> ListAppend::run() {
  if (auto collected = collect_appends(); !collected) return collected;
  collect_reads();
  check_orders();
  check_lost_updates();
  add_nodes();
  add_writers();
  add_edges();
  add_sessions();
  find_cycles();
  return {};
}

Result<void> ListAppend::collect_appends() {
  for (const uint32_t index : operations_) {
    const auto actions = history_.actions(operation(index));
    for (size_t i = 0; i < actions.size(); ++i) {
      const Action& action = actions[i];
      if (action.kind != StepKind::append && action.kind != StepKind::read)
        return fail(Code::bad_data, "line " + std::to_string(operation(index).begin) + ": lists are only read and appended to");
      if (action.kind != StepKind::append) continue;
      const bool last = std::ranges::none_of(actions.subspan(i + 1), [&](const Action& later) { return later.kind == StepKind::append && later.key == action.key; });
      if (!appends_.try_emplace({action.key, action.value}, Append{index, last}).second)
        return fail(Code::bad_data, history_.show(action.value) + " is appended to " + history_.key(action.key) + " twice");
    }
  }
  return {};
}

void ListAppend::collect_reads() {
  for (const uint32_t index : operations_)
    if (operation(index).outcome == Outcome::ok) read_one(index);
}

/// Reads of one transaction, each against what the transaction itself knows.
void ListAppend::read_one(uint32_t index) {
  struct Known {
    std::vector<Value> list;
    bool whole = false;  // else only its end is known
  };
  std::map<uint32_t, Known> known;
  for (const auto& action : history_.actions(operation(index))) {
    Known& mine = known[action.key];
    if (action.kind == StepKind::append) {
      mine.list.push_back(action.value);
      continue;
    }
    const auto list = action.has_list ? history_.list(action) : std::span<const Value>{};
    const Read read{index, action.key, list};
    const bool agrees = mine.whole ? std::ranges::equal(list, mine.list)
                                   : list.size() >= mine.list.size() && std::ranges::equal(list.last(mine.list.size()), mine.list);
    if (!agrees) violation("internal", without_snapshot, "a transaction does not see what it has read and appended itself", {index});
    check_elements(index, read);
    if (!mine.whole && mine.list.empty()) {
      check_source(index, read);
      reads_.push_back(read);
    }
    note_order(index, read);
    mine = {{list.begin(), list.end()}, true};
  }
}

void ListAppend::check_elements(uint32_t index, const Read& read) {
  std::vector<Value> sorted{read.list.begin(), read.list.end()};
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
    violation("duplicate", all_levels, history_.key(read.key) + " holds " + history_.show(*twice) + " twice", {index});
  for (const Value value : read.list) {
    const auto* append = find(read.key, value);
    const std::string what = history_.show(value) + " in " + history_.key(read.key);
    if (append == nullptr) {
      violation("unwritten value", without_read_committed, "nobody appended " + what, {index});
    } else if (operation(append->operation).outcome == Outcome::failed) {
      violation("G1a", without_read_committed, "aborted read: " + what + " comes from a transaction that failed", {append->operation, index});
    }
  }
}

/// What another transaction appended last there, or what this one has yet to append?
void ListAppend::check_source(uint32_t index, const Read& read) {
  for (const Value value : read.list)
    if (const auto* append = find(read.key, value); append != nullptr && append->operation == index)
      return violation("future read", without_read_committed, "a transaction read " + history_.show(value) + " of " + history_.key(read.key) + " before it appended that", {index});
  if (read.list.empty()) return;
  if (const auto* append = find(read.key, read.list.back()); append != nullptr && !append->last)
    violation("G1b", without_read_committed, "intermediate read: " + history_.key(read.key) + " was read in the middle of a transaction", {append->operation, index});
}

void ListAppend::note_order(uint32_t index, const Read& read) {
  Order& order = orders_[read.key];
  if (order.seen_by == none || read.list.size() > order.list.size()) order = {read.list, index};
}

void ListAppend::check_orders() {
  for (const uint32_t index : operations_) {
    if (operation(index).outcome != Outcome::ok) continue;
    for (const auto& action : history_.actions(operation(index))) {
      if (action.kind != StepKind::read || !action.has_list) continue;
      const Read read{index, action.key, history_.list(action)};
      if (fits(read)) continue;
      strays_.push_back(read);
      violation("incompatible order", without_read_committed, "two reads of " + history_.key(action.key) + " differ in the order of its elements", {orders_[action.key].seen_by, index});
    }
  }
}

/// Two that read the same version of a key and both appended to it: one did not see the other, whatever their order.
void ListAppend::check_lost_updates() {
  std::unordered_map<Element, uint32_t, ElementHash> first;  // looked up only; by key and number of elements read
  for (const auto& read : reads_) {
    if (!fits(read)) continue;
    const bool appends = std::ranges::any_of(history_.actions(operation(read.operation)), [&](const Action& a) { return a.kind == StepKind::append && a.key == read.key; });
    if (!appends) continue;
    const auto [at, fresh] = first.try_emplace({read.key, static_cast<Value>(read.list.size())}, read.operation);
    if (!fresh)
      violation("lost update", without_snapshot, "both read the same version of " + history_.key(read.key) + " and then changed it", {at->second, read.operation});
  }
}

/// Those that took place: they heard so, or somebody saw an effect.
void ListAppend::add_nodes() {
  std::vector<bool> took_place(history_.operations().size());
  for (const uint32_t index : operations_) took_place[index] = operation(index).outcome == Outcome::ok;
  for (uint32_t key = 0; key < orders_.size(); ++key)
    for (const Value value : orders_[key].list)
      if (const auto* append = find(key, value); append != nullptr && operation(append->operation).outcome == Outcome::unknown) took_place[append->operation] = true;
  node_of_.assign(history_.operations().size(), none);
  for (const uint32_t index : operations_) {
    if (!took_place[index]) continue;
    node_of_[index] = graph_.add_node(operation(index).begin, operation(index).end);
    operation_of_.push_back(index);
  }
}

void ListAppend::add_writers() {
  writers_.resize(orders_.size());
  std::unordered_set<Element, ElementHash> seen;
  for (uint32_t key = 0; key < orders_.size(); ++key) {
    const auto list = orders_[key].list;
    for (size_t position = 0; position < list.size(); ++position) {
      seen.insert({key, list[position]});
      const auto* append = find(key, list[position]);
      if (append != nullptr && node_of_[append->operation] != none) writers_[key].push_back({position, node_of_[append->operation]});
    }
  }
  for (const auto& read : strays_)
    for (const Value value : read.list) seen.insert({read.key, value});
  unseen_.resize(orders_.size());
  for (const uint32_t index : operations_) {
    if (node_of_[index] == none) continue;
    for (const auto& action : history_.actions(operation(index)))
      if (action.kind == StepKind::append && !seen.contains({action.key, action.value})) add_unseen(action.key, node_of_[index]);
  }
}

void ListAppend::add_unseen(uint32_t key, uint32_t node) {
  Unseen& unseen = unseen_[key];
  if (unseen.joint == none) {
    unseen.joint = graph_.add_joint();
    operation_of_.push_back(none);
  }
  if (!unseen.nodes.empty() && unseen.nodes.back() == node) return;
  unseen.nodes.push_back(node);
  graph_.add_edge({unseen.joint, node, EdgeKind::pass, key});
}

void ListAppend::add_edges() {
  for (uint32_t key = 0; key < writers_.size(); ++key) {
    const auto& writers = writers_[key];
    for (size_t i = 1; i < writers.size(); ++i)
      if (writers[i - 1].node != writers[i].node) graph_.add_edge({writers[i - 1].node, writers[i].node, EdgeKind::ww, key});
    if (!writers.empty()) add_edges_to_unseen(writers.back().node, EdgeKind::ww, key);
  }
  for (const auto& read : reads_)
    if (fits(read)) add_edges_of(read);
}

void ListAppend::add_edges_of(const Read& read) {
  const auto& writers = writers_[read.key];
  const uint32_t reader = node_of_[read.operation];
  const auto next = std::ranges::lower_bound(writers, read.list.size(), {}, &Writer::position);
  if (next != writers.begin() && std::prev(next)->node != reader) graph_.add_edge({std::prev(next)->node, reader, EdgeKind::wr, read.key});
  if (next == writers.end()) add_edges_to_unseen(reader, EdgeKind::rw, read.key);
  else if (next->node != reader) graph_.add_edge({reader, next->node, EdgeKind::rw, read.key});
}

void ListAppend::add_edges_to_unseen(uint32_t from, EdgeKind kind, uint32_t key) {
  Unseen& unseen = unseen_[key];
  if (unseen.joint == none) return;
  if (!std::ranges::binary_search(unseen.nodes, from)) return graph_.add_edge({from, unseen.joint, kind, key});
  // More than one reader here is a lost update, which has been told: a few are enough.
  constexpr int expanded_max = 3;
  if (++unseen.expanded > expanded_max) return;
  for (const uint32_t to : unseen.nodes)
    if (to != from) graph_.add_edge({from, to, kind, key});
}

/// A session orders all its transactions, not only neighbours: behind each stands a joint that leads to all later ones.
void ListAppend::add_sessions() {
  std::unordered_map<uint64_t, uint32_t> last;  // joint of each process; looked up only
  for (const uint32_t index : operations_) {
    const uint32_t node = node_of_[index];
    if (node == none) continue;
    const uint32_t joint = graph_.add_joint();
    operation_of_.push_back(none);
    graph_.add_edge({node, joint, EdgeKind::session, 0});
    const auto [at, first] = last.try_emplace(operation(index).process, joint);
    if (first) continue;
    graph_.add_edge({at->second, node, EdgeKind::pass, 0});
    graph_.add_edge({at->second, joint, EdgeKind::pass, 0});
    at->second = joint;
  }
}

/// From what even the weakest level forbids to what only the strictest does; what has been ruled out is not looked for again.
void ListAppend::find_cycles() {
  graph_.finish();
  constexpr EdgeKinds ww = bit(EdgeKind::ww);
  constexpr EdgeKinds reads = ww | bit(EdgeKind::wr);
  constexpr EdgeKinds all = reads | bit(EdgeKind::rw);
  struct Forbidden {
    CycleQuery cycle;
    Levels by;
  };
  constexpr std::array<Forbidden, 7> forbidden{{
      {{.kinds = ww}, all_levels},
      {{.kinds = reads}, without_read_committed},
      {{.kinds = all, .rw_apart = true}, without_snapshot},
      {{.kinds = all}, without_repeatable_read},
      {{.kinds = all | bit(EdgeKind::time), .rw_apart = true}, without_strong_snapshot},
      {{.kinds = all | bit(EdgeKind::session)}, without_session},
      {{.kinds = all | bit(EdgeKind::time)}, strict_serializable},
  }};
  for (const auto& [query, levels] : forbidden) {
    if ((report_.ruled_out() & levels) == levels) continue;
    if (const auto cycle = graph_.shortest_cycle(query)) say_cycle(*cycle, levels);
  }
}

std::string name_of(const std::vector<Edge>& cycle) {
  const auto count = [&](EdgeKind kind) { return std::ranges::count(cycle, kind, &Edge::kind); };
  const auto rw = count(EdgeKind::rw);
  bool adjacent = false;
  for (size_t i = 0; i < cycle.size(); ++i)
    adjacent |= cycle[i].kind == EdgeKind::rw && cycle[(i + 1) % cycle.size()].kind == EdgeKind::rw;
  std::string name = rw == 0 ? (count(EdgeKind::wr) > 0 ? "G1c" : "G0") : rw == 1 ? "G-single" : adjacent ? "G2" : "G-nonadjacent";
  if (rw == 0 && count(EdgeKind::wr) == 0 && count(EdgeKind::ww) == 0) name = "order";
  if (count(EdgeKind::time) > 0) return name + "-realtime";
  return count(EdgeKind::session) > 0 ? name + "-session" : name;
}

/// In the words of who reads a bank statement: what was seen of one transaction, and what was not.
std::string gist_of(const std::vector<Edge>& cycle) {
  const auto has = [&](EdgeKind kind) { return std::ranges::find(cycle, kind, &Edge::kind) != cycle.end(); };
  if (cycle.size() == 2 && has(EdgeKind::wr) && has(EdgeKind::rw)) return "fractured read: one of the two saw one effect of the other and missed another";
  if (cycle.size() == 2 && has(EdgeKind::time) && has(EdgeKind::rw)) return "stale read: what had ended was not seen";
  if (cycle.size() == 2 && std::ranges::all_of(cycle, [](const Edge& e) { return e.kind == EdgeKind::rw; })) return "write skew: neither saw the other";
  return "each of these came before the next, and the last before the first";
}

void ListAppend::say_cycle(const std::vector<Edge>& cycle, Levels rules_out) {
  std::string words = gist_of(cycle);
  for (size_t i = 0; i < cycle.size(); ++i) words += "\nT" + std::to_string(i + 1) + " " + history_.show(operation(operation_of_[cycle[i].from]));
  for (size_t i = 0; i < cycle.size(); ++i)
    words += "\nT" + std::to_string(i + 1) + " came before T" + std::to_string((i + 1) % cycle.size() + 1) + ": " + say(cycle[i]);
  report_.add({name_of(cycle), rules_out, std::move(words)});
}

std::string ListAppend::say(const Edge& edge) const {
  const std::string key = edge.kind <= EdgeKind::rw ? history_.key(edge.key) : "";
  switch (edge.kind) {
    case EdgeKind::ww: return "it appended to " + key + " first";
    case EdgeKind::wr: return "what it appended to " + key + " was read";
    case EdgeKind::rw: return "it did not see what the other appended to " + key;
    case EdgeKind::session: return "the same process did one after the other";
    case EdgeKind::time: return "it had ended, at line " + std::to_string(operation(operation_of_[edge.from]).end) + ", when the other began, at line " + std::to_string(operation(operation_of_[edge.to]).begin);
    case EdgeKind::pass: break;
  }
  return {};
}

void ListAppend::violation(const char* anomaly, Levels rules_out, const std::string& words, std::initializer_list<uint32_t> operations) {
  std::string lines = words;
  for (const uint32_t index : operations) lines += "\n" + history_.show(operation(index));
  report_.add({anomaly, rules_out, std::move(lines)});
}

}  // namespace

Result<void> check_list_append(const History& history, std::span<const uint32_t> operations, Report& report) {
  return ListAppend{history, operations, report}.run();
}

}  // namespace ddb::check
