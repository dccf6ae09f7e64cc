#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace ddb {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "ddb: assertion failed: %s, at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace ddb
