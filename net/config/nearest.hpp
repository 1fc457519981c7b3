// SPDX-License-Identifier: Apache-2.0
// "did you mean": the known word that somebody most likely wanted to write.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shoal::config {

/// One spelling for `healthCheck`, `health-check` and `HEALTH CHECK`: `health_check`.
[[nodiscard]] std::string normalized(std::string_view word);

/// The candidate closest to `word`: equal but for its spelling, begun by it, or few slips of the fingers away (a letter
/// added, lost, changed, or two swapped; more are allowed in longer words). Empty when none is close.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace shoal::config
