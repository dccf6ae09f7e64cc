// Invariants: a failed one is a bug, so it stops the process, in production too.
#pragma once

namespace ddb {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define DDB_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::ddb::assertion_failed(#expression, __FILE__, __LINE__))
