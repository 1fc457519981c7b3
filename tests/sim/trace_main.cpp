// SPDX-License-Identifier: Apache-2.0
// sim_trace: the hashes of echo worlds, or one of them as text. Two builds that print different hashes have scheduled
// something differently; the first line in which their texts differ says what.
//
//   sim_trace 1 20        hash and number of events of seeds 1 to 20
//   sim_trace 7           every event of seed 7, then its hash
#include <tests/sim/echo_world.hpp>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace {

void print(std::uint64_t seed, const shoal::test::echo_setting& setting) {
  const auto outcome = shoal::test::run_echo_world(seed, setting);
  std::printf("seed %" PRIu64 " hash %016" PRIx64 " events %" PRIu64 " whole %u broken %u\n", seed, outcome.hash,
              outcome.events, outcome.whole, outcome.broken);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fputs("usage: sim_trace SEED [LAST_SEED]\n", stderr);
    return 2;
  }
  const std::uint64_t first = std::strtoull(argv[1], nullptr, 10);
  const std::uint64_t last = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : first;
  shoal::test::echo_setting setting;
  if (argc == 2) {
    setting.lines = [](std::string_view line) { std::printf("%.*s\n", static_cast<int>(line.size()), line.data()); };
  }
  for (std::uint64_t seed = first; seed <= last; ++seed) print(seed, setting);
  return 0;
}
