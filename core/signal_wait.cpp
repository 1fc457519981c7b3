// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/signal_wait.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace shoal {

signal_wait::signal_wait() {
  sigemptyset(&set_);
  signal_fd_ = ::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_fd_ < 0 || wake_fd_ < 0) throw std::system_error(errno, std::system_category(), "signalfd");
}

signal_wait::~signal_wait() {
  // A key pressed twice: the second signal asked for what has happened meanwhile. It must not meet the usual effect
  // now.
  signalfd_siginfo late{};
  while (::read(signal_fd_, &late, sizeof(late)) == sizeof(late)) {
  }
  ::close(signal_fd_);
  ::close(wake_fd_);
  if (has_signals_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void signal_wait::add(int signal_number) {
  if (!std::exchange(has_signals_, true)) pthread_sigmask(SIG_BLOCK, nullptr, &before_);
  sigaddset(&set_, signal_number);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  if (::signalfd(signal_fd_, &set_, 0) < 0) throw std::system_error(errno, std::system_category(), "signalfd");
}

int signal_wait::wait() {
  std::array<pollfd, 2> sources{{{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}}};
  for (;;) {
    signalfd_siginfo info{};
    if (::read(signal_fd_, &info, sizeof(info)) == sizeof(info)) return static_cast<int>(info.ssi_signo);
    std::uint64_t count = 0;
    if (::read(wake_fd_, &count, sizeof(count)) == sizeof(count)) return 0;
    ::poll(sources.data(), sources.size(), -1);
  }
}

void signal_wait::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof(one));
}

}  // namespace shoal
