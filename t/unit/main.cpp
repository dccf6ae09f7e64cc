#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>

#include "base/rule.hpp"

int main(int argc, char** argv) {
#ifdef DDB_MUTATIONS
  if (const char* rule = std::getenv("DDB_MUTATE")) ddb::dropped_rule = rule;
#endif
  return doctest::Context{argc, argv}.run();
}
