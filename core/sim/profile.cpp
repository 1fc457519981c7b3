// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/profile.hpp>

namespace shoal::sim {

using namespace std::chrono_literals;

network_profile perfect_network() noexcept {
  network_profile p;
  p.latency = {20us, 20us};
  p.segment = {std::size_t{64} << 10U, std::size_t{64} << 10U};
  p.buffer = {std::size_t{256} << 10U, std::size_t{256} << 10U};
  p.turn = {1us, 1us};
  p.wake = {1us, 1us};
  return p;
}

network_profile worst_network() noexcept {
  network_profile p;
  p.latency = {10us, 20ms};
  p.jitter = {0us, 10ms};
  p.segment = {1, 1500};
  p.buffer = {500, 20'000};
  p.lost_syn = 0.2;
  p.reset = 0.002;
  p.short_read = 0.3;
  p.short_write = 0.3;
  p.full_buffer = 0.1;
  p.full_buffer_for = {1us, 20ms};
  p.aborted_accept = 0.1;
  p.failed_accept = 0.1;
  p.slow_completion = 0.3;
  p.slow_completion_for = {1us, 5ms};
  p.turn = {1us, 100us};
  p.stall = 0.01;
  p.stall_for = {1ms, 50ms};
  p.wake = {1us, 100us};
  p.late_wake = 0.05;
  p.late_wake_by = {1ms, 50ms};
  p.early_wake = 0.05;
  p.late_message = 0.3;
  p.late_message_by = {1us, 10ms};
  return p;
}

}  // namespace shoal::sim
