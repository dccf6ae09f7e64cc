#include "cli/log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

using ddb::cli::Level;
using ddb::cli::Log;

namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

struct Directory {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("ddb-log-" + std::to_string(getpid()));
  Directory() { std::filesystem::create_directory(path); }
  ~Directory() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("an event is one line with time and level, whatever is in it") {
  const Directory directory;
  Log log{Level::info};
  REQUIRE(log.open(directory.path / "log"));
  log.debug("not asked for");
  log.warning("two\nlines");
  const std::regex line{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning two\\nlines\n)"};
  CHECK(std::regex_match(slurp(directory.path / "log"), line));
}

TEST_CASE("a log that was moved away is reopened in place") {
  const Directory directory;
  Log log;
  REQUIRE(log.open(directory.path / "log"));
  log.info("before");
  std::filesystem::rename(directory.path / "log", directory.path / "log.1");
  REQUIRE(log.reopen());
  log.info("after");
  CHECK(slurp(directory.path / "log.1").find("before") != std::string::npos);
  CHECK(slurp(directory.path / "log").find("after") != std::string::npos);
}

TEST_CASE("a log that cannot be opened keeps the old one") {
  const Directory directory;
  Log log;
  REQUIRE(log.open(directory.path / "log"));
  CHECK(log.open(directory.path / "absent" / "log").error().code == ddb::Code::cannot_create);
  log.info("still here");
  CHECK(slurp(directory.path / "log").find("still here") != std::string::npos);
}
