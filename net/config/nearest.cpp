// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/nearest.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace shoal::config {
namespace {

// Longer words are no slips of anybody's fingers; the distance costs the product of both lengths.
constexpr std::size_t longest_word = 64;
// A shorter beginning fits too many words to be a hint.
constexpr std::size_t shortest_beginning = 3;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

// Optimal string alignment: Levenshtein's distance with swapped neighbours at the price of one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string without_underscores(std::string_view word) {
  std::string out;
  std::ranges::copy_if(word, std::back_inserter(out), [](char c) { return c != '_'; });
  return out;
}

std::size_t slips_allowed(std::size_t length) { return length <= 3 ? 1 : length <= 7 ? 2 : 3; }

}  // namespace

std::string normalized(std::string_view word) {
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (is_upper(c)) {
      if (i > 0 && !is_upper(word[i - 1]) && !out.ends_with('_')) out += '_';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c == '-' || c == ' ' || c == '.' ? '_' : c;
    }
  }
  return out;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > longest_word) return {};
  const std::string wanted = normalized(word);
  const std::string beginning = without_underscores(wanted);
  std::string_view best;
  std::string_view begun;
  std::size_t least = slips_allowed(wanted.size()) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(wanted.size(), candidate.size());
    const std::size_t difference = longer - std::min(wanted.size(), candidate.size());
    const std::size_t slips = difference < least ? distance(wanted, candidate) : least;
    // Half of a short word changed is another word.
    if (slips < least && slips * 2 < longer) {
      least = slips;
      best = candidate;
    }
    const bool begins = wanted.size() >= shortest_beginning && without_underscores(candidate).starts_with(beginning);
    if (begins && begun.empty()) begun = candidate;
  }
  return least <= 1 || begun.empty() ? best : begun;
}

}  // namespace shoal::config
