// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/expand.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace shoal::config {
namespace {

// Longest text that comes out. An address or a path has no business being longer.
constexpr std::size_t longest_value = 65'536;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

// What stands between `${` and `}`.
std::expected<std::string, problem> value_of(std::string_view inside, const environment_lookup& lookup) {
  const std::size_t mark = inside.find(":-");
  const std::string_view name = inside.substr(0, mark);
  if (!is_name(name)) {
    return std::unexpected(problem{fmt::format("{} is no variable's name", in_quotes(name)),
                                   "write `${NAME}` or `${NAME:-default}`, and `$$` for a dollar"});
  }
  const std::optional<std::string> value = lookup ? lookup(name) : std::nullopt;
  if (mark != std::string_view::npos) {
    return value && !value->empty() ? *value : std::string(inside.substr(mark + 2));
  }
  if (!value) {
    return std::unexpected(problem{fmt::format("the environment has no {}", in_quotes(name)),
                                   fmt::format("set it, or write `${{{}:-default}}`", name)});
  }
  return *value;
}

}  // namespace

std::expected<std::string, problem> expand(std::string_view text, const environment_lookup& lookup) {
  std::string out;
  while (!text.empty()) {
    const std::size_t dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('{')) {
      const std::size_t end = text.find('}');
      if (end == std::string_view::npos) {
        return std::unexpected(problem{"`${` without its `}`", "write `$$` for a dollar"});
      }
      const auto value = value_of(text.substr(1, end - 1), lookup);
      if (!value) return std::unexpected(value.error());
      out += *value;
      text.remove_prefix(end + 1);
    } else {
      out += '$';
      if (text.starts_with('$')) text.remove_prefix(1);
    }
    if (out.size() > longest_value) {
      return std::unexpected(problem{fmt::format("longer than {} KiB with its variables", longest_value / 1024), ""});
    }
  }
  return out;
}

std::string escape_dollars(std::string_view text) {
  std::string out;
  for (const char c : text) out.append(c == '$' ? 2 : 1, c);
  return out;
}

}  // namespace shoal::config
