// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/poller.hpp>

#include <shoal/buffers/errc.hpp>

namespace shoal {

std::error_code poller::watch(fd_watch&, bool, bool) { return errc::not_supported; }

void poller::unwatch(fd_watch&) noexcept {}

}  // namespace shoal
