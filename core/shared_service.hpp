// SPDX-License-Identifier: Apache-2.0
// make_shared_service<T>(runtime, args...): an object that is a service of the runtime, or made of several, and stops
// when nobody needs it any more, while the runtime goes on.
//
//   auto api = make_shared_service<server>(runtime, server_options{...});
//   ...                                   // described
//   auto started = runtime.start_added();  // or start(), if it does not run yet
//   ...
//   api.reset();                           // stopped on every shard, then destroyed on the thread that runs the
//   runtime
//
// Thread rule: made on the thread that runs the runtime; the last owner may let go on any shard, and on that thread.
// Invariant: T's services are stopped with no time to finish: whoever has connections waits for their end before
//   (server::stop_accepting()).
#pragma once

#include <shoal/core/runtime.hpp>

#include <memory>
#include <utility>

namespace shoal {

/// T(runtime&, args...) adds its services to the runtime.
template <class T, class... Args>
[[nodiscard]] std::shared_ptr<T> make_shared_service(runtime& owner, Args&&... args) {
  const runtime::grouping together{owner};
  auto made = std::make_unique<T>(owner, std::forward<Args>(args)...);
  const auto retire = [&owner, group = together.id()](T* unused) {
    std::unique_ptr<T> last{unused};
    if (owner.is_idle()) return;  // nothing of it runs
    // std::function copies what it holds.
    owner.call([&owner, group, last = std::make_shared<std::unique_ptr<T>>(std::move(last))] {
      owner.stop_early(group, duration::zero(), [last] { last->reset(); });
    });
  };
  return std::shared_ptr<T>{made.release(), retire};
}

}  // namespace shoal
