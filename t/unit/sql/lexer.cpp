#include "sql/lexer.hpp"

#include <doctest/doctest.h>

using namespace ddb::sql;

namespace {

/// "w:SELECT s:, n:1": kinds and texts.
std::string tokens(std::string_view text) {
  static constexpr std::string_view letters = ".wqsbirpo;!";
  std::string out;
  for (const Token& token : tokenize(text)) {
    if (token.kind == TokenKind::end) continue;
    if (!out.empty()) out += ' ';
    out += letters[static_cast<size_t>(token.kind)];
    out += ':';
    out += text.substr(token.offset, token.size);
  }
  return out;
}

}  // namespace

TEST_CASE("words, names and symbols") {
  CHECK(tokens("SELECT a.\"b c\",[d]]`e``f`") == "w:SELECT w:a o:. q:\"b c\" o:, q:[d] !:] q:`e``f`");
  CHECK(tokens("a||b->>c->d<>e!=f<<g>=h") == "w:a o:|| w:b o:->> w:c o:-> w:d o:<> w:e o:!= w:f o:<< w:g o:>= w:h");
  CHECK(tokens("größe $x é") == "w:größe p:$x w:é");
}

TEST_CASE("literals") {
  CHECK(tokens("1 1.5 .5 1. 1e3 1e+3 1e-3 0x1F 12ab 1e") ==
        "i:1 r:1.5 r:.5 r:1. r:1e3 r:1e+3 r:1e-3 i:0x1F !:12ab !:1e");
  CHECK(tokens("'it''s' x'00ff' X'' x") == "s:'it''s' b:x'00ff' b:X'' w:x");
  CHECK(tokens("'open") == "!:'open");
}

TEST_CASE("parameters") {
  CHECK(tokens("? ?12 :a @b $c $ns::v(x) :") == "p:? p:?12 p::a p:@b p:$c p:$ns::v(x) !::");
}

TEST_CASE("comments and white space are skipped") {
  CHECK(tokens("a -- b ; \n c /* ; */ d /* open") == "w:a w:c w:d");
  CHECK(tokens("a - - b/c") == "w:a o:- o:- w:b o:/ w:c");
  Lexer lexer{"/* open"};
  lexer.next();
  CHECK(lexer.unfinished());
}

TEST_CASE("quoting") {
  CHECK(unquote("\"a\"\"b\"") == "a\"b");
  CHECK(unquote("[a b]") == "a b");
  CHECK(unquote("'it''s'") == "it's");
  CHECK(unquote("plain") == "plain");
  CHECK(quote_text("it's") == "'it''s'");
  CHECK(equal_nocase("SeLect", "sElECT"));
  CHECK_FALSE(equal_nocase("Ä", "ä"));
}
