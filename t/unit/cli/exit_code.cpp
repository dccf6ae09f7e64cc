#include "cli/exit_code.hpp"

#include <doctest/doctest.h>

using namespace ddb;

TEST_CASE("an unknown outcome is neither failed nor safe to try again") {
  const auto status = cli::exit_code(Code::unknown_outcome);
  CHECK(status != cli::exit_failed);
  CHECK(status != cli::exit_try_again);
}

TEST_CASE("a code of a newer peer is an internal error, not success") {
  CHECK(cli::exit_code(static_cast<Code>(200)) == cli::exit_internal);
}
