// SPDX-License-Identifier: Apache-2.0
// process_link: letters between two processes of this machine, which may hold open descriptors (SCM_RIGHTS).
//
// Thread rule: blocking calls, so not on a shard. end() from any thread; the rest on one at a time for each direction.
// Invariant: a letter arrives as a whole or not at all; the descriptors in one belong to who receives it.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/instant.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal {

class process_link {
 public:
  /// Of one letter. The kernel takes 253 descriptors (SCM_MAX_FD).
  static constexpr std::size_t most_descriptors = 128;
  static constexpr std::size_t longest_text = std::size_t{64} << 10;

  struct letter {
    std::string text;
    std::vector<int> fds;
  };

  /// Both ends, closed by exec().
  [[nodiscard]] static result<std::pair<process_link, process_link>> make();
  /// The end that another process left open for this one; errc of the kernel if there is none.
  [[nodiscard]] static result<process_link> inherited(int fd);

  process_link() = default;
  process_link(process_link&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  process_link& operator=(process_link&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~process_link();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// The descriptors stay the sender's; the other side gets copies.
  [[nodiscard]] result<void> send(std::string_view text, std::span<const int> fds = {});
  /// Waits so long, or as long as it takes. errc::timed_out; errc::eof when the other side has ended.
  [[nodiscard]] result<letter> receive(std::optional<duration> patience = {});
  /// Whoever waits, here or there, sees the end.
  void end() noexcept;

 private:
  explicit process_link(int fd) noexcept : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace shoal
