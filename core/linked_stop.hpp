// SPDX-License-Identifier: Apache-2.0
// linked_stop: a std::stop_source that is also asked when a parent's token is, so that a stop reaches the children of
// who was stopped.
//
//   linked_stop stop{parents_token};
//   co_await when_any(stop.source(), first(stop.token()), second(stop.token()));
//
// Thread rule: owner shard only, and the parent's stop is requested there too. Allocates the state of the stop_source,
//   once. Waits for nothing.
#pragma once

#include <optional>
#include <stop_token>

namespace shoal {

class linked_stop {
 public:
  linked_stop() = default;
  /// Is asked at once when the parent has been.
  explicit linked_stop(const std::stop_token& parent) { follow(parent); }
  linked_stop(const linked_stop&) = delete;
  linked_stop& operator=(const linked_stop&) = delete;
  ~linked_stop() = default;

  [[nodiscard]] std::stop_source& source() noexcept { return source_; }
  [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }
  /// Does not reach the parent. True for the first who asks.
  bool request_stop() noexcept { return source_.request_stop(); }

 private:
  struct pass_on {
    linked_stop* to;
    void operator()() const noexcept { to->source_.request_stop(); }
  };
  void follow(const std::stop_token& parent) noexcept {
    if (parent.stop_possible()) link_.emplace(parent, pass_on{this});
  }

  std::stop_source source_;
  std::optional<std::stop_callback<pass_on>> link_;
};

}  // namespace shoal
