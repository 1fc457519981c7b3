// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/name_dial.hpp>

#include <shoal/buffers/check.hpp>

#include <algorithm>
#include <utility>

namespace shoal {
namespace {

int rank(std::error_code error) {
  if (!error) return -1;
  // What a machine without IPv6 says of every such address.
  if (error == std::errc::network_unreachable || error == std::errc::address_family_not_supported ||
      error == std::errc::address_not_available) {
    return 0;
  }
  if (error == std::errc::timed_out) return 1;  // the kernel's as well as ours
  if (error == std::errc::host_unreachable) return 2;
  if (error == std::errc::connection_refused || error == std::errc::connection_reset) return 4;
  return 3;
}

address_families families_of(const dial_options& options) {
  if (!options.source) return options.families;
  return options.source->family() == AF_INET6 ? address_families::ipv6 : address_families::ipv4;
}

}  // namespace

class name_dial::attempt final : public dial_attempt {
 public:
  attempt(name_dial& by, address target) : owner(by), where(std::move(target)) {}
  name_dial& owner;
  const address where;

 private:
  void finished(std::error_code outcome) override { owner.attempt_finished(*this, outcome); }
};

name_dial::next_timer::next_timer(name_dial& by) noexcept
    : timer([](timer& t) noexcept { static_cast<next_timer&>(t).owner.advance(); }), owner(by) {}

name_dial::name_dial(shard& here, const profile_ptr& profile, connection_observer* observer, resolver& names,
                     std::string_view host, std::uint16_t port, const dial_options& options)
    : name_lookup(host),
      here_(here),
      profile_(profile),
      observer_(observer),
      names_(names),
      port_(port),
      options_(options) {}

name_dial::~name_dial() { close_all(); }

void name_dial::await_suspend(std::coroutine_handle<> handle) {
  waiting = handle;
  deadline_ = deadline_after(here_.now(), options_.timeout);
  if (options_.stop.stop_requested()) return end(errc::cancelled);
  ask(names_, families_of(options_));
  arm();
}

result<connection_owner> name_dial::await_resume() { return std::move(outcome_); }

void name_dial::end(std::error_code why) noexcept {
  if (over_ || !waiting) return;
  if (starting_) return void(ended_early_ = why);  // an attempt is on the stack, in on_prepare
  outcome_ = fail(why);
  close_all();
  here_.schedule(*this);
}

/// No event comes here any more.
void name_dial::close_all() noexcept {
  over_ = true;
  cancel();
  here_.timers().cancel(timer_);
  attempts_.clear();
}

/// Maybe inside poll(), where no hook may run, so attempts start later in this turn.
void name_dial::on_answer() noexcept {
  if (error() == errc::stopped) return end(errc::stopped);
  if (!over_) here_.timers().arm(timer_, instant{});
}

// ---- what an event may bring ----

void name_dial::advance() {
  if (here_.now() >= deadline_) return conclude_in_vain(false);
  take_answers();
  while (may_start()) {
    if (start_next()) break;
  }
  if (over_) return;
  if (!has_candidates() && attempts_.empty() && is_complete()) return conclude_in_vain(true);
  arm();
}

void name_dial::take_answers() {
  const auto take = [this](bool& taken, record_kind kind, std::deque<address>& into) {
    if (std::exchange(taken, taken || has_answer(kind)) || !taken) return;
    for (auto& found : addresses(kind, port_)) into.push_back(std::move(found));
  };
  take(taken_ipv6_, record_kind::ipv6, ipv6_);
  take(taken_ipv4_, record_kind::ipv4, ipv4_);
  if (!attempted_ && may_start_at_ == never && has_candidates()) {
    may_start_at_ = taken_ipv6_ ? here_.now() : here_.now() + resolution_delay;
  }
}

bool name_dial::may_start() const noexcept {
  if (over_ || !has_candidates()) return false;
  if (!attempted_) return taken_ipv6_ || here_.now() >= may_start_at_;
  return attempts_.empty() || here_.now() >= may_start_at_;
}

/// False if it failed at once, so that the next one may follow.
bool name_dial::start_next() {
  auto& from = !ipv6_.empty() && (ipv6_is_next_ || ipv4_.empty()) ? ipv6_ : ipv4_;
  ipv6_is_next_ = &from != &ipv6_;
  attempted_ = true;
  may_start_at_ = here_.now() + attempt_delay;
  auto& made = attempts_.emplace_back(std::make_unique<attempt>(*this, std::move(from.front())));
  from.pop_front();
  starting_ = true;
  const auto error = made->start(here_, profile_, observer_, made->where, options_, never);
  starting_ = false;
  if (error) {
    note_failure(made->where, error);
    attempts_.pop_back();
  }
  if (ended_early_) end(ended_early_);
  return !error;
}

void name_dial::note_failure(const address& where, std::error_code error) {
  if (rank(error) > rank(most_telling_)) most_telling_ = error;
  if (options_.failures != nullptr) options_.failures->push_back({where, error});
}

void name_dial::attempt_finished(attempt& which, std::error_code outcome) {
  if (!outcome) {
    outcome_ = which.take();
    close_all();
    return here_.run_or_schedule(*this);
  }
  note_failure(which.where, outcome);
  if (outcome == errc::stopped) {
    outcome_ = fail(outcome);
    close_all();
    return here_.run_or_schedule(*this);
  }
  if (&which == attempts_.back().get()) may_start_at_ = here_.now();
  std::erase_if(attempts_, [&which](const auto& a) { return a.get() == &which; });
  advance();
}

void name_dial::conclude_in_vain(bool in_time) {
  if (!in_time) {
    for (const auto& a : attempts_) note_failure(a->where, errc::connect_timeout);
  }
  const std::error_code of_name = error();
  // Most names have no IPv6: not worth a word when their IPv4 was tried.
  const bool tells = !attempted_ || (of_name != errc::no_address && of_name != errc::name_not_found);
  if (of_name && tells && options_.failures != nullptr) options_.failures->push_back({address{}, of_name});
  std::error_code reason = attempted_ ? most_telling_ : of_name;
  if (!reason) reason = errc::connect_timeout;  // the last moment brought the addresses
  outcome_ = fail(reason);
  close_all();
  here_.run_or_schedule(*this);
}

void name_dial::arm() {
  if (over_) return;
  instant next = deadline_;
  if (has_candidates()) next = std::min(next, may_start_at_);
  // Answers that were there at once.
  const bool news = (!taken_ipv6_ && has_answer(record_kind::ipv6)) || (!taken_ipv4_ && has_answer(record_kind::ipv4));
  here_.timers().arm(timer_, news ? instant{} : next);
}

}  // namespace shoal
