// Circles are looked for among states: a node, and whether it was reached by an rw edge (only if those must stay apart).
// A closed walk of such states holds a simple circle with the same property, because of the two ways to cut the walk at a node that
// it passes twice one leaves no rw edges adjacent.
//
// Real time needs no edges. If a circle has two time edges A-B and C-D, then either A ended before D began or C before B
// began, which makes a shorter circle with one. So it is enough to ask whether from some B a transaction A can be reached that ended
// before B began.
#include "check/cycle.hpp"

#include <algorithm>
#include <deque>

#include "base/assert.hpp"

namespace ddb::check {

namespace {

constexpr uint32_t none = ~uint32_t{0};

}  // namespace

uint32_t Graph::add_node(Moment begin, Moment end) {
  begin_.push_back(begin);
  end_.push_back(end);
  joint_.push_back(false);
  return static_cast<uint32_t>(begin_.size() - 1);
}

uint32_t Graph::add_joint() {
  const uint32_t node = add_node(0, never);
  joint_[node] = true;
  return node;
}

void Graph::finish() {
  std::ranges::stable_sort(edges_, {}, &Edge::from);
  first_.assign(nodes() + 1, 0);
  for (const auto& edge : edges_) ++first_[edge.from + 1];
  for (size_t node = 0; node < nodes(); ++node) first_[node + 1] += first_[node];
}

class CycleSearch {
 public:
  CycleSearch(const Graph& graph, const CycleQuery& query, uint64_t work_max)
      : graph_{graph}, query_{query}, work_left_{work_max}, width_{query.rw_apart ? 2u : 1u} {}

  std::optional<std::vector<Edge>> run();

 private:
  using State = uint32_t;

  uint32_t node(State state) const { return state / width_; }
  State first_state(uint32_t node) const { return node * width_; }
  size_t states() const { return graph_.nodes() * width_; }

  /// `none`: this edge is not one of those asked for.
  State follow(State state, const Edge& edge) const;

  void find_components();
  void close_component(State root);
  void search_components();
  void search_time();
  struct Visit {
    uint32_t round = 0;
    uint32_t edge = none;   // by which it was reached
    State before = none;
    uint32_t distance = 0;
  };

  /// The shortest way from `start` to a state that `wanted`, over states that `allowed`; with `time_edges` (0 or 1) to close the
  /// circle it must be shorter than the best so far.
  template <class Allowed, class Wanted>
  void search_from(State start, uint32_t time_edges, Allowed allowed, Wanted wanted);
  void keep(State start, const Visit& goal, bool timed);

