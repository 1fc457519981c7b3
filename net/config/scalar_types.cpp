// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/scalar_types.hpp>

#include <shoal/net/config/values/duration.hpp>
#include <shoal/net/config/values/number.hpp>
#include <shoal/net/config/values/size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace shoal::config {
namespace {

constexpr std::size_t longest_name = 64;
constexpr std::size_t longest_text = 4096;

std::unexpected<problem> outside(std::string_view text, bool is_small, const std::string& least,
                                 const std::string& most) {
  return std::unexpected(problem{fmt::format("{} is too {}", in_quotes(text), is_small ? "small" : "large"),
                                 fmt::format("from {} to {}", least, most)});
}

}  // namespace

template <class T>
type<T> number(std::uint64_t least, std::uint64_t most) {
  return scalar<T>(
      {.words = fmt::format("number, {} to {}", least, most),
       .example = fmt::format("{}", least),
       .least = least,
       .most = most},
      [=](std::string_view text) -> std::expected<T, problem> {
        const auto value = parse_number(text, least, most);
        if (!value) return std::unexpected(value.error());
        return static_cast<T>(*value);
      },
      [](const T& value) { return fmt::format("{}", value); });
}
template type<std::uint16_t> number(std::uint64_t, std::uint64_t);
template type<std::uint32_t> number(std::uint64_t, std::uint64_t);
template type<std::uint64_t> number(std::uint64_t, std::uint64_t);

type<duration> duration_between(duration least, duration most, std::string example) {
  scalar_shape shape{.words = "duration", .example = std::move(example), .pattern = "([0-9]+(ns|us|ms|s|m|h|d))+"};
  if (least == duration::zero()) shape.least = shape.most = 0;
  return scalar<duration>(
      std::move(shape),
      [=](std::string_view text) -> std::expected<duration, problem> {
        const auto value = parse_duration(text);
        if (!value || (*value >= least && *value <= most)) return value;
        return outside(text, *value < least, format_duration(least), format_duration(most));
      },
      format_duration);
}

type<std::uint64_t> size_between(std::uint64_t least, std::uint64_t most, std::string example) {
  return scalar<std::uint64_t>(
      {.words = "size",
       .example = std::move(example),
       .pattern = "[0-9]+([KMGT]i?B|kB|B)?",
       .least = least,
       .most = most},
      [=](std::string_view text) -> std::expected<std::uint64_t, problem> {
        const auto value = parse_size(text);
        if (!value || (*value >= least && *value <= most)) return value;
        return outside(text, *value < least, format_size(least), format_size(most));
      },
      format_size);
}

type<rate> any_rate() {
  return scalar<rate>({.words = "rate", .example = "1000/s", .pattern = "[0-9]+/[smh]"}, parse_rate, format_rate);
}

type<unsigned> percent(unsigned least, unsigned most) {
  const bool is_usual = least == 0 && most == 100;
  scalar_shape shape{.words = is_usual ? "percentage" : fmt::format("percentage, {}% to {}%", least, most),
                     .example = is_usual ? "20%" : fmt::format("{}%", least),
                     .pattern = "[0-9]+%?",
                     .least = least,
                     .most = most};
  return scalar<unsigned>(
      std::move(shape), [=](std::string_view text) { return parse_percent(text, least, most); }, format_percent);
}

type<std::string> text(std::string words, std::string example, text_check check) {
  scalar_shape shape{.words = words, .example = std::move(example), .is_text = true};
  return scalar<std::string>(
      std::move(shape),
      [words = std::move(words),
       check = std::move(check)](std::string_view value) -> std::expected<std::string, problem> {
        if (value.empty())
          return std::unexpected(problem{"is empty", fmt::format("write {}, or remove the key", words)});
        if (value.size() > longest_text) {
          return std::unexpected(
              problem{fmt::format("{} bytes are too long", value.size()), fmt::format("at most {}", longest_text)});
        }
        if (check) return check(value);
        return std::string(value);
      },
      [](const std::string& value) { return value; });
}

type<std::string> name_text(std::string words, std::string example) {
  return text(std::move(words), std::move(example), [](std::string_view name) -> std::expected<std::string, problem> {
    const bool is_right = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("-_.:[]").contains(c);
    });
    if (is_right && name.size() <= longest_name) return std::string(name);
    return std::unexpected(problem{fmt::format("{} can't be a name", in_quotes(name)),
                                   fmt::format("letters, digits and - _ . :, at most {}", longest_name)});
  });
}

std::string_view as_switch(std::string_view text) {
  if (text == "false" || text == "no") return "off";
  if (text == "true" || text == "yes") return "on";
  return {};
}

problem wrong_word(std::string_view text, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  if (const auto close = nearest(text, candidates); !close.empty()) {
    return {fmt::format("{} is none of the words for this key", in_quotes(text)),
            fmt::format("did you mean `{}`?", close)};
  }
  std::string all;
  for (const std::string& name : names)
    fmt::format_to(std::back_inserter(all), "{}`{}`", all.empty() ? "" : ", ", name);
  return {fmt::format("{} is none of the words for this key", in_quotes(text)), fmt::format("one of {}", all)};
}

}  // namespace shoal::config
