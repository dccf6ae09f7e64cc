// Where SQL text comes from, a piece at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "client/fiber.hpp"

namespace ddb::route {

/// Waits, in a fiber, until a descriptor can be read; a file on disk always can.
class Readable {
 public:
  Readable(int fd, net::Loop& loop, client::Fibers& fibers);
  ~Readable();
  /// False: cancelled, or the program is stopping.
  bool wait();
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads a file, in a fiber. While a pipe or a terminal has nothing to give, the fiber waits and the loop goes on.
class FileInput {
 public:
  /// "-": the standard input. Errors: failed (it cannot be opened).
  static Result<std::unique_ptr<FileInput>> open(const std::string& path, net::Loop& loop, client::Fibers& fibers);
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;
  ~FileInput();

  /// The next piece, valid until the next call; empty at the end. Errors: io; failed, when cancelled.
  Result<std::string_view> read();
  /// A read that waits gives up.
  void cancel() { readable_.cancel(); }

  const std::string& name() const { return name_; }  // for messages

 private:
  FileInput(int fd, std::string name, net::Loop& loop, client::Fibers& fibers);

  int fd_;
  std::string name_;
  Readable readable_;
  std::string piece_;
};

}  // namespace ddb::route
