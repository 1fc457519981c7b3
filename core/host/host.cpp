// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/host/host.hpp>

#include <shoal/buffers/check.hpp>

namespace shoal {

void host::adopt(stepped_loop&, poller&) { SHOAL_CHECK(false, "this host runs its shards on threads"); }
void host::step_until(const std::function<bool()>&) { SHOAL_CHECK(false, "this host runs its shards on threads"); }

}  // namespace shoal
