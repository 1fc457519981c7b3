// SPDX-License-Identifier: Apache-2.0
// Names in a simulation: a script says what each means, how long the answer takes, or how it fails.
//
//   machine->names().set("db.example", {.addresses = {"10.0.0.2", "fd00::2"}, .ttl = 30s});       both kinds
//   machine->names().set("slow.example", record_kind::ipv6, {.addresses = {"fd00::3"}, .delay = 300ms});
//   machine->names().set("broken.example", {.error = errc::name_server_failed});
//   machine->names().set("silent.example", {.delay = never_answers});
//
// Thread rule: the world's thread.
// Invariants: a name that is not in the script is errc::name_not_found, at once; one that is there without an address
//   of the kind that was asked for is errc::no_address. Answers come in the "expire timers" step of the shard that
//   asked, so a run replays.
#pragma once

#include <shoal/core/resolver.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/timer_wheel.hpp>

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal::sim {

inline constexpr duration never_answers = duration::max();

struct scripted_answer {
  std::vector<std::string> addresses;  ///< of either kind
  duration ttl = std::chrono::seconds{60};
  duration delay{0};
  std::error_code error;  ///< instead of addresses
};

class name_script {
 public:
  /// For both kinds; questions under way keep the answer they had.
  void set(std::string_view name, const scripted_answer& answer);
  void set(std::string_view name, record_kind kind, const scripted_answer& answer);

  struct outcome {
    duration delay{0};
    result<name_answer> answer = fail(errc::name_not_found);
  };
  /// What a question gets; counts it.
  [[nodiscard]] outcome ask(std::string_view name, record_kind kind);
  /// How often it was asked for.
  [[nodiscard]] std::uint64_t times_asked(std::string_view name, record_kind kind) const;

 private:
  using key = std::pair<std::string, record_kind>;
  std::map<key, outcome> answers_;
  std::map<key, std::uint64_t> asked_;
};

class scripted_resolver final : public resolver {
 public:
  /// Both must outlive it.
  scripted_resolver(shard& here, name_script& script) noexcept;
  ~scripted_resolver() override;

  void stop() noexcept override;

 private:
  struct pending;
  void start(name_question& q) override;
  void forget(name_question& q) noexcept override;
  void answer(pending& due) noexcept;

  shard& here_;
  name_script& script_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<pending>> pending_;
};

}  // namespace shoal::sim
