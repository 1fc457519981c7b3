// SPDX-License-Identifier: Apache-2.0
// Two threads and two queues between them, without shoal: what a call to another core costs at least, and what it costs
// with a system call per message.
//
// Thread rule: echo() on one thread, window() and end() on another.
#pragma once

#include <boost/lockfree/spsc_queue.hpp>

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

namespace shoal::bench {

/// This thread to one CPU; false when it may not run there.
inline bool pin_to(unsigned cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(cpu, &only);
  return ::sched_setaffinity(0, sizeof only, &only) == 0;
}
/// Back to CPUs 0 and 1.
inline bool pin_to_all() {
  cpu_set_t both;
  CPU_ZERO(&both);
  CPU_SET(0, &both);
  CPU_SET(1, &both);
  return ::sched_setaffinity(0, sizeof both, &both) == 0 && CPU_COUNT(&both) == 2;
}

using pointer_queue = boost::lockfree::spsc_queue<const void*, boost::lockfree::capacity<1024>>;

/// Both sides spin.
class spinning_pair {
 public:
  /// Answers until the end.
  void echo() {
    for (const void* item = nullptr;;) {
      if (!there_.pop(item)) continue;
      if (item == nullptr) return;
      while (!back_.push(item)) {
      }
    }
  }
  /// `count` messages there and back, `at_once` on their way.
  void window(std::uint64_t count, std::uint64_t at_once) {
    std::uint64_t sent = 0;
    for (; sent < at_once; ++sent) send();
    for (std::uint64_t back = 0; back < count; ++back) {
      const void* item = nullptr;
      while (!back_.pop(item)) {
      }
      if (sent < count) {
        ++sent;
        send();
      }
    }
  }
  void end() { there_.push(nullptr); }

 private:
  void send() { there_.push(this); }
  pointer_queue there_;
  pointer_queue back_;
};

/// A write and a read of an eventfd for each message; a side with nothing to do sleeps in the read.
class eventfd_pair {
 public:
  eventfd_pair() {
    if (there_fd_ < 0 || back_fd_ < 0) throw std::runtime_error("eventfd");
  }
  eventfd_pair(const eventfd_pair&) = delete;
  eventfd_pair& operator=(const eventfd_pair&) = delete;
  ~eventfd_pair() {
    ::close(there_fd_);
    ::close(back_fd_);
  }

  void echo() {
    for (;;) {
      const void* item = receive(there_, there_fd_);
      if (item == nullptr) return;
      send(back_, back_fd_, item);
    }
  }
  void window(std::uint64_t count, std::uint64_t at_once) {
    std::uint64_t sent = 0;
    for (; sent < at_once; ++sent) send(there_, there_fd_, this);
    for (std::uint64_t back = 0; back < count; ++back) {
      static_cast<void>(receive(back_, back_fd_));
      if (sent < count) {
        ++sent;
        send(there_, there_fd_, this);
      }
    }
  }
  void end() { send(there_, there_fd_, nullptr); }

 private:
  static void send(pointer_queue& queue, int fd, const void* item) {
    queue.push(item);
    const std::uint64_t one = 1;
    if (::write(fd, &one, sizeof one) != sizeof one) throw std::runtime_error("write");
  }
  static const void* receive(pointer_queue& queue, int fd) {
    std::uint64_t one = 0;
    if (::read(fd, &one, sizeof one) != sizeof one) throw std::runtime_error("read");
    const void* item = nullptr;
    queue.pop(item);
    return item;
  }

  pointer_queue there_;
  pointer_queue back_;
  int there_fd_ = ::eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
  int back_fd_ = ::eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
};

}  // namespace shoal::bench
