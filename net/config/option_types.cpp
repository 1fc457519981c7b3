// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/option_types.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/cpu_list.hpp>
#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/scalar_types.hpp>
#include <shoal/net/config/values/duration.hpp>
#include <shoal/net/config/values/number.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <iterator>
#include <string_view>

namespace shoal::config {
namespace {

// A slab arena is 2 MiB; a shard needs a few to serve anybody.
constexpr std::uint64_t least_memory = 8 * mib;
constexpr std::uint64_t most_memory = mib * mib;  // 1 TiB
constexpr std::uint32_t most_connections = 10'000'000;
constexpr std::uint32_t longest_backlog = 65'535;
// A block is 4 KiB at least, and a message must fit below the mark.
constexpr std::uint64_t least_buffer = 4 * kib;
constexpr std::uint64_t most_buffer = 1024 * mib;
constexpr std::size_t most_addresses = 256;

type<shard_count> shards_type() {
  scalar_shape shape{.words = fmt::format("number, 1 to {}", max_shards),
                     .example = "4",
                     .names = {"auto", "cores"},
                     .least = 1,
                     .most = max_shards};
  return scalar<shard_count>(
      std::move(shape),
      [](std::string_view text) -> std::expected<shard_count, problem> {
        if (text == "auto") return shard_count{};
        if (text == "cores") return shard_count{.how = shard_count::mode::cores};
        const auto count = parse_number(text, 1, max_shards);
        if (count) return shard_count{.how = shard_count::mode::fixed, .count = static_cast<unsigned>(*count)};
        return std::unexpected(problem{count.error().message, fmt::format("`auto`, `cores` or 1 to {}", max_shards)});
      },
      [](const shard_count& value) -> std::string {
        switch (value.how) {
          case shard_count::mode::automatic: return "auto";
          case shard_count::mode::cores: return "cores";
          case shard_count::mode::fixed: return fmt::format("{}", value.count);
        }
        return {};
      });
}

type<std::vector<unsigned>> cpus_type() {
  return scalar<std::vector<unsigned>>(
      {.words = "CPU list",
       .example = "0-3,6",
       .pattern = "[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*",
       .least = 0,
       .most = max_cpu},
      [](std::string_view text) -> std::expected<std::vector<unsigned>, problem> {
        auto cpus = parse_cpu_list(text);
        if (cpus) return *std::move(cpus);
        return std::unexpected(problem{fmt::format("{} is not a list of CPUs", in_quotes(text)),
                                       "numbers and rising ranges, as in `0-3,6`"});
      },
      [](const std::vector<unsigned>& cpus) { return to_cpu_list(cpus); });
}

type<duration> idle_spin_type() {
  constexpr duration longest = std::chrono::seconds{1};
  scalar_shape shape{.words = "duration", .example = "50us", .pattern = "([0-9]+(ns|us|ms|s))+", .names = {"forever"}};
  shape.least = shape.most = 0;
  return scalar<duration>(
      std::move(shape),
      [=](std::string_view text) -> std::expected<duration, problem> {
        if (text == "forever") return spin_forever;
        auto value = parse_duration(text);
        if (value && *value > longest) {
          return std::unexpected(
              problem{fmt::format("{} is too long to spin", in_quotes(text)), "at most `1s`, or `forever`"});
        }
        return value;
      },
      [](const duration& value) { return value == spin_forever ? std::string("forever") : format_duration(value); });
}

type<accept_distribution> distribution_type() {
  using policy = accept_distribution::policy;
  static const std::vector<std::pair<std::string, policy>> policies{
      {"reuseport", policy::reuseport},       {"round_robin", policy::round_robin},
      {"incoming_cpu", policy::incoming_cpu}, {"least_connections", policy::least_connections},
      {"random_two", policy::random_two},     {"source_hash", policy::source_hash},
      {"least_busy", policy::least_busy},
  };
  constexpr std::string_view fixed = "fixed:";
  scalar_shape shape{.words = "`fixed:N`", .example = "fixed:0", .pattern = "fixed:[0-9]+"};
  for (const auto& [name, how] : policies) shape.names.push_back(name);
  auto names = shape.names;
  return scalar<accept_distribution>(
      std::move(shape),
      [=, names = std::move(names)](std::string_view text) -> std::expected<accept_distribution, problem> {
        for (const auto& [name, how] : policies) {
          if (text == name) return accept_distribution{.how = how};
        }
        if (!text.starts_with(fixed)) return std::unexpected(wrong_word(text, names));
        const auto shard = parse_number(text.substr(fixed.size()), 0, max_shards - 1);
        if (!shard) return std::unexpected(shard.error());
        return accept_distribution{.how = policy::fixed, .shard = static_cast<unsigned>(*shard)};
      },
      [=](const accept_distribution& value) -> std::string {
        for (const auto& [name, how] : policies) {
          if (value.how == how) return name;
        }
        return fmt::format("{}{}", fixed, value.shard);
      });
}

type<accept_options> accept_type() {
  const auto rebalance = one_of<rebalance_mode>(
      {{"auto", rebalance_mode::automatic}, {"dry_run", rebalance_mode::dry_run}, {"off", rebalance_mode::off}});
  return object<accept_options>(
      "accept",
      {field("distribution", &accept_options::distribution, distribution_type(),
             "Which shard serves a new connection. `reuseport`: the kernel chooses by a hash; `incoming_cpu`: the "
             "same, but where its packets come in (needs pinned shards and Linux 6.2). Otherwise one shard accepts and "
             "hands on: in turn (`round_robin`), to who has the fewest connections (`least_connections`), the fewer of "
             "two drawn at random (`random_two`), by the client's address (`source_hash`), to who has had the least "
             "work lately (`least_busy`), or all to one (`fixed:N`, from 0)"),
       field("rebalance", &accept_options::rebalance, rebalance,
             "Move established connections from busy shards to idle ones. `dry_run` only reports what it would move"),
       field("max_connections", &accept_options::max_connections, number<std::uint32_t>(1, most_connections),
             "Most connections at once, over all shards; beyond it, new ones wait in the backlog. Lowered at start to "
             "what "
             "the limit on open files allows"),
       field("backlog", &accept_options::backlog, number<std::uint32_t>(1, longest_backlog),
             "Connections that the kernel may queue; `net.core.somaxconn` caps it")});
}

type<listener_timeouts> listener_timeouts_type() {
  using t = listener_timeouts;
  return object<t>(
      "timeouts",
      {field("idle", &t::idle, timeout_type("10m"), "No byte either way, in a tcp connection or inside a request"),
       field("half_closed", &t::half_closed, timeout_type("30s"),
             "One side has finished sending and the other has not"),
       field("proxy_header", &t::proxy_header, timeout_type("5s"), "For the whole PROXY header"),
       field("tls_handshake", &t::tls_handshake, timeout_type("10s"),
             "For the whole TLS handshake; for its ClientHello where TLS is passed through"),
       field("request_header", &t::request_header, timeout_type("10s"),
             "For all of a request's headers, not per read. Then 408")
           .not_yet()
           .only_for("http", requests_only),
       field("request_body", &t::request_body, timeout_type("60s"), "Between two pieces of a request's body")
           .not_yet()
           .only_for("http", requests_only),
       field("keep_alive", &t::keep_alive, timeout_type("75s"), "Between two requests")
           .not_yet()
           .only_for("http", requests_only),
       field("tunnel", &t::tunnel, timeout_type("1h"), "No byte either way after an upgrade (WebSocket)")
           .not_yet()
           .only_for("http", requests_only)});
}

}  // namespace

type<duration> optional_timeout_type(std::string example) {
  return duration_between(shortest_timeout, longest_timeout, std::move(example));
}

type<duration> timeout_type(std::string example) {
  return scalar<duration>(
      optional_timeout_type(std::move(example)).impl->shape(),
      [](std::string_view text) -> std::expected<duration, problem> {
        const auto value = parse_duration(text);
        constexpr std::string_view never[] = {"off", "never", "none", "unlimited", "infinite", "infinity", "forever"};
        const bool is_never = as_switch(text) == "off" || std::ranges::find(never, text) != std::end(never);
        if (is_never || value == duration::zero()) {
          return std::unexpected(
              problem{"this timeout can't be switched off",
                      fmt::format("write a long one, at most `{}`", format_duration(longest_timeout))});
        }
        if (!value || (*value >= shortest_timeout && *value <= longest_timeout)) return value;
        return std::unexpected(
            problem{fmt::format("{} is too {}", in_quotes(text), *value < shortest_timeout ? "short" : "long"),
                    fmt::format("from {} to {}", format_duration(shortest_timeout), format_duration(longest_timeout))});
      },
      format_duration);
}

type<socket_address> bind_type() {
  return scalar<socket_address>({.words = "address", .example = "127.0.0.1:8080", .is_text = true}, parse_bind,
                                [](const socket_address& address) { return address.text(); });
}

type<runtime_options> runtime_type() {
  using r = runtime_options;
  const auto pin = one_of<pin_mode>({{"auto", pin_mode::automatic}, {"on", pin_mode::on}, {"off", pin_mode::off}});
  const auto poller = one_of<poller_kind>(
      {{"auto", poller_kind::automatic}, {"io_uring", poller_kind::io_uring}, {"epoll", poller_kind::epoll}});
  return object<r>(
      "runtime",
      {field("shards", &r::shards, shards_type(),
             "How many shards (threads). `auto`: one per CPU that the process may use, within the cgroup's CPU quota. "
             "`cores`: one per physical core"),
       field("cpus", &r::cpus, word_or("auto", cpus_type()),
             "The CPUs to run on, one shard each in turn. Written, it pins"),
       field(
           "pin", &r::pin, pin,
           "Bind each shard to its CPU. `auto`: if `cpus` is written, or the shards fill all CPUs and no quota is set"),
       field(
           "poller", &r::poller, poller,
           "How shards wait for the kernel. `auto` is epoll as long as io_uring is not measured ahead; the start line "
           "says what and why. `io_uring` needs Linux 6.1 and is an error where it is missing or forbidden"),
       field("idle_spin", &r::idle_spin, idle_spin_type(),
             "Poll this long before going to sleep: lower latency for CPU time. `0` sleeps at once"),
       field("memory_per_shard", &r::memory_per_shard,
             word_or("auto", size_between(least_memory, most_memory, "256MiB")),
             "Most buffer memory of a shard. `auto`: 256MiB, or half the memory limit divided by the shards if that is "
             "less"),
       field("stall_report", &r::stall_report, word_or("off", optional_timeout_type("25ms")),
             "Report whatever holds a shard longer than this: what it was, and for how long")});
}

type<shutdown_options> shutdown_type() {
  using s = shutdown_options;
  return object<s>(
      "shutdown",
      {field("delay", &s::delay, duration_between(duration::zero(), std::chrono::hours{1}, "5s"),
             "After SIGTERM: go on accepting this long, so that load balancers notice"),
       field("drain_timeout", &s::drain_timeout, duration_between(duration::zero(), std::chrono::days{1}, "30s"),
             "Then: let connections finish for this long; what is left is closed")});
}

type<log_options> log_type() {
  using l = log_options;
  const auto level = one_of<log_level>(
      {{"debug", log_level::debug}, {"info", log_level::info}, {"warn", log_level::warn}, {"error", log_level::error}});
  const auto format = one_of<log_format>({{"text", log_format::text}, {"json", log_format::json}});
  return object<l>("log", {field("level", &l::level, level, "The least important lines to write"),
                           field("format", &l::format, format, "Lines for people or for machines")});
}

type<buffer_limits> buffers_type() {
  using b = buffer_limits;
  const auto size = [](std::string example) { return size_between(least_buffer, most_buffer, std::move(example)); };
  return object<b>(
      "buffers",
      {field("high", &b::high, size("1MiB"),
             "Per direction of a connection: stop reading from one side while this much waits for the other"),
       field("low", &b::low, size("256KiB"), "Read again once no more than this waits")
           .default_is("`256KiB`, or a quarter of `high` if that is less")});
}

std::vector<key> listener_keys() {
  using l = listener_options;
  return {
      field("name", &l::name, name_text("name", "web"), "What logs, metrics and errors call it")
          .default_is("the first address"),
      field("bind", &l::bind, one_or_list(bind_type(), most_addresses),
            "Where to listen: `host:port`, `[::]:port`, `unix:/path` or `fd://N` (inherited). Port 0 lets the kernel "
            "pick one")
          .required(),
      field("accept", &l::accept, accept_type(), "Taking new connections"),
      field("timeouts", &l::timeouts, listener_timeouts_type(), "Each is finite; a longer one must be written"),
      field("buffers", &l::buffers, buffers_type(), "Overrides `defaults.buffers`")};
}

}  // namespace shoal::config
