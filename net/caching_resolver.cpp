// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/caching_resolver.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/shard.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace shoal {
namespace {

constexpr std::size_t max_label_bytes = 63;  // RFC 1035

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string key_of(const name_question& q) {
  std::string key(1, q.kind() == record_kind::ipv4 ? '4' : '6');
  std::ranges::transform(q.name(), std::back_inserter(key), lower);
  return key;
}

bool is_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > max_name_bytes) return false;
  std::size_t label = 0;
  for (const char c : name) {
    const bool letter = (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!letter && c != '.') return false;
    if (c == '.' && label == 0) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > max_label_bytes) return false;
  }
  return label != 0;
}

bool is_localhost(std::string_view name) {
  constexpr std::string_view suffix = ".localhost";
  std::string small(name.substr(0, max_name_bytes + 1));
  std::ranges::transform(small, small.begin(), lower);
  if (small.ends_with('.')) small.pop_back();
  return small == suffix.substr(1) || small.ends_with(suffix);
}

ip_bytes loopback(record_kind kind) {
  ip_bytes bytes{};
  if (kind == record_kind::ipv4) {
    bytes[0] = 127;
    bytes[3] = 1;
  } else {
    bytes[15] = 1;
  }
  return bytes;
}

struct literal {
  record_kind kind;
  ip_bytes bytes{};
};

std::optional<literal> parse_literal(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated{text};
  literal found{record_kind::ipv4};
  if (::inet_pton(AF_INET, terminated.c_str(), found.bytes.data()) == 1) return found;
  found.kind = record_kind::ipv6;
  if (::inet_pton(AF_INET6, terminated.c_str(), found.bytes.data()) == 1) return found;
  return std::nullopt;
}

}  // namespace

/// One name and kind: the question while it is under way, the answer afterwards.
struct caching_resolver::entry final : name_question {
  entry(caching_resolver& by, std::string_view name, record_kind kind) noexcept
      : name_question(name, kind), owner(by) {}
  void answered(const result<name_answer>& outcome) noexcept override { owner.keep(*this, outcome); }

  using question_list = boost::intrusive::list<name_question, boost::intrusive::constant_time_size<false>>;

  caching_resolver& owner;
  question_list waiting;
  result<name_answer> answer = fail(errc::would_block);
  instant expires;
  // A question's own links belong to the resolver behind us while it is asked, and to `by_use_` afterwards.
};

caching_resolver::caching_resolver(shard& here) : caching_resolver(here, here.machine().make_resolver(here)) {}

caching_resolver::caching_resolver(shard& here, std::unique_ptr<resolver> behind, const resolver_limits& limits)
    : here_(here), behind_(std::move(behind)), limits_(limits), by_use_(std::make_unique<entry_list>()) {}

caching_resolver::~caching_resolver() {
  caching_resolver::stop();
  by_use_->clear();
}

void caching_resolver::stop() noexcept {
  stopped_ = true;
  behind_->stop();  // which answers what is under way
}

void caching_resolver::start(name_question& q) {
  ++counters_.questions;
  if (stopped_) return finish(q, fail(errc::stopped));
  if (answer_at_once(q)) return;
  std::string key = key_of(q);
  const auto found = entries_.find(key);
  entry* known = found != entries_.end() ? found->second.get() : nullptr;
  if (known != nullptr && known->is_pending()) {
    ++counters_.joined;
  } else if (known != nullptr && here_.now() < known->expires) {
    ++counters_.hits;
    by_use_->splice(by_use_->end(), *by_use_, by_use_->iterator_to(*known));
    return finish(q, known->answer);
  } else if (known != nullptr) {
    by_use_->erase(by_use_->iterator_to(*known));
  } else {
    known = make_entry(std::move(key), q.kind());
    if (known == nullptr) return finish(q, fail(errc::would_block));
  }
  state_of(q) = known;
  known->waiting.push_back(q);
  if (known->is_pending()) return;
  ++counters_.asked;
  behind_->ask(*known);
}

void caching_resolver::forget(name_question& q) noexcept {
  auto& waiting = static_cast<entry*>(state_of(q))->waiting;
  waiting.erase(waiting.iterator_to(q));  // the answer is for the next who asks
}

bool caching_resolver::answer_at_once(name_question& q) {
  const auto number = parse_literal(q.name());
  if (!number && !is_name(q.name())) {
    finish(q, fail(errc::invalid_argument));
  } else if (number && number->kind != q.kind()) {
    finish(q, fail(errc::no_address));
  } else if (number) {
    finish(q, name_answer{.addresses = {number->bytes}, .ttl = never - instant{}});
  } else if (is_localhost(q.name())) {
    finish(q, name_answer{.addresses = {loopback(q.kind())}, .ttl = never - instant{}});
  } else {
    return false;
  }
  return true;
}

/// A place for one more; null if all are questions under way.
caching_resolver::entry* caching_resolver::make_entry(std::string key, record_kind kind) {
  if (entries_.size() >= limits_.max_names) {
    if (by_use_->empty()) return nullptr;
    const entry& oldest = by_use_->front();
    by_use_->pop_front();
    ++counters_.evicted;
    entries_.erase(key_of(oldest));
  }
  const auto place = entries_.emplace(std::move(key), nullptr).first;
  place->second = std::make_unique<entry>(*this, std::string_view{place->first}.substr(1), kind);
  return place->second.get();
}

void caching_resolver::keep(entry& done, const result<name_answer>& outcome) noexcept {
  done.answer = outcome;
  done.expires = here_.now() + life_of(outcome);
  by_use_->push_back(done);
  while (!done.waiting.empty()) {
    name_question& next = done.waiting.front();
    done.waiting.pop_front();
    finish(next, done.answer);
  }
}

duration caching_resolver::life_of(const result<name_answer>& outcome) const noexcept {
  if (outcome) return std::clamp(outcome->ttl, limits_.min_ttl, limits_.max_ttl);
  const bool sure = outcome.error() == errc::name_not_found || outcome.error() == errc::no_address;
  return sure ? limits_.negative_ttl : limits_.failure_ttl;
}

}  // namespace shoal
