// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/values/rate.hpp>

#include <shoal/net/config/values/number.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace shoal::config {
namespace {

struct period_name {
  std::string_view name;
  duration length;
};

constexpr period_name periods[] = {
    {"/s", std::chrono::seconds{1}},
    {"/m", std::chrono::minutes{1}},
    {"/h", std::chrono::hours{1}},
};

}  // namespace

std::expected<rate, problem> parse_rate(std::string_view text) {
  const auto number = take_number(text, "a rate", "`1000/s`, `60/m` or `10/h`");
  if (!number) return std::unexpected(number.error());
  const auto* const found = std::ranges::find(periods, number->rest, &period_name::name);
  if (found == std::end(periods)) {
    const std::string_view digits = text.substr(0, text.size() - number->rest.size());
    return std::unexpected(problem{fmt::format("{} has no period", in_quotes(text)),
                                   fmt::format("write `{0}/s`, `{0}/m` or `{0}/h`", digits)});
  }
  if (number->value == 0 || number->value > highest_rate) {
    return std::unexpected(problem{fmt::format("{} is too {}", in_quotes(text), number->value == 0 ? "low" : "high"),
                                   fmt::format("from 1 to {}", highest_rate)});
  }
  return rate{.count = number->value, .period = found->length};
}

std::string format_rate(rate value) {
  const auto* const found = std::ranges::find(periods, value.period, &period_name::length);
  return fmt::format("{}{}", value.count, found == std::end(periods) ? "/s" : found->name);
}

std::expected<unsigned, problem> parse_percent(std::string_view text, unsigned least, unsigned most) {
  const auto number = take_number(text, "a percentage", "`20%`");
  if (!number) return std::unexpected(number.error());
  const bool is_outside = number->value < least || number->value > most;
  if (is_outside || (!number->rest.empty() && number->rest != "%")) {
    return std::unexpected(problem{
        fmt::format("{} is not a percentage{}", in_quotes(text), least == 0 && most == 100 ? "" : " for this key"),
        fmt::format("whole percents from `{}%` to `{}%`", least, most)});
  }
  return static_cast<unsigned>(number->value);
}

std::string format_percent(unsigned value) { return fmt::format("{}%", value); }

}  // namespace shoal::config
