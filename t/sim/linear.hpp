// Is a history of one register linearizable?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "world.hpp"

namespace sim {

/// One operation on one register. Values are unique per write; zero is the initial value.
struct Operation {
  enum class Kind { read, write, swap };  // swap: read `seen`, wrote `value`, as one
  Kind kind = Kind::read;
  uint64_t value = 0;  // written
  uint64_t seen = 0;   // read
  Instant call{};
  Instant ret = Instant::max();  // max: the outcome is unknown, it may take effect any time after the call, or never
};

/// Wing and Gong's search (1993) with Lowe's memory of configurations (2017). Exact.
/// Empty when there is an order; else a sentence about where none could be found.
std::string check_register(std::vector<Operation> history);

}  // namespace sim
