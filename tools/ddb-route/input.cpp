#include "input.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

namespace ddb::route {

namespace {

constexpr size_t piece_bytes = 64 << 10;

/// An epoll of this one descriptor. Asio waits for that instead, because it would make the descriptor itself
/// non-blocking, for every process that shares it: the user's terminal. -1: a file on disk, which never waits.
int epoll_of(int fd) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return epoll;
  close(epoll);
  return -1;
}

}  // namespace

struct Readable::Impl {
  Impl(int fd, net::Loop& loop, client::Fibers& the_fibers) : fibers{the_fibers}, descriptor{loop.io()} {
    if (const int epoll = epoll_of(fd); epoll >= 0) descriptor.assign(epoll);
  }

  client::Fibers& fibers;
  boost::asio::posix::stream_descriptor descriptor;  // closed: nothing to wait for
  bool cancelled = false;
};

Readable::Readable(int fd, net::Loop& loop, client::Fibers& fibers) : impl_{std::make_unique<Impl>(fd, loop, fibers)} {}
Readable::~Readable() = default;

bool Readable::wait() {
  if (impl_->cancelled || !impl_->descriptor.is_open()) return !impl_->cancelled;
  const auto parking = std::make_shared<client::Executor::Parking>();
  impl_->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                               [parking](const boost::system::error_code&) { parking->wake(); });
  return impl_->fibers.park(parking) && !impl_->cancelled;
}

void Readable::cancel() {
  impl_->cancelled = true;
  if (impl_->descriptor.is_open()) impl_->descriptor.cancel();
}

FileInput::FileInput(int fd, std::string name, net::Loop& loop, client::Fibers& fibers)
    : fd_{fd}, name_{std::move(name)}, readable_{fd, loop, fibers}, piece_(piece_bytes, '\0') {}

FileInput::~FileInput() {
  if (fd_ != STDIN_FILENO) close(fd_);
}

Result<std::unique_ptr<FileInput>> FileInput::open(const std::string& path, net::Loop& loop, client::Fibers& fibers) {
  if (path == "-") return std::unique_ptr<FileInput>{new FileInput{STDIN_FILENO, "stdin", loop, fibers}};
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Code::failed, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  return std::unique_ptr<FileInput>{new FileInput{fd, path, loop, fibers}};
}

Result<std::string_view> FileInput::read() {
  if (!readable_.wait()) return fail(Code::failed, "interrupted");
  for (;;) {
    const ssize_t size = ::read(fd_, piece_.data(), piece_.size());
    if (size >= 0) return std::string_view{piece_}.substr(0, static_cast<size_t>(size));
    if (errno != EINTR) return fail(Code::io, fmt::format("cannot read: {}", std::strerror(errno)));
  }
}

}  // namespace ddb::route
