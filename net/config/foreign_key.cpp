// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/foreign_key.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace shoal::config {
namespace {

bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (word == wanted) return true;
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  return false;
}

}  // namespace

const foreign_key* find_foreign(std::string_view key, std::string_view inside, std::span<const foreign_key> table) {
  const auto found = std::ranges::find_if(
      table, [&](const foreign_key& entry) { return entry.inside == inside && has_word(entry.theirs, key); });
  return found != table.end() ? &*found : nullptr;
}

std::string foreign_hint(std::string_view key, const foreign_key& entry) {
  if (entry.ours.empty()) return std::string(entry.advice);
  // "HAProxy's `nbthread`", but "other servers' `threads`".
  const std::string_view ending = entry.whose.ends_with('s') ? "'" : "'s";
  return fmt::format("{}{} `{}` is `{}` here", entry.whose, ending, key, entry.ours);
}

}  // namespace shoal::config
