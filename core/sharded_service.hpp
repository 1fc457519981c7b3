// SPDX-License-Identifier: Apache-2.0
// sharded_service<T>: a sharded<T> that lives as long as its runtime runs. Declare it before the servers that use it:
//
//   runtime r;
//   sharded_service<counter> counters{r};          // a counter on every shard, before the server has its first client
//   server s{r, {.bind = "127.0.0.1:7000"}};       // and until after its last one
//   s.on_request([&](connection& c) { counters.local().add(1); ... });
//
// Each T is made at the start of its shard, T(args...) with copies of the arguments; one that throws fails the start of
// the runtime (start() has the reason) and the others are stopped and destroyed. At the stop, services end in reverse
// order: T::stop() (void or task<>) if there is one, then ~T(). If T has a hurry(), it is called when the stop must end
// now: whatever T::stop() waits for, it ends.
//
// Thread rule, calls, errors: sharded.hpp. It is made and destroyed on the thread that runs the runtime, before the
//   start or late (shared_service.hpp). Between two starts of the runtime there is no T.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/service.hpp>
#include <shoal/core/sharded.hpp>

#include <functional>
#include <utility>

namespace shoal {

template <class T>
class sharded_service final : public sharded<T>, private service {
 public:
  template <class... Args>
    requires std::constructible_from<T, const Args&...>
  explicit sharded_service(runtime& owner, Args... args)
      : owner_(owner), make_([... args = std::move(args)] { return T(args...); }) {
    owner_.add(*this);
  }
  sharded_service(const sharded_service&) = delete;
  sharded_service& operator=(const sharded_service&) = delete;
  ~sharded_service() { owner_.remove(*this); }

 private:
  std::expected<void, start_failure> prepare(runtime& owner) override {
    this->make_room(owner.shards());
    return {};
  }
  void start(shard&) override { this->start_here(make_); }
  task<> stop(shard&, instant) override { return this->stop_here(); }
  void hurry(shard&) override {
    if constexpr (requires(T& t) { t.hurry(); }) {
      if (T* here = this->local_or_null(); here != nullptr) here->hurry();
    }
  }

  runtime& owner_;
  std::function<T()> make_;
};

}  // namespace shoal
