// SPDX-License-Identifier: Apache-2.0
#include <tests/net/sim_stage.hpp>

#include <tests/net/peer.hpp>
#include <tests/seed.hpp>

namespace shoal::test {
namespace {

struct only_world {
  explicit only_world(const sim::network_profile& profile)
      : world(seed(), profile), machine(world.add_host("10.0.0.1")) {}
  sim::world world;
  std::shared_ptr<sim::sim_host> machine;
};

/// Nothing is lost or broken, but everything is late and in portions. Those of a few bytes stay whole: the cases count
/// on it, as one may on a real loopback.
sim::network_profile rough_network() {
  using std::chrono::microseconds;
  auto profile = sim::perfect_network();
  profile.jitter = {microseconds{0}, microseconds{200}};
  profile.segment = {500, 20'000};
  profile.slow_completion = 0.3;
  profile.slow_completion_for = {microseconds{1}, microseconds{100}};
  profile.turn = {microseconds{1}, microseconds{50}};
  profile.wake = {microseconds{1}, microseconds{50}};
  profile.late_wake = 0.1;
  profile.late_wake_by = {microseconds{1}, microseconds{500}};
  profile.early_wake = 0.1;
  profile.late_message = 0.3;
  profile.late_message_by = {microseconds{1}, microseconds{100}};
  return profile;
}

std::shared_ptr<only_world> current_world() {
  static std::weak_ptr<only_world> newest;
  auto held = newest.lock();
  if (held == nullptr) newest = held = std::make_shared<only_world>(rough_network());
  return held;
}

}  // namespace

std::shared_ptr<sim::sim_host> sim_stage_host() {
  auto world = current_world();
  auto* const machine = world->machine.get();
  return {std::move(world), machine};
}

std::shared_ptr<host> stage_host() { return sim_stage_host(); }

void sim_stage_pass(duration length) { current_world()->world.run_for(length); }

bool stage_advance(const std::function<bool()>& ready) { return current_world()->world.run_until(ready, patience); }

}  // namespace shoal::test
