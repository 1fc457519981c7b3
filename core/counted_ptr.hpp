// SPDX-License-Identifier: Apache-2.0
// counted_ptr: shares an object that counts its own references, by intrusive_ptr_add_ref(p) and
// intrusive_ptr_release(p) beside its class: boost::intrusive_ptr in what is needed here, without the 12,000 lines of
// <functional>.
//
// Thread rule: that of the object's count; a plain integer means one shard.
#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

namespace shoal {

template <class T>
class counted_ptr {
 public:
  counted_ptr() noexcept = default;
  counted_ptr(std::nullptr_t) noexcept {}              // NOLINT(google-explicit-constructor): as other pointers
  counted_ptr(T* object) noexcept : object_(object) {  // NOLINT(google-explicit-constructor): as boost::intrusive_ptr
    if (object_ != nullptr) intrusive_ptr_add_ref(object_);
  }
  counted_ptr(const counted_ptr& other) noexcept : counted_ptr(other.object_) {}
  counted_ptr(counted_ptr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
    requires(!std::same_as<U, T>) && std::convertible_to<U*, T*>
  counted_ptr(const counted_ptr<U>& other) noexcept  // NOLINT(google-explicit-constructor): to a base, or to const
      : counted_ptr(other.get()) {}
  template <class U>
    requires(!std::same_as<U, T>) && std::convertible_to<U*, T*>
  counted_ptr(counted_ptr<U>&& other) noexcept  // NOLINT(google-explicit-constructor): the same
      : object_(other.detach()) {}
  counted_ptr& operator=(counted_ptr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~counted_ptr() {
    if (object_ != nullptr) intrusive_ptr_release(object_);
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  void reset() noexcept { *this = counted_ptr{}; }
  /// Gives up the object without releasing it, as boost::intrusive_ptr's.
  [[nodiscard]] T* detach() noexcept { return std::exchange(object_, nullptr); }

  friend bool operator==(const counted_ptr& a, const counted_ptr& b) noexcept { return a.object_ == b.object_; }
  friend bool operator==(const counted_ptr& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

 private:
  T* object_ = nullptr;
};

}  // namespace shoal
