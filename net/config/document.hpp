// SPDX-License-Identifier: Apache-2.0
// YAML text as a plain tree in which every key and value knows its place.
//
// The subset that configurations need: maps, lists and scalars. Anchors, aliases, merge keys and tags are refused, so a
// tree is never larger than its text; keys written twice are refused, where yaml-cpp keeps both and says nothing.
// Scalars stay text: what they mean is for the description to say, not for YAML's guesses (`off`, `1e3`, `0o17`).
#pragma once

#include <shoal/net/config/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::config {

// Limits on what is read. A configuration of 10,000 endpoints has about 500 KiB and a depth of 6.
inline constexpr std::size_t longest_file = 4 << 20;  // bytes
inline constexpr std::size_t most_nodes = 200'000;    // keys and values
inline constexpr std::size_t deepest_node = 32;       // maps and lists within each other

struct map_entry;

/// One value. Which of the members counts is said by `what`.
struct node {
  enum class kind : std::uint8_t { empty, scalar, list, map };

  kind what = kind::empty;
  position at;
  std::string text;                // scalar
  std::vector<node> items;         // list
  std::vector<map_entry> entries;  // map, in the order of the file, names unique

  [[nodiscard]] static node scalar(std::string text);
};

struct map_entry {
  std::string name;
  position at;
  node value;
};

/// "a list", "a map", ... as messages name what they found.
[[nodiscard]] std::string_view name_of(node::kind what) noexcept;

/// Reads one document. Faults go to `to`; with nothing when the text is so wrong that no tree came out of it.
[[nodiscard]] std::optional<node> parse_document(std::string_view text, report& to);

}  // namespace shoal::config
