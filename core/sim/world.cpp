// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/world.hpp>

#include <shoal/buffers/check.hpp>

namespace shoal::sim {

world::world(std::uint64_t seed, const network_profile& behaviour) : seed_(seed), inside_(seed, behaviour) {}

world::~world() { SHOAL_CHECK(runs_.loops() == 0, "a simulated world was destroyed while runtimes run in it"); }

std::shared_ptr<sim_host> world::add_host(std::string_view address) {
  auto made = std::make_shared<sim_host>(inside_, network_, runs_, static_cast<std::uint32_t>(hosts_.size() + 1));
  made->add_address(address);
  hosts_.push_back(made);
  return made;
}

bool world::run_until(const std::function<bool()>& condition, duration within) {
  return runs_.run_until(condition, now() + within);
}

void world::run_for(duration length) {
  static_cast<void>(runs_.run_until([] { return false; }, now() + length));
}

}  // namespace shoal::sim
