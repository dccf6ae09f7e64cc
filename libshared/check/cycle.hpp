// Who must come before whom, and the shortest way in which that goes round in a circle.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "check/history.hpp"

namespace ddb::check {

/// Why one transaction comes before another. Adya's dependencies.
enum class EdgeKind : uint8_t {
  ww,       // the other wrote the next version
  wr,       // the other read what this one wrote
  rw,       // this one read a version that the other replaced
  session,  // the same process, later
  time,     // the other began after this one had ended
  pass,     // from a node that stands for several: see Graph
};

using EdgeKinds = uint8_t;
constexpr EdgeKinds bit(EdgeKind kind) { return static_cast<EdgeKinds>(1u << static_cast<unsigned>(kind)); }

struct Edge {
  uint32_t from = 0;
  uint32_t to = 0;
  EdgeKind kind = EdgeKind::ww;
  uint32_t key = 0;  // of ww, wr, rw
};

/// Which circles to look for.
struct CycleQuery {
  EdgeKinds kinds = 0;            // session, or time, as well as dependencies
  bool rw_apart = false;          // never two rw edges in a row: what snapshot isolation rules out (Cerone and Gotsman 2016)
};

/// Nodes that begin and end in real time, and edges. A node without time may stand between many nodes before and many
/// after it: edges of any kind lead to it, and `pass` edges, which carry that kind on and count for nothing, away.
class Graph {
 public:
  uint32_t add_node(Moment begin, Moment end);
  uint32_t add_joint();
  void add_edge(const Edge& edge) { edges_.push_back(edge); }
  /// To be called once, after all edges.
  void finish();

  size_t nodes() const { return begin_.size(); }

  /// The shortest circle, as its edges; joints are left out (the edge goes on to behind the joint). Nullopt: there is none. Looks
  /// for the very shortest as long as that takes no more than `work_max` steps.
  std::optional<std::vector<Edge>> shortest_cycle(const CycleQuery& query, uint64_t work_max = 50'000'000) const;

 private:
  friend class CycleSearch;

  std::vector<Moment> begin_, end_;
  std::vector<bool> joint_;
  std::vector<Edge> edges_;        // by `from`, once finished
  std::vector<uint32_t> first_;    // of each node, in edges_
};

}  // namespace ddb::check
