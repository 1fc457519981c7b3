// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/log_output.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace shoal {

log_output::log_output(std::string path) : path_{std::move(path)} {
  if (path_ == "stdout" || path_ == "-") {
    fd_ = STDOUT_FILENO;
  } else if (path_ == "stderr") {
    fd_ = STDERR_FILENO;
  } else {
    standard_ = false;
    const auto opened = open_file();
    if (!opened) throw std::system_error{opened.error(), path_};
    fd_ = *opened;
  }
}

log_output::~log_output() {
  adopt();
  if (!standard_) ::close(fd_);
}

result<int> log_output::open_file() const noexcept {
  // NONBLOCK: opening a FIFO without a reader fails instead of waiting for one. Readable by the group, as /var/log is.
  const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) return fail_errno(errno);
  return fd;
}

result<void> log_output::reopen() {
  if (standard_) return {};
  const auto opened = open_file();
  if (!opened) return fail(opened.error());
  const int overtaken = reopened_.exchange(*opened);
  if (overtaken >= 0) ::close(overtaken);
  return {};
}

void log_output::adopt() noexcept {
  if (reopened_.load(std::memory_order_relaxed) < 0) return;
  const int fresh = reopened_.exchange(-1);
  if (fresh < 0) return;
  ::close(fd_);
  fd_ = fresh;
  stuck_ = false;
}

bool log_output::write(std::string_view line) noexcept {
  constexpr int max_attempts = 64;  // a terminal takes a line in pieces, but not in more than this
  adopt();
  for (int attempt = 0; !line.empty(); ++attempt) {
    if (attempt == max_attempts || !writable()) return false;
    const auto written = ::write(fd_, line.data(), line.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (written > 0) line.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Standard output may be a blocking descriptor that is not ours to change, so every write asks first.
bool log_output::writable() noexcept {
  pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
  const int timeout = stuck_ ? 0 : static_cast<int>(patience.count());
  const int ready = ::poll(&waiting, 1, timeout);
  if (ready < 0 && errno == EINTR) return true;  // write() will tell
  stuck_ = ready == 0;
  return ready > 0;
}

}  // namespace shoal
