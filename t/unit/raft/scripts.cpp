// Runs every recorded script of t/raft; DDB_REWRITE=1 records anew what is then to be reviewed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/raft/script.hpp"

using namespace ddb::raft::test;

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> scripts() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator{"t/raft"})
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

TEST_CASE("recorded interaction scripts") {
  const bool rewrite = std::getenv("DDB_REWRITE") != nullptr;
  REQUIRE(!scripts().empty());
  for (const auto& path : scripts()) {
    INFO(path.string());
    const std::string recorded = read_file(path);
    Script script;
    const std::string happened = script.run(recorded);
    for (const std::string& failure : script.failures()) FAIL_CHECK(path.string() << ": " << failure);
    if (rewrite) {
      std::ofstream{path} << happened;
    } else {
      CHECK(happened == recorded);
    }
  }
}

TEST_CASE("an expectation that is not met makes a script fail, whatever was recorded") {
  Script script;
  const std::string text = "nodes 1\nexpect 1 role=leader\n----\n";
  CHECK(script.run(script.run(text)).find("WRONG: expected 1 role to be leader") != std::string::npos);
  CHECK(!script.failures().empty());
}
