// SPDX-License-Identifier: Apache-2.0
// dialer: connects to an address and gives a connection that obeys the same rules as an accepted one.
//
// Thread rule: owner shard only.
#pragma once

#include <shoal/net/connection.hpp>
#include <shoal/net/connection_table.hpp>

#include <memory>
#include <optional>

namespace shoal {

struct dial_options {
  duration timeout = std::chrono::seconds{5};  ///< the whole attempt; errc::connect_timeout
  tcp_options tcp;
  std::optional<address> source;  ///< bind to this first
};

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

class dialer {
 public:
  /// `profile` is what dialled connections have in common. `observer` hears when one is gone; may be nullptr.
  dialer(shard& here, profile_ptr profile, connection_observer* observer = nullptr)
      : shard_(here), profile_(std::move(profile)), observer_(observer) {}

  /// Connects. The error is the kernel's (connection refused stays connection refused), errc::connect_timeout, or
  /// errc::no_memory. `target` and `options` must outlive the wait.
  /// Resume rule: on this shard, in the "deliver" step that brought the outcome. Stop: ends with errc::stopped.
  [[nodiscard]] task<result<connection_owner>> dial(const address& target, const dial_options& options);

 private:
  shard& shard_;
  profile_ptr profile_;
  connection_observer* observer_;
};

}  // namespace shoal
