// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/shard_metrics.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace shoal {
namespace {

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

/// Metrics that have one sample for each shard.
class shard_table {
 public:
  shard_table(metrics_text& page, std::span<const shard_metrics> shards) noexcept : page_(page), shards_(shards) {}

  template <class Value>
  void counter(std::string_view name, std::string_view help, Value value_of) {
    page_.counter(name, help);
    each(value_of);
  }
  template <class Value>
  void gauge(std::string_view name, std::string_view help, Value value_of) {
    page_.gauge(name, help);
    each(value_of);
  }

 private:
  template <class Value>
  void each(Value value_of) {
    for (const shard_metrics& s : shards_) page_.sample({{"shard", std::to_string(s.id)}}, value_of(s));
  }

  metrics_text& page_;
  std::span<const shard_metrics> shards_;
};

using look = const shard_metrics&;

void write_loop(shard_table& table) {
  table.gauge("shoal_shard_busy_ratio", "Share of the last 50 ms in which the shard had something to do",
              [](look m) { return m.load.busy; });
  table.counter("shoal_shard_busy_seconds_total", "Time in which the shard had something to do",
                [](look m) { return seconds(m.load.busy_time); });
  table.gauge("shoal_shard_queue_delay_seconds", "How long what is ready waits for the shard",
              [](look m) { return seconds(m.load.queue_delay); });
  table.counter("shoal_shard_turns_total", "Turns of the shard's loop", [](look m) { return m.loop.turns; });
  table.counter("shoal_shard_tasks_total", "Tasks run", [](look m) { return m.loop.tasks; });
  table.counter("shoal_shard_timers_total", "Timers that have expired", [](look m) { return m.loop.timers; });
}

void write_connections(shard_table& table) {
  table.gauge("shoal_shard_connections", "Open connections, those to endpoints included",
              [](look m) { return std::uint64_t{m.load.connections}; });
  table.counter("shoal_connections_made_total", "Connections accepted and dialled",
                [](look m) { return m.connections.made; });
  table.counter("shoal_connections_moved_in_total", "Connections that came from another shard",
                [](look m) { return m.connections.moved_in; });
  table.counter("shoal_connections_moved_out_total", "Connections that went to another shard",
                [](look m) { return m.connections.moved_out; });
  table.counter("shoal_connections_moves_refused_total", "Connections that came back: the other shard had no memory",
                [](look m) { return m.connections.moves_refused; });
  table.counter("shoal_handler_failures_total", "Exceptions that left a handler",
                [](look m) { return m.connections.handler_failures; });
}

void write_io(shard_table& table) {
  table.counter("shoal_poller_polls_total", "Looks at what the kernel has done", [](look m) { return m.io.polls; });
  table.counter("shoal_poller_waits_total", "Of them, those that might sleep", [](look m) { return m.io.waits; });
  table.counter("shoal_receives_total", "Receives", [](look m) { return m.io.receives; });
  table.counter("shoal_received_bytes_total", "Bytes taken from the kernel",
                [](look m) { return m.io.received_bytes; });
  table.counter("shoal_sends_total", "Sends", [](look m) { return m.io.sends; });
  table.counter("shoal_sent_bytes_total", "Bytes handed to the kernel", [](look m) { return m.io.sent_bytes; });
  table.counter("shoal_sends_blocked_total", "Sends that found a full socket buffer",
                [](look m) { return m.io.sends_blocked; });
  table.counter("shoal_copied_bytes_total", "Payload copied in user space",
                [](look m) { return m.memory.bytes_copied; });
  table.counter("shoal_accept_errors_total", "Failed accepts, for lack of descriptors most of the time",
                [](look m) { return m.io.accept_errors; });
}

void write_messages(shard_table& table) {
  table.counter("shoal_messages_sent_total", "Messages to other shards", [](look m) { return m.mail.sent; });
  table.counter("shoal_messages_received_total", "Messages from other shards", [](look m) { return m.mail.received; });
  table.counter("shoal_messages_delayed_total", "Messages that met a full lane",
                [](look m) { return m.mail.lane_full; });
  table.counter("shoal_wakes_total", "Shards woken to read their messages", [](look m) { return m.mail.wakes; });
}

void write_memory(shard_table& table) {
  table.gauge("shoal_memory_in_use_bytes", "Blocks and nodes in use", [](look m) { return m.memory.bytes_in_use; });
  table.gauge("shoal_memory_held_bytes", "Memory mapped from the kernel, in use or at hand",
              [](look m) { return m.memory.bytes_held; });
  table.gauge("shoal_memory_limit_bytes", "What the shard may hold",
              [](look m) { return static_cast<std::uint64_t>(m.memory_limit); });
  table.counter("shoal_memory_refused_total", "Requests for memory that were refused, for the limit",
                [](look m) { return m.memory.failures; });
}

}  // namespace

shard_metrics look_at(shard& here) {
  return {.id = here.id(),
          .load = here.load().at(here.now()),
          .loop = here.counters(),
          .io = here.io().counters(),
          .mail = here.mail().counters(),
          .connections = here.local<connection_table>().counters(),
          .memory = here.memory().counters(),
          .memory_limit = here.memory().limit()};
}

void write_metrics(metrics_text& page, std::span<const shard_metrics> shards) {
  shard_table table{page, shards};
  write_loop(table);
  write_connections(table);
  write_io(table);
  write_messages(table);
  write_memory(table);
}

}  // namespace shoal
