// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/values/size.hpp>

#include <shoal/net/config/values/number.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace shoal::config {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr unit units[] = {
    {"", 1},
    {"B", 1},
    {"KB", 1'000},
    {"kB", 1'000},
    {"KiB", 1ULL << 10},
    {"MB", 1'000'000},
    {"MiB", 1ULL << 20},
    {"GB", 1'000'000'000},
    {"GiB", 1ULL << 30},
    {"TB", 1'000'000'000'000},
    {"TiB", 1ULL << 40},
};

// nginx and HAProxy write 16k and 1m; here that would leave open which kilobyte is meant.
problem wrong_unit(std::string_view text, std::string_view number, std::string_view name) {
  if (name.starts_with('.')) return {fmt::format("{} is not whole", in_quotes(text)), "use a smaller unit: `1536KiB`"};
  const char letter = static_cast<char>(name.front() & ~0x20);
  if (std::string_view("KMGT").contains(letter)) {
    return {fmt::format("{} has no unit of size", in_quotes(text)), fmt::format("write `{}{}iB`", number, letter)};
  }
  return {fmt::format("{} has no unit of size", in_quotes(text)), "the units are KiB, MiB, GiB and KB, MB, GB"};
}

}  // namespace

std::expected<std::uint64_t, problem> parse_size(std::string_view text) {
  const auto number = take_number(text, "a size", "`4KiB`, `1MiB` or `2GB`");
  if (!number) return std::unexpected(number.error());
  const auto* const found = std::ranges::find(units, number->rest, &unit::name);
  if (found == std::end(units)) {
    return std::unexpected(wrong_unit(text, text.substr(0, text.size() - number->rest.size()), number->rest));
  }
  if (number->value > largest_size / found->bytes) {
    return std::unexpected(
        problem{fmt::format("{} is too large", in_quotes(text)), fmt::format("at most {}", format_size(largest_size))});
  }
  return number->value * found->bytes;
}

std::string format_size(std::uint64_t value) {
  const unit* best = std::begin(units);
  for (const unit& u : units) {
    if (value != 0 && value % u.bytes == 0 && u.bytes > best->bytes) best = &u;
  }
  return fmt::format("{}{}", value / best->bytes, best->name);
}

}  // namespace shoal::config
