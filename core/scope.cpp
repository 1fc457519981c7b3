// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/scope.hpp>

namespace shoal {

struct scope::child final : run_item {
  child(scope& parent, task<> what) noexcept
      : run_item([](run_item& item) {
          auto& self = static_cast<child&>(item);
          self.owner.finished(self);
        }),
        owner(parent),
        work(std::move(what)) {}

  static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
  static void operator delete(void* node, std::size_t bytes) noexcept { detail::free_frame(node, bytes); }

  scope& owner;
  task<> work;
};

void scope::spawn(task<> work) {
  auto node = std::make_unique<child>(*this, std::move(work));
  ++running_;
  child& started = *node.release();  // owned by itself until finished()
  if (started.work.start(started)) finished(started);
}

void scope::finished(child& done) noexcept {
  std::unique_ptr<child> node{&done};
  try {
    node->work.take();
  } catch (...) {
    on_failure_(std::current_exception());
  }
  // Before who joins goes on: the child's arguments may refer to what that one destroys next.
  node.reset();
  if (--running_ == 0 && joiner_ != nullptr) shard::current().run_or_schedule(*std::exchange(joiner_, nullptr));
}

}  // namespace shoal
