#include "read_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace ddb::bench {

Result<std::string> read_file(const std::string& path) {
  const auto all = [](std::istream& in) { return std::string{std::istreambuf_iterator<char>{in}, {}}; };
  if (path == "-") return all(std::cin);
  std::ifstream file{path};
  if (!file) return fail(Code::failed, "cannot open " + path + ": " + std::strerror(errno));
  std::string text = all(file);
  if (file.bad()) return fail(Code::io, "cannot read " + path);
  return text;
}

}  // namespace ddb::bench
