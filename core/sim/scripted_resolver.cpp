// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/scripted_resolver.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/sim/place.hpp>

#include <algorithm>

namespace shoal::sim {

namespace {

result<name_answer> answer_for(record_kind kind, const scripted_answer& answer) {
  if (answer.error) return fail(answer.error);
  name_answer found{.addresses = {}, .ttl = answer.ttl};
  for (const auto& text : answer.addresses) {
    const place where = parse_host(text);
    SHOAL_CHECK(!where.host.empty(), "not an address");
    if ((where.family == AF_INET) != (kind == record_kind::ipv4)) continue;
    std::ranges::transform(where.host, found.addresses.emplace_back().begin(),
                           [](char byte) { return static_cast<std::uint8_t>(byte); });
  }
  if (found.addresses.empty()) return fail(errc::no_address);
  return found;
}

}  // namespace

// ---- the script ----

void name_script::set(std::string_view name, const scripted_answer& answer) {
  set(name, record_kind::ipv4, answer);
  set(name, record_kind::ipv6, answer);
}

void name_script::set(std::string_view name, record_kind kind, const scripted_answer& answer) {
  const outcome made{.delay = answer.delay, .answer = answer_for(kind, answer)};
  answers_.insert_or_assign(key{name, kind}, made);
}

name_script::outcome name_script::ask(std::string_view name, record_kind kind) {
  const key asked{name, kind};
  ++asked_[asked];
  const auto found = answers_.find(asked);
  return found != answers_.end() ? found->second : outcome{};
}

std::uint64_t name_script::times_asked(std::string_view name, record_kind kind) const {
  const auto found = asked_.find(key{name, kind});
  return found != asked_.end() ? found->second : 0;
}

// ---- the resolver ----

struct scripted_resolver::pending final : timer {
  pending(scripted_resolver& by, name_question& what, name_script::outcome how)
      : timer([](timer& t) noexcept {
          auto& self = static_cast<pending&>(t);
          self.owner.answer(self);
        }),
        owner(by),
        asked(&what),
        outcome(std::move(how)) {}

  scripted_resolver& owner;
  name_question* asked;
  name_script::outcome outcome;
};

scripted_resolver::scripted_resolver(shard& here, name_script& script) noexcept : here_(here), script_(script) {}

scripted_resolver::~scripted_resolver() { scripted_resolver::stop(); }

void scripted_resolver::start(name_question& q) {
  if (stopped_) return finish(q, fail(errc::stopped));
  auto& made = *pending_.emplace_back(std::make_unique<pending>(*this, q, script_.ask(q.name(), q.kind())));
  state_of(q) = &made;
  if (made.outcome.delay != never_answers) here_.timers().arm(made, here_.now() + made.outcome.delay);
}

void scripted_resolver::forget(name_question& q) noexcept {
  std::erase_if(pending_, [&q](const auto& p) { return p->asked == &q; });
}

void scripted_resolver::answer(pending& due) noexcept {
  const auto place = std::ranges::find(pending_, &due, &std::unique_ptr<pending>::get);
  const auto taken = std::move(*place);
  pending_.erase(place);
  finish(*taken->asked, taken->outcome.answer);
}

void scripted_resolver::stop() noexcept {
  stopped_ = true;
  while (!pending_.empty()) {
    const auto last = std::move(pending_.back());
    pending_.pop_back();
    here_.timers().cancel(*last);
    finish(*last->asked, fail(errc::stopped));
  }
}

}  // namespace shoal::sim
