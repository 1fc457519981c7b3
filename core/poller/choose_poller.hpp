// SPDX-License-Identifier: Apache-2.0
// Which back end a shard of this machine polls with (D12).
//
//   epoll, io_uring    as asked for, or the error: for io_uring a uring_errc, whose message names what is missing
//   automatic          epoll, until the comparison (docs/comparison.md) shows io_uring ahead; then io_uring where it
//                      has all that shoal needs and is allowed, else epoll with the reason
//
// Thread rule: the shard's thread.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/poller/poller.hpp>

#include <functional>
#include <memory>
#include <string_view>

namespace shoal {

/// Makes an io_uring poller that gives this reason; a test puts one in its place that cannot.
using uring_maker = std::function<result<std::unique_ptr<poller>>(host&, std::string_view)>;

[[nodiscard]] result<std::unique_ptr<poller>> choose_poller(host& machine, poller_kind kind);
/// The same with the two facts the choice of `automatic` rests on.
[[nodiscard]] result<std::unique_ptr<poller>> choose_poller(host& machine, poller_kind kind, bool uring_is_ahead,
                                                            const uring_maker& make_uring);

}  // namespace shoal
