#include "cli/text.hpp"

#include <doctest/doctest.h>

using namespace ddb::cli;

TEST_CASE("control characters and stray bytes cannot leave the line") {
  CHECK(one_line("plain") == "plain");
  CHECK(one_line("a\nb\tc\rd\x1b[2J\x7f") == "a\\nb\\tc\\rd\\x1b[2J\\x7f");
  CHECK(one_line("caf\u00e9 \u0085") == "caf\u00e9 \\xc2\\x85");      // NEL moves a terminal's cursor
  CHECK(one_line("\xff\xc3") == "\\xff\\xc3");                        // cut and impossible bytes
  CHECK(one_line("\xc0\xaf \xf4\x90\x80\x80") == "\\xc0\\xaf \\xf4\\x90\\x80\\x80");  // over-long; beyond U+10FFFF
}

TEST_CASE("width is what a terminal shows") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("\u00e9") == 1);
  CHECK(display_width("\u65e5\u672c") == 4);
  CHECK(display_width("e\u0301") == 1);
}
