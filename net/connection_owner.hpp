// SPDX-License-Identifier: Apache-2.0
// connection_owner: whoever dialled keeps the connection by one of these.
//
// Thread rule: owner shard only.
#pragma once

#include <shoal/net/connection.hpp>

#include <utility>

namespace shoal {

/// Owns a dialled connection: it stays valid, if closed, until the owner lets go. Closes it (drain) when destroyed.
class connection_owner {
 public:
  connection_owner() = default;
  explicit connection_owner(connection& c) noexcept;
  connection_owner(connection_owner&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  connection_owner& operator=(connection_owner&& other) noexcept;
  ~connection_owner() { reset(); }

  [[nodiscard]] connection& operator*() const noexcept { return *held_; }
  [[nodiscard]] connection* operator->() const noexcept { return held_; }
  [[nodiscard]] explicit operator bool() const noexcept { return held_ != nullptr; }
  /// Lets go without closing: the connection lives on by its hooks (or its relay).
  connection& release() noexcept;

 private:
  void reset() noexcept;
  connection* held_ = nullptr;
};

}  // namespace shoal
