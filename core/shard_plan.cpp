// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard_plan.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/cpu_list.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

namespace shoal {
namespace {

using cpus = std::vector<cpu>;

std::string list_of(const cpus& some) {
  std::vector<unsigned> indexes;
  for (const auto& c : some) indexes.push_back(c.os_index);
  return to_cpu_list(indexes);
}

/// "1 CPU", "2 CPUs"
std::string count(std::size_t n, const char* thing) { return std::to_string(n) + " " + thing + (n == 1 ? "" : "s"); }

/// 1.5, 2, 0.25
std::string decimal(double value) {
  auto text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string bytes(std::size_t n) {
  return n % (std::size_t{1} << 20) == 0 ? std::to_string(n >> 20) + " MiB" : std::to_string(n) + " bytes";
}

std::unexpected<plan_error> wrong(std::string_view key, std::string what, std::string hint) {
  return std::unexpected{plan_error{.key = key, .what = std::move(what), .hint = std::move(hint)}};
}

bool has_quota(const topology& machine) { return std::isfinite(machine.quota); }

std::size_t distinct_cores(const cpus& some) {
  std::vector<unsigned> cores;
  for (const auto& c : some) cores.push_back(c.core);
  std::ranges::sort(cores);
  return static_cast<std::size_t>(std::ranges::unique(cores).begin() - cores.begin());
}

/// How many of one kind of thing were chosen so far.
class tally {
 public:
  [[nodiscard]] unsigned of(unsigned thing) const {
    const auto it = chosen_.find(thing);
    return it == chosen_.end() ? 0 : it->second;
  }
  void add(unsigned thing) { ++chosen_[thing]; }

 private:
  std::map<unsigned, unsigned> chosen_;
};

/// Picks CPUs one by one, each time the best of those left.
class chooser {
 public:
  explicit chooser(placement_policy policy) : policy_{policy} {}

  cpus choose(cpus left, std::size_t wanted) {
    cpus chosen;
    while (chosen.size() < wanted && !left.empty()) {
      const auto best = std::ranges::min_element(left, {}, [this](const cpu& c) { return rank(c); });
      core_.add(best->core);
      package_.add(best->package);
      numa_.add(best->numa);
      l3_.add(best->l3);
      chosen.push_back(*best);
      left.erase(best);
    }
    std::ranges::sort(chosen, {}, &cpu::os_index);
    return chosen;
  }

 private:
  using order = std::tuple<unsigned, unsigned, unsigned, unsigned, unsigned, unsigned>;

  /// Less is better.
  [[nodiscard]] order rank(const cpu& c) const {
    const auto slowness = ~c.speed;
    if (policy_ == placement_policy::compact) return {core_.of(c.core), slowness, c.package, c.numa, c.l3, c.os_index};
    return {core_.of(c.core), slowness, package_.of(c.package), numa_.of(c.numa), l3_.of(c.l3), c.os_index};
  }

  placement_policy policy_;
  tally core_, package_, numa_, l3_;
};

/// The CPUs that shards may use: `cpus`, or the affinity mask.
std::expected<cpus, plan_error> usable_cpus(const topology& machine, const shard_request& request) {
  if (request.cpus.empty()) return machine.cpus;
  cpus usable;
  for (const auto index : request.cpus) {
    const auto found = std::ranges::find(machine.cpus, index, &cpu::os_index);
    if (found == machine.cpus.end()) {
      return wrong("cpus", "CPU " + std::to_string(index) + " is not in this process's mask " + list_of(machine.cpus),
                   "any of " + list_of(machine.cpus));
    }
    if (std::ranges::find(usable, *found) == usable.end()) usable.push_back(*found);
  }
  std::ranges::sort(usable, {}, &cpu::os_index);
  return usable;
}

struct decision {
  std::size_t shards;
  std::string why;
};

decision how_many(const topology& machine, const shard_request& request, const cpus& usable) {
  if (request.shards != shard_request::automatic && request.shards != shard_request::cores) {
    return {.shards = request.shards, .why = count(request.shards, "shard") + " as written"};
  }
  const bool per_core = request.shards == shard_request::cores;
  const auto whole = std::min<std::size_t>(per_core ? distinct_cores(usable) : usable.size(), max_shards);
  const std::string each = per_core ? "one per physical core of " : "one per CPU of ";
  const std::string from = (request.cpus.empty() ? "the affinity mask " : "cpus ") + list_of(usable);
  const auto allowed = has_quota(machine) ? std::max(std::floor(machine.quota), 1.0) : static_cast<double>(whole);
  if (allowed < static_cast<double>(whole)) {
    const auto n = static_cast<std::size_t>(allowed);
    return {.shards = n, .why = count(n, "shard") + ", for the cgroup's quota of " + decimal(machine.quota) + " CPUs"};
  }
  return {.shards = whole, .why = count(whole, "shard") + ", " + each + from};
}

struct pinning {
  bool pinned;
  const char* why;
};

pinning whether_pinned(const topology& machine, const shard_request& request, const cpus& usable, std::size_t shards) {
  if (request.pin == pin_mode::on) return {.pinned = true, .why = "pinned as written"};
  if (request.pin == pin_mode::off) return {.pinned = false, .why = "not pinned as written"};
  if (!request.cpus.empty()) return {.pinned = true, .why = "pinned because cpus is written"};
  if (has_quota(machine)) return {.pinned = false, .why = "not pinned: under a quota the CPUs are shared"};
  const auto full = request.shards == shard_request::cores ? distinct_cores(usable) : usable.size();
  if (shards == full) return {.pinned = true, .why = "pinned because they fill the mask"};
  return {.pinned = false, .why = "not pinned: they don't fill the mask"};
}

std::optional<plan_error> contradiction(const shard_request& request) {
  const bool counted = request.shards != shard_request::automatic && request.shards != shard_request::cores;
  if (counted && request.shards > max_shards) {
    return plan_error{.key = "shards",
                      .what = std::to_string(request.shards) + " is too many",
                      .hint = "1 to " + std::to_string(max_shards)};
  }
  if (request.pin == pin_mode::off && !request.cpus.empty()) {
    return plan_error{.key = "pin", .what = "off contradicts cpus, which pins", .hint = "leave one of the two out"};
  }
  if (request.memory_per_shard != 0 && request.memory_per_shard < min_memory_per_shard) {
    return plan_error{"memory_per_shard", bytes(request.memory_per_shard) + " is too little",
                      "at least " + bytes(min_memory_per_shard)};
  }
  return std::nullopt;
}

std::expected<std::size_t, plan_error> memory_each(const topology& machine, std::size_t asked, std::size_t shards) {
  const auto limit = machine.memory_limit_bytes;
  if (asked == 0) return std::clamp(limit / 2 / shards, min_memory_per_shard, default_memory_per_shard);
  if (asked > limit / shards) {
    return wrong(
        "memory_per_shard",
        count(shards, "shard") + " of " + bytes(asked) + " are more than this process's limit of " + bytes(limit),
        "at most " + bytes(limit / shards >> 20 << 20) + ", or auto");
  }
  return asked;
}

}  // namespace

std::expected<shard_plan, plan_error> plan_shards(const topology& machine, const shard_request& request) {
  SHOAL_CHECK(!machine.cpus.empty(), "a topology has a CPU");
  if (auto error = contradiction(request)) return std::unexpected{std::move(*error)};
  const auto usable = usable_cpus(machine, request);
  if (!usable) return std::unexpected{usable.error()};
  const auto decided = how_many(machine, request, *usable);
  const auto pin = whether_pinned(machine, request, *usable, decided.shards);
  if (pin.pinned && decided.shards > usable->size()) {
    return wrong("shards",
                 std::to_string(decided.shards) + " pinned shards don't fit on " + count(usable->size(), "CPU") + " (" +
                     list_of(*usable) + ")",
                 "at most " + std::to_string(usable->size()) + ", or auto");
  }
  const auto memory = memory_each(machine, request.memory_per_shard, decided.shards);
  if (!memory) return std::unexpected{memory.error()};

  shard_plan plan;
  plan.reason = decided.why + "; " + pin.why;
  plan.shards.assign(decided.shards, placement{.memory = *memory});
  if (!pin.pinned) return plan;
  const auto chosen = chooser{request.policy}.choose(*usable, decided.shards);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    plan.shards[i].pinned = true;
    plan.shards[i].cpu = chosen[i].os_index;
    plan.shards[i].numa = chosen[i].numa;
    plan.shards[i].l3 = chosen[i].l3;
  }
  return plan;
}

}  // namespace shoal
