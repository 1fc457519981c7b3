// SPDX-License-Identifier: Apache-2.0
// The process as the kernel sees it, under the names that Prometheus clients agree on.
#pragma once

#include <shoal/core/metrics_text.hpp>

namespace proxy {

/// What can't be read is left out.
void write_process_metrics(shoal::metrics_text& page);

}  // namespace proxy
