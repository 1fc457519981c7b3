// SPDX-License-Identifier: Apache-2.0
// How a simulated network and its machines behave: plain numbers that the seed draws from. And what came of it: every
// fault is counted, so that a test can assert that what it is about has happened.
//
// Thread rule: plain values.
// Invariants: probabilities are from 0 to 1 per event; ranges include both ends and are not empty.
#pragma once

#include <shoal/core/instant.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shoal::sim {

struct duration_range {
  duration least{0};
  duration most{0};
};

struct size_range {
  std::size_t least = 0;
  std::size_t most = 0;
};

struct network_profile {
  // ---- the wire ----
  duration_range latency;  ///< one way; drawn once per connection, so connections overtake each other
  duration_range jitter;   ///< on top, per segment; never reorders inside a connection
  size_range segment;      ///< bytes; what is sent at once is split into such pieces, which arrive one by one
  size_range buffer;       ///< bytes that one direction holds, sent and not yet read; drawn once per connection
  double lost_syn = 0;     ///< per attempt; tried again after 1, 2, 4, ... seconds
  double reset = 0;        ///< per segment: the connection breaks, what is under way is lost, both ends hear of it

  // ---- sockets ----
  double short_read = 0;
  double short_write = 0;
  double full_buffer = 0;          ///< per send: the socket takes nothing for a while
  duration_range full_buffer_for;  ///< and how long
  double aborted_accept = 0;       ///< ECONNABORTED: the peer was gone
  double failed_accept = 0;        ///< ENFILE: accepting fails for a reason of the machine's
  double slow_completion = 0;      ///< per operation: the poller acknowledges it later, as io_uring does
  duration_range slow_completion_for;

  // ---- shards ----
  duration_range turn;  ///< what a turn takes
  double stall = 0;     ///< per turn: the thread loses its core afterwards
  duration_range stall_for;
  duration_range wake;   ///< from what ends a sleep to the turn
  double late_wake = 0;  ///< per sleep: much later than that
  duration_range late_wake_by;
  double early_wake = 0;    ///< per sleep: it ends for no reason
  double late_message = 0;  ///< per batch: what was sent to another shard becomes visible later
  duration_range late_message_by;
};

/// Nothing goes wrong: 20 us one way, buffers of 256 KiB, a turn takes 1 us.
[[nodiscard]] network_profile perfect_network() noexcept;
/// Everything goes wrong, often enough that a run of a few thousand messages meets each fault.
[[nodiscard]] network_profile worst_network() noexcept;

struct fault_counters {
  std::uint64_t split_sends = 0;   ///< left in more than one segment
  std::uint64_t merged_reads = 0;  ///< one receive gave bytes of more than one segment
  std::uint64_t reordered = 0;     ///< a segment arrived after one of another connection that was sent later
  std::uint64_t short_reads = 0;
  std::uint64_t short_writes = 0;
  std::uint64_t full_buffers = 0;  ///< a send found no room
  std::uint64_t resets = 0;        ///< connections broken by the network
  std::uint64_t half_closes = 0;   ///< an end arrived where sending went on
  std::uint64_t lost_syns = 0;
  std::uint64_t refused = 0;  ///< connects that found nobody
  std::uint64_t aborted_accepts = 0;
  std::uint64_t failed_accepts = 0;
  std::uint64_t out_of_descriptors = 0;
  std::uint64_t slow_completions = 0;
  std::uint64_t late_data = 0;  ///< bytes acknowledged after the operator was asked to retire
  std::uint64_t stalls = 0;
  std::uint64_t late_wakes = 0;
  std::uint64_t early_wakes = 0;
  std::uint64_t late_messages = 0;
};

/// Every counter with its name, for sums and reports.
struct fault {
  std::string_view name;
  std::uint64_t fault_counters::* count;
};
inline constexpr std::array all_faults{
    fault{"split_sends", &fault_counters::split_sends},
    fault{"merged_reads", &fault_counters::merged_reads},
    fault{"reordered", &fault_counters::reordered},
    fault{"short_reads", &fault_counters::short_reads},
    fault{"short_writes", &fault_counters::short_writes},
    fault{"full_buffers", &fault_counters::full_buffers},
    fault{"resets", &fault_counters::resets},
    fault{"half_closes", &fault_counters::half_closes},
    fault{"lost_syns", &fault_counters::lost_syns},
    fault{"refused", &fault_counters::refused},
    fault{"aborted_accepts", &fault_counters::aborted_accepts},
    fault{"failed_accepts", &fault_counters::failed_accepts},
    fault{"out_of_descriptors", &fault_counters::out_of_descriptors},
    fault{"slow_completions", &fault_counters::slow_completions},
    fault{"late_data", &fault_counters::late_data},
    fault{"stalls", &fault_counters::stalls},
    fault{"late_wakes", &fault_counters::late_wakes},
    fault{"early_wakes", &fault_counters::early_wakes},
    fault{"late_messages", &fault_counters::late_messages},
};

}  // namespace shoal::sim
