// SPDX-License-Identifier: Apache-2.0
// Keys of other servers that people's fingers know, with what they are called here.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shoal::config {

/// One entry of a program's table: the spellings of one idea.
struct foreign_key {
  std::string_view theirs;    ///< one or more with spaces between, as normalized() ("nearest.hpp") leaves them
  std::string_view whose;     ///< "HAProxy"
  std::string_view inside;    ///< the name of the object it would stand in; empty: any
  std::string_view ours{};    ///< path from that object, or from the root for `inside` empty; empty: see `advice`
  std::string_view advice{};  ///< instead of `ours`, where no key of ours does the same
};

/// The entry for a key, spelled as normalized() leaves it, that was found in the object called `inside`; null if there
/// is none. With an empty `inside`, those that hold for any place.
[[nodiscard]] const foreign_key* find_foreign(std::string_view key, std::string_view inside,
                                              std::span<const foreign_key> table);

/// What to tell somebody who wrote `key`.
[[nodiscard]] std::string foreign_hint(std::string_view key, const foreign_key& entry);

}  // namespace shoal::config
