// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/host/process_link.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace shoal {
namespace {

std::unexpected<std::error_code> failed() { return std::unexpected(std::error_code{errno, std::system_category()}); }

/// A message with room for descriptors.
struct envelope {
  envelope(char* text, std::size_t size) : part{text, size} {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
  }

  iovec part;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(process_link::most_descriptors * sizeof(int))> control{};
  msghdr header{};
};

std::vector<int> descriptors_in(msghdr& header) {
  const cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  if (rights == nullptr || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) return {};
  std::vector<int> fds((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  std::memcpy(fds.data(), CMSG_DATA(rights), fds.size() * sizeof(int));
  return fds;
}

void put(msghdr& into, std::span<const int> fds) {
  into.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* const rights = CMSG_FIRSTHDR(&into);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
}

}  // namespace

result<std::pair<process_link, process_link>> process_link::make() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return failed();
  return std::pair{process_link{ends[0]}, process_link{ends[1]}};
}

result<process_link> process_link::inherited(int fd) {
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return failed();
  return process_link{fd};
}

process_link::~process_link() {
  if (fd_ >= 0) ::close(fd_);
}

result<void> process_link::send(std::string_view text, std::span<const int> fds) {
  if (fds.size() > most_descriptors || text.size() > longest_text) return fail(errc::message_too_long);
  envelope message{const_cast<char*>(text.data()), text.size()};  // sendmsg() only reads it
  if (fds.empty()) {
    message.header.msg_control = nullptr;
  } else {
    put(message.header, fds);
  }
  if (::sendmsg(fd_, &message.header, MSG_NOSIGNAL) < 0) return failed();
  return {};
}

result<process_link::letter> process_link::receive(std::optional<duration> patience) {
  pollfd source{fd_, POLLIN, 0};
  int limit = -1;
  if (patience) limit = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(*patience).count());
  const int ready = ::poll(&source, 1, limit);
  if (ready < 0) return failed();
  if (ready == 0) return fail(errc::timed_out);
  letter made;
  made.text.resize(longest_text);
  envelope message{made.text.data(), made.text.size()};
  message.header.msg_controllen = message.control.size();
  const auto size = ::recvmsg(fd_, &message.header, MSG_CMSG_CLOEXEC);
  if (size < 0) return failed();
  if (size == 0) return fail(errc::eof);
  made.text.resize(static_cast<std::size_t>(size));
  made.fds = descriptors_in(message.header);
  return made;
}

void process_link::end() noexcept { ::shutdown(fd_, SHUT_RDWR); }

}  // namespace shoal
