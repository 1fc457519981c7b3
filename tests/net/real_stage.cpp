// SPDX-License-Identifier: Apache-2.0
#include <tests/net/stage.hpp>

namespace shoal::test {

std::shared_ptr<host> stage_host() { return make_real_host(); }

bool stage_advance(const std::function<bool()>&) { return true; }

}  // namespace shoal::test
