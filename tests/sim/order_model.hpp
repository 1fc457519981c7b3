// SPDX-License-Identifier: Apache-2.0
// What must become of a connection, by the rules and without looking at how they are kept: a machine that knows what
// the handler is doing, what is unread, and who has said what. For scripts whose every event has run its course before
// the next one comes.
//
// Thread rule: plain values.
#pragma once

#include <tests/sim/order_script.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace shoal::test {

enum class order_style : std::uint8_t {
  plain,    ///< on_request is a plain function
  message,  ///< on_request is a coroutine that waits for a message, answers it and waits for the answer to leave
  session,  ///< on_connect is a coroutine that does so until an error
  writer,   ///< on_connect is a coroutine that writes and waits, the peer does not read
  slow,     ///< on_connect waits elsewhere until a `suspend` releases it; on_request is a plain function
};
inline constexpr std::array<std::string_view, 5> order_style_names{"plain", "message", "session", "writer", "slow"};

/// Outcomes as a set.
using order_outcomes = std::uint32_t;
enum order_outcome : order_outcomes {
  is_closed = 1U << 0U,
  is_eof = 1U << 1U,
  is_read_timeout = 1U << 2U,
  is_write_timeout = 1U << 3U,
  is_idle_timeout = 1U << 4U,
  is_half_closed_timeout = 1U << 5U,
  is_reset = 1U << 6U,
  is_handler_failed = 1U << 7U,
  is_stopped = 1U << 8U,
  is_something_else = 1U << 9U,
};
[[nodiscard]] order_outcome outcome_of(std::error_code error);
[[nodiscard]] std::string to_string(order_outcomes set);

struct order_expectation {
  order_outcomes reasons = 0;  ///< one of these
  order_outcomes waits = 0;    ///< no others, beside success
  order_outcomes must = 0;     ///< each of these at least once
};

/// Step by step, in order.
[[nodiscard]] order_expectation expect_in_order(order_style style, bool dialled, const order_script& script);
/// When it is left open which event is first, or how far one has got when the next comes.
[[nodiscard]] order_expectation expect_in_any_order(order_style style, const order_script& script);

}  // namespace shoal::test
