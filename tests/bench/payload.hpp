// SPDX-License-Identifier: Apache-2.0
// The bytes of the messages that a load sends: one block shared by all, with a stamp that tells one from the other.
//
// Thread rule: one thread. The first and last eight bytes of a message are its stamp (messages under 16 bytes have the
// first only). Whoever sends asks for the stamped block and hands it to the kernel at once, which copies it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace shoal::bench {

class payload {
 public:
  explicit payload(std::size_t size) : expected_(size) {
    std::uint64_t state = 0x9e3779b97f4a7c15;
    for (char& byte : expected_) {
      state = state * 6364136223846793005 + 1442695040888963407;
      byte = static_cast<char>(state >> 56);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return expected_.size(); }

  /// Large messages have a middle that need not be copied to be counted. A stretch is head, middle, tail, or all.
  [[nodiscard]] bool in_middle(std::size_t at) const noexcept {
    return has_middle() && at >= edge && at < size() - edge;
  }
  [[nodiscard]] std::size_t stretch_end(std::size_t at) const noexcept {
    if (!has_middle() || at >= size() - edge) return size();
    return at < edge ? edge : size() - edge;
  }

  /// The message with this stamp; the next call overwrites it.
  [[nodiscard]] const char* stamped(std::uint64_t stamp) noexcept {
    std::memcpy(expected_.data(), &stamp, std::min(expected_.size(), sizeof stamp));
    if (has_tail()) std::memcpy(expected_.data() + expected_.size() - sizeof stamp, &stamp, sizeof stamp);
    return expected_.data();
  }

  /// Whether `bytes` are what the message with this stamp has at `offset`.
  [[nodiscard]] bool matches(std::uint64_t stamp, std::size_t offset, std::string_view bytes, bool whole) noexcept {
    const std::string_view expected{stamped(stamp) + offset, bytes.size()};
    if (whole) return bytes == expected;
    if (offset < sizeof stamp) {
      const std::size_t head = std::min(bytes.size(), sizeof stamp - offset);
      if (std::memcmp(bytes.data(), expected.data(), head) != 0) return false;
    }
    const std::size_t tail_begins = has_tail() ? expected_.size() - sizeof stamp : expected_.size();
    const std::size_t end = offset + bytes.size();
    if (end <= tail_begins) return true;
    const std::size_t skip = offset < tail_begins ? tail_begins - offset : 0;
    return std::memcmp(bytes.data() + skip, expected.data() + skip, bytes.size() - skip) == 0;
  }

 private:
  static constexpr std::size_t edge = 64;

  [[nodiscard]] bool has_middle() const noexcept { return expected_.size() >= 32 * 1024; }
  [[nodiscard]] bool has_tail() const noexcept { return expected_.size() >= 2 * sizeof(std::uint64_t); }

  std::vector<char> expected_;
};

}  // namespace shoal::bench
