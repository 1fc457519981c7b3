// SPDX-License-Identifier: Apache-2.0
// stop_link: connects one wait to a std::stop_token. Embedded in the awaiter: nothing is allocated.
//
// Thread rule: owner shard only, and so is the stop: request_stop() of the token's source is called on the shard of
//   those who wait.
// Invariants: `Owner::on_stop()` runs at most once, inside request_stop(), only between arm() and disarm() (or the end
//   of the link); it must not resume a coroutine, since what it ends may own the source.
#pragma once

#include <optional>
#include <stop_token>
#include <utility>

namespace shoal::detail {

template <class Owner>
class stop_link {
 public:
  stop_link(Owner& owner, std::stop_token token) noexcept : owner_(owner), token_(std::move(token)) {}
  stop_link(const stop_link&) = delete;
  stop_link& operator=(const stop_link&) = delete;
  ~stop_link() = default;

  [[nodiscard]] bool requested() const noexcept { return token_.stop_requested(); }
  void arm() noexcept {
    if (token_.stop_possible()) callback_.emplace(token_, call{&owner_});
  }
  void disarm() noexcept { callback_.reset(); }

 private:
  struct call {
    Owner* owner;
    void operator()() const noexcept { owner->on_stop(); }
  };

  Owner& owner_;
  std::stop_token token_;
  std::optional<std::stop_callback<call>> callback_;
};

}  // namespace shoal::detail
