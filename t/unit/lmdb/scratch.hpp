// A directory that goes with the test.
#pragma once

#include <filesystem>
#include <string>

#include <stdlib.h>

namespace ddb::test {

class Scratch {
 public:
  Scratch() {
    // In memory where there is such a place: these tests are about order, not about disks.
    std::string pattern = std::filesystem::is_directory("/dev/shm") ? "/dev/shm/ddb-unit-XXXXXX" : "/tmp/ddb-unit-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace ddb::test
