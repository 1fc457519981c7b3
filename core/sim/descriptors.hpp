// SPDX-License-Identifier: Apache-2.0
// The descriptors of one simulated host. The lowest free number is given out first, as kernels do, so that a number
// that is used after its close soon means somebody else.
//
// Thread rule: the world's thread.
// Invariants: a number that is not open is never looked up (a check, in every build); at most `limit` are open.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/sim/socket.hpp>

#include <memory>
#include <vector>

namespace shoal::sim {

class descriptors {
 public:
  static constexpr int first = 3;  // after the standard three

  [[nodiscard]] bool full() const noexcept { return open_ >= limit_; }
  /// A number for `s`. There must be room.
  int give(std::shared_ptr<socket> s) {
    SHOAL_ASSERT(!full());
    std::size_t at = 0;
    while (at < slots_.size() && slots_[at] != nullptr) ++at;
    if (at == slots_.size()) slots_.emplace_back();
    s->fd = first + static_cast<int>(at);
    slots_[at] = std::move(s);
    ++open_;
    return slots_[at]->fd;
  }
  [[nodiscard]] const std::shared_ptr<socket>& at(int fd) const {
    const auto place = static_cast<std::size_t>(fd - first);
    SHOAL_CHECK(fd >= first && place < slots_.size() && slots_[place] != nullptr, "a descriptor that is not open");
    return slots_[place];
  }
  std::shared_ptr<socket> take(int fd) {
    std::shared_ptr<socket> taken = at(fd);
    slots_[static_cast<std::size_t>(fd - first)] = nullptr;
    --open_;
    return taken;
  }

  [[nodiscard]] std::size_t open() const noexcept { return open_; }
  void set_limit(std::size_t limit) noexcept { limit_ = limit; }

 private:
  std::vector<std::shared_ptr<socket>> slots_;
  std::size_t open_ = 0;
  std::size_t limit_ = std::size_t{1} << 20U;
};

}  // namespace shoal::sim
