// SPDX-License-Identifier: Apache-2.0
// callback: a copyable function object of any kind, as std::function, for headers that everybody includes: <functional>
// is 12,000 lines.
//
// Thread rule: as the function it holds.
// Differences: 8 bytes, always on the heap, and calling an empty one is a failed check instead of an exception. Copying
//   copies the function: what it captured is per copy.
#pragma once

#include <shoal/buffers/check.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace shoal {

template <class Signature>
class callback;

template <class R, class... Args>
class callback<R(Args...)> {
  struct held {
    virtual ~held() = default;
    [[nodiscard]] virtual std::unique_ptr<held> copy() const = 0;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct holder final : held {
    explicit holder(F f) : function(std::move(f)) {}
    [[nodiscard]] std::unique_ptr<held> copy() const override { return std::make_unique<holder>(function); }
    R call(Args... args) override {
      if constexpr (std::is_void_v<R>) {
        function(std::forward<Args>(args)...);
      } else {
        return function(std::forward<Args>(args)...);
      }
    }
    F function;
  };

 public:
  callback() noexcept = default;
  callback(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor): as std::function
  /// Holds `f`; a null function pointer, or an object that says it is empty (an empty std::function), makes an empty
  /// one.
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, callback>) && std::copy_constructible<std::decay_t<F>> &&
            std::is_invocable_r_v<R, std::decay_t<F>&, Args...>
  callback(F&& f) {  // NOLINT(google-explicit-constructor): hooks are written in place
    using kept = std::decay_t<F>;
    if constexpr (std::is_constructible_v<bool, const kept&> && !std::is_empty_v<kept>) {
      if (!static_cast<bool>(f)) return;
    }
    held_ = std::make_unique<holder<kept>>(std::forward<F>(f));
  }
  callback(const callback& other) : held_(other.held_ == nullptr ? nullptr : other.held_->copy()) {}
  callback(callback&& other) noexcept = default;
  callback& operator=(const callback& other) {
    held_ = other.held_ == nullptr ? nullptr : other.held_->copy();
    return *this;
  }
  callback& operator=(callback&& other) noexcept = default;
  ~callback() = default;

  [[nodiscard]] explicit operator bool() const noexcept { return held_ != nullptr; }
  R operator()(Args... args) const {
    SHOAL_CHECK(held_ != nullptr, "an empty callback was called");
    return held_->call(std::forward<Args>(args)...);
  }

 private:
  std::unique_ptr<held> held_;
};

}  // namespace shoal
