// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/values/number.hpp>

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace shoal::config {

std::expected<leading_number, problem> take_number(std::string_view text, std::string_view what,
                                                   std::string_view example) {
  leading_number number;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stop, code] = std::from_chars(begin, end, number.value);
  if (code == std::errc::result_out_of_range) {
    return std::unexpected(problem{fmt::format("{} is too large", in_quotes(text)), fmt::format("write {}", example)});
  }
  if (code != std::errc{}) {
    return std::unexpected(
        problem{fmt::format("{} is not {}", in_quotes(text), what), fmt::format("write {}", example)});
  }
  number.rest = {stop, static_cast<std::size_t>(end - stop)};
  return number;
}

std::expected<std::uint64_t, problem> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const std::string range = fmt::format("a number from {} to {}", least, most);
  const auto number = take_number(text, "a number", range);
  if (!number) return std::unexpected(number.error());
  if (!number->rest.empty()) {
    return std::unexpected(
        problem{fmt::format("{} is not a whole number", in_quotes(text)), fmt::format("write {}", range)});
  }
  if (number->value < least || number->value > most) {
    return std::unexpected(
        problem{fmt::format("{} is too {}", in_quotes(text), number->value < least ? "small" : "large"),
                fmt::format("write {}", range)});
  }
  return number->value;
}

}  // namespace shoal::config