  const Graph& graph_;
  CycleQuery query_;
  uint64_t work_left_;
  uint32_t width_;
  std::vector<uint32_t> component_;      // of each state; successors' are lower or the same
  std::vector<uint32_t> component_size_;
  std::vector<Moment> earliest_end_;     // of each component: of any transaction reachable from it
  std::vector<State> stack_;
  std::vector<Visit> visits_;
  uint32_t round_ = 0;
  uint32_t best_length_ = none;
  std::optional<std::vector<Edge>> best_;
};

CycleSearch::State CycleSearch::follow(State state, const Edge& edge) const {
  if (!(query_.kinds & bit(edge.kind)) && edge.kind != EdgeKind::pass) return none;
  const bool after_rw = width_ == 2 && state % 2 == 1;
  if (width_ == 1) return edge.to;
  if (edge.kind == EdgeKind::pass) return edge.to * 2 + after_rw;
  if (edge.kind != EdgeKind::rw) return edge.to * 2;
  return after_rw ? none : edge.to * 2 + 1;
}

/// Tarjan, Depth-First Search and Linear Graph Algorithms (1972), without recursion.
void CycleSearch::find_components() {
  constexpr uint32_t open = none - 1;
  component_.assign(states(), none);
  std::vector<uint32_t> order(states(), 0), low(states(), 0);
  struct Frame {
    State state;
    uint32_t next_edge;
  };
  std::vector<Frame> frames;
  uint32_t last = 0;
  const auto enter = [&](State state) {
    order[state] = low[state] = ++last;
    component_[state] = open;
    stack_.push_back(state);
    frames.push_back({state, graph_.first_[node(state)]});
  };
  for (State root = 0; root < states(); ++root) {
    if (order[root] != 0) continue;
    enter(root);
    while (!frames.empty()) {
      auto& [state, next_edge] = frames.back();
      if (next_edge == graph_.first_[node(state) + 1]) {
        const State done = state;
        frames.pop_back();
        if (low[done] == order[done]) close_component(done);
        if (!frames.empty()) low[frames.back().state] = std::min(low[frames.back().state], low[done]);
        continue;
      }
      const State to = follow(state, graph_.edges_[next_edge++]);
      if (to == none) continue;
      if (order[to] == 0) enter(to);
      else if (component_[to] == open) low[state] = std::min(low[state], order[to]);
    }
  }
}

void CycleSearch::close_component(State root) {
  const auto number = static_cast<uint32_t>(component_size_.size());
  Moment earliest = never;
  uint32_t size = 0;
  for (bool more = true; more; ++size) {
    const State state = stack_.back();
    stack_.pop_back();
    component_[state] = number;
    earliest = std::min(earliest, graph_.end_[node(state)]);
    for (uint32_t e = graph_.first_[node(state)]; e < graph_.first_[node(state) + 1]; ++e) {
      const State to = follow(state, graph_.edges_[e]);
      if (to != none && component_[to] < number) earliest = std::min(earliest, earliest_end_[component_[to]]);
    }
    more = state != root;
  }
  component_size_.push_back(size);
  earliest_end_.push_back(earliest);
}

/// Breadth first; pass edges, which count for nothing, keep their place in front.
template <class Allowed, class Wanted>
void CycleSearch::search_from(State start, uint32_t time_edges, Allowed allowed, Wanted wanted) {
  if (work_left_ == 0 && best_) return;
  if (visits_.empty()) visits_.resize(states());
  ++round_;
  visits_[start] = {.round = round_};
  Visit goal{.distance = best_length_ - time_edges};
  std::deque<State> queue{start};
  while (!queue.empty() && visits_[queue.front()].distance < goal.distance) {
    const State state = queue.front();
    queue.pop_front();
    for (uint32_t e = graph_.first_[node(state)]; e < graph_.first_[node(state) + 1]; ++e) {
      work_left_ -= work_left_ > 0;
      const State to = follow(state, graph_.edges_[e]);
      if (to == none || !allowed(to)) continue;
      const bool pass = graph_.edges_[e].kind == EdgeKind::pass;
      const Visit visit{.round = round_, .edge = e, .before = state, .distance = visits_[state].distance + !pass};
      if (visit.distance >= goal.distance) continue;
      if (wanted(to)) {
        goal = visit;
        continue;
      }
      if (visits_[to].round == round_ && visits_[to].distance <= visit.distance) continue;
      visits_[to] = visit;
      if (pass) queue.push_front(to);
      else queue.push_back(to);
    }
  }
  if (goal.edge != none) keep(start, goal, time_edges == 1);
}

void CycleSearch::keep(State start, const Visit& goal, bool timed) {
  std::vector<Edge> edges{graph_.edges_[goal.edge]};
  for (State at = goal.before; at != start; at = visits_[at].before) edges.push_back(graph_.edges_[visits_[at].edge]);
  std::ranges::reverse(edges);
  std::vector<Edge> whole;
  for (const auto& edge : edges) {
    if (edge.kind == EdgeKind::pass) whole.back().to = edge.to;
    else whole.push_back(edge);
  }
  if (timed) whole.push_back({whole.back().to, node(start), EdgeKind::time, 0});
  best_length_ = static_cast<uint32_t>(whole.size());
  best_ = std::move(whole);
}

/// Small components first: their circles are short, and bound the search in the large ones.
void CycleSearch::search_components() {
  std::vector<State> starts;
  for (State state = 0; state < states(); ++state)
    if (component_size_[component_[state]] > 1 && !graph_.joint_[node(state)]) starts.push_back(state);
  std::ranges::stable_sort(starts, {}, [this](State state) { return component_size_[component_[state]]; });
  for (const State start : starts)
    search_from(start, 0, [&](State to) { return component_[to] == component_[start]; }, [&](State to) { return to == start; });
}

void CycleSearch::search_time() {
  for (uint32_t n = 0; n < graph_.nodes(); ++n) {
    const State start = first_state(n);
    const Moment begin = graph_.begin_[n];
    if (earliest_end_[component_[start]] >= begin) continue;
    search_from(start, 1, [&](State to) { return earliest_end_[component_[to]] < begin; }, [&](State to) { return graph_.end_[node(to)] < begin; });
  }
}

std::optional<std::vector<Edge>> CycleSearch::run() {
  find_components();
  search_components();
  if (query_.kinds & bit(EdgeKind::time)) search_time();
  return std::move(best_);
}

std::optional<std::vector<Edge>> Graph::shortest_cycle(const CycleQuery& query, uint64_t work_max) const {
  DDB_ASSERT(first_.size() == nodes() + 1);
  return CycleSearch{*this, query, work_max}.run();
}

}  // namespace ddb::check
