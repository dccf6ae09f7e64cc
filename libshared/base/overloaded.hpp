// For std::visit: one lambda per alternative.
#pragma once

namespace ddb {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace ddb
