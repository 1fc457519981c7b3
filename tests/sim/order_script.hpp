// SPDX-License-Identifier: Apache-2.0
// What happens to a connection, one thing after the other: the alphabet of the order test, its words, and how to write
// one down.
//
// Thread rule: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::test {

enum class order_event : std::uint8_t {
  data,         ///< the peer sends three bytes of a message of four (a peer that does not read reads for a while)
  half_close,   ///< the peer says that it sends no more
  reset,        ///< the peer resets
  close,        ///< our close()
  close_write,  ///< our close_write()
  timeout,      ///< longer than every timeout passes
  exception,    ///< the handler throws as soon as it runs; the peer sees to it that it does, if it still can
  suspend,      ///< the handler goes to wait elsewhere as soon as it runs, or comes back from there
  stop,         ///< the runtime, or only the server
};

inline constexpr std::array<std::string_view, 9> order_event_names{
    "data", "half_close", "reset", "close", "close_write", "timeout", "exception", "suspend", "stop"};

using order_script = std::vector<order_event>;

/// "data,half_close,stop"
[[nodiscard]] std::string to_string(const order_script& script);
/// The reverse; nothing for unknown words.
[[nodiscard]] std::optional<order_script> parse_order_script(std::string_view text);

/// All scripts of one length that share what concerns a whole world: when time passes and when the stop comes. Those
/// can be played in one world, step by step together.
using order_batch = std::vector<order_script>;
[[nodiscard]] std::vector<order_batch> all_order_scripts(std::size_t length, std::size_t most_per_batch);
/// So many random scripts of one length that can be played together.
[[nodiscard]] order_batch random_order_scripts(std::uint64_t seed, std::size_t count);

}  // namespace shoal::test
