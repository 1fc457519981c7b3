// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/values/duration.hpp>

#include <shoal/net/config/values/number.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <ranges>

namespace shoal::config {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

constexpr unit units[] = {
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
    {"d", 86'400'000'000'000},
};

constexpr auto most = static_cast<std::uint64_t>(longest_duration.count());

problem wrong_unit(std::string_view text, std::string_view number, std::string_view name) {
  if (name.empty()) {
    return {fmt::format("{} has no unit", in_quotes(text)), fmt::format("write `{0}s` or `{0}ms`", number)};
  }
  if (name.starts_with('.')) return {fmt::format("{} is not whole", in_quotes(text)), "use a smaller unit: `1500ms`"};
  return {fmt::format("{} has no unit of time", in_quotes(text)), "the units are us, ms, s, m, h and d"};
}

}  // namespace

std::expected<duration, problem> parse_duration(std::string_view text) {
  if (text == "0") return duration::zero();
  const problem too_long{fmt::format("{} is too long", in_quotes(text)),
                         fmt::format("at most {}", format_duration(longest_duration))};
  std::uint64_t total = 0;
  std::string_view rest = text;
  do {
    const auto number = take_number(rest, "a duration", "`250us`, `10ms`, `5s`, `2m` or `1h`");
    if (!number) {
      // The message shows all that was written, not the part that stopped it.
      return std::unexpected(problem{fmt::format("{} is not a duration", in_quotes(text)), number.error().hint});
    }
    const std::size_t length = std::min(number->rest.find_first_of("0123456789"), number->rest.size());
    const std::string_view name = number->rest.substr(0, length);
    const auto* const found = std::ranges::find(units, name, &unit::name);
    if (found == std::end(units)) {
      return std::unexpected(wrong_unit(text, rest.substr(0, rest.size() - number->rest.size()), name));
    }
    if (number->value > most / found->nanoseconds) return std::unexpected(too_long);
    total += number->value * found->nanoseconds;
    if (total > most) return std::unexpected(too_long);
    rest = number->rest.substr(length);
  } while (!rest.empty());
  return duration(static_cast<duration::rep>(total));
}

std::string format_duration(duration value) {
  const auto count = static_cast<std::uint64_t>(value.count());
  if (count == 0) return "0s";
  for (const unit& u : std::views::reverse(units)) {
    // One minute is 60s to everybody who sets a timeout.
    const bool is_a_minute = u.name == "m" && count == u.nanoseconds;
    if (count % u.nanoseconds == 0 && !is_a_minute) return fmt::format("{}{}", count / u.nanoseconds, u.name);
  }
  return fmt::format("{}ns", count);
}

}  // namespace shoal::config
