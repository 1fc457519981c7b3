// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/choose_poller.hpp>

#include <shoal/core/poller/epoll_poller.hpp>
#include <shoal/core/poller/uring_poller.hpp>

#include <string>

namespace shoal {
namespace {

/// What ./scripts/compare pollers-1k pollers-256k says on the project's class of machine.
constexpr bool uring_measured_ahead = false;

}  // namespace

result<std::unique_ptr<poller>> choose_poller(host& machine, poller_kind kind, bool uring_is_ahead,
                                              const uring_maker& make_uring) {
  switch (kind) {
    case poller_kind::epoll: return epoll_poller::make(machine, "as configured");
    case poller_kind::io_uring: return make_uring(machine, "as configured");
    case poller_kind::simulated: return fail(errc::not_supported);
    case poller_kind::automatic: break;
  }
  if (!uring_is_ahead) return epoll_poller::make(machine, "auto: io_uring is not measured ahead of it");
  auto made = make_uring(machine, "auto: this kernel has all that is needed");
  if (made) return made;
  return epoll_poller::make(machine, "auto: " + made.error().message());
}

result<std::unique_ptr<poller>> choose_poller(host& machine, poller_kind kind) {
  return choose_poller(machine, kind, uring_measured_ahead, uring_poller::make);
}

}  // namespace shoal
