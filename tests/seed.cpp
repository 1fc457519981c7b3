// SPDX-License-Identifier: Apache-2.0
#include <tests/seed.hpp>

#include <boost/test/framework.hpp>
#include <boost/test/unit_test.hpp>

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string_view>

namespace shoal::test {
namespace {

std::uint64_t parse(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    std::cerr << "--seed, --seeds, --first-seed and their variables take a decimal number below 2^64, not '" << text
              << "'\n";
    std::exit(2);
  }
  return value;
}

std::optional<std::uint64_t> given(std::string_view option, const char* variable) {
  const auto& suite = boost::unit_test::framework::master_test_suite();
  for (int i = 1; i + 1 < suite.argc; ++i) {
    if (std::string_view{suite.argv[i]} == option) return parse(suite.argv[i + 1]);
  }
  if (const char* text = std::getenv(variable)) return parse(text);
  return std::nullopt;
}

std::uint64_t drawn() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

std::optional<std::uint64_t> given_seed() { return given("--seed", "SHOAL_SEED"); }

std::uint64_t seed_count(std::uint64_t usual) { return given("--seeds", "SHOAL_SEEDS").value_or(usual); }

std::uint64_t first_seed() { return given("--first-seed", "SHOAL_FIRST_SEED").value_or(1); }

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const std::uint64_t chosen = given_seed().value_or(drawn());
    std::cout << "seed " << chosen << " (replay with: -- --seed " << chosen << ")" << std::endl;
    return chosen;
  }();
  return value;
}

}  // namespace shoal::test
