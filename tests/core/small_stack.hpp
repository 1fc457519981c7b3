// SPDX-License-Identifier: Apache-2.0
// Runs a function on a thread of its own with a stack of a given size: what nests too deep crashes there.
//
// Thread rule: blocks the caller until the function has returned; an exception it throws is thrown here.
#pragma once

#include <shoal/buffers/check.hpp>

#include <pthread.h>

#include <cstddef>
#include <exception>
#include <functional>

namespace shoal::test {

inline void on_stack_of(std::size_t bytes, const std::function<void()>& work) {
  struct job {
    const std::function<void()>& work;
    std::exception_ptr failure;
  } run{work, nullptr};
  pthread_attr_t attributes;
  SHOAL_CHECK(pthread_attr_init(&attributes) == 0, "attributes of a thread");
  SHOAL_CHECK(pthread_attr_setstacksize(&attributes, bytes) == 0, "the stack of a thread");
  pthread_t thread{};
  const auto start = [](void* argument) -> void* {
    auto& self = *static_cast<job*>(argument);
    try {
      self.work();
    } catch (...) {
      self.failure = std::current_exception();
    }
    return nullptr;
  };
  SHOAL_CHECK(pthread_create(&thread, &attributes, start, &run) == 0, "a thread");
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  if (run.failure) std::rethrow_exception(run.failure);
}

}  // namespace shoal::test
