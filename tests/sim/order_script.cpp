// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/order_script.hpp>

#include <shoal/core/random.hpp>

#include <algorithm>
#include <map>

namespace shoal::test {
namespace {

constexpr std::uint64_t kinds = order_event_names.size();
constexpr std::uint64_t shortest_random = 6;
constexpr std::uint64_t longest_random = 14;

/// What all scripts of a batch have in common: where time passes, and where the stop comes first.
std::string plan_of(const order_script& script) {
  std::string plan;
  bool stopped = false;
  for (const order_event event : script) {
    const bool stops = event == order_event::stop && !stopped;
    stopped = stopped || stops;
    plan += event == order_event::timeout ? 't' : stops ? 's' : '.';
  }
  return plan;
}

}  // namespace

std::string to_string(const order_script& script) {
  std::string text;
  for (const order_event event : script) {
    if (!text.empty()) text += ',';
    text += order_event_names[static_cast<std::size_t>(event)];
  }
  return text;
}

std::optional<order_script> parse_order_script(std::string_view text) {
  order_script script;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto found = std::ranges::find(order_event_names, word);
    if (found == order_event_names.end()) return std::nullopt;
    script.push_back(static_cast<order_event>(found - order_event_names.begin()));
  }
  return script;
}

std::vector<order_batch> all_order_scripts(std::size_t length, std::size_t most_per_batch) {
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < length; ++i) count *= kinds;
  std::map<std::string, order_batch> open;
  std::vector<order_batch> batches;
  for (std::uint64_t number = 0; number < count; ++number) {
    order_script script(length);
    std::uint64_t rest = number;
    for (order_event& event : script) {
      event = static_cast<order_event>(rest % kinds);
      rest /= kinds;
    }
    order_batch& batch = open[plan_of(script)];
    batch.push_back(std::move(script));
    if (batch.size() == most_per_batch) {
      batches.push_back(std::move(batch));
      batch.clear();
    }
  }
  for (auto& [plan, batch] : open) {
    if (!batch.empty()) batches.push_back(std::move(batch));
  }
  return batches;
}

order_batch random_order_scripts(std::uint64_t seed, std::size_t count) {
  random_source random{seed};
  const std::size_t length = shortest_random + random.below(longest_random - shortest_random + 1);
  // One plan for all. What ends a connection is rare, so that the later events of a script still meet something alive.
  order_script plan(length, order_event::data);
  for (order_event& event : plan) {
    if (random.below(8) == 0) event = order_event::timeout;
  }
  if (random.below(2) == 0) plan[random.below(length)] = order_event::stop;
  constexpr std::array last{order_event::half_close, order_event::reset, order_event::close, order_event::exception};
  constexpr std::array mild{order_event::data, order_event::data, order_event::suspend, order_event::suspend,
                            order_event::close_write};
  order_batch batch(count, plan);
  for (order_script& script : batch) {
    for (order_event& event : script) {
      if (event != order_event::data) continue;
      event = random.below(8) == 0 ? last[random.below(last.size())] : mild[random.below(mild.size())];
    }
  }
  return batch;
}

}  // namespace shoal::test
