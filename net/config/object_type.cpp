// SPDX-License-Identifier: Apache-2.0
// The object type, with all that a key can be: required, not supported yet, for one scope only.
#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/reading.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace shoal::config {
namespace detail {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words)
    fmt::format_to(std::back_inserter(all), "{}`{}`", all.empty() ? "" : ", ", word);
  return all;
}

class object_type final : public value_type {
 public:
  object_type(std::string name, std::vector<key> keys, std::shared_ptr<const void> defaults, std::string decided_by,
              scope_function scope)
      : name_(std::move(name)),
        keys_(std::move(keys)),
        defaults_(std::move(defaults)),
        decided_by_(std::move(decided_by)),
        scope_(std::move(scope)) {}

  void read(reading& in, const node& from, void* to) const override;
  [[nodiscard]] node write(const void* value, const write_options& how) const override;
  [[nodiscard]] kind what() const noexcept override { return kind::object; }
  [[nodiscard]] std::span<const key> keys() const override { return keys_; }
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] node default_of(const key& k) const override {
    return k.type->write(k.view(defaults_.get()), {.with_not_yet = true, .scope = k.scope});
  }

 private:
  void read_key(reading& in, const map_entry& entry, const key& k, void* to) const;
  void require_keys(reading& in, const node& from) const;

  std::string name_;
  std::vector<key> keys_;
  std::shared_ptr<const void> defaults_;
  std::string decided_by_;
  scope_function scope_;
};

void object_type::read(reading& in, const node& from, void* to) const {
  if (from.what != node::kind::map) {
    in.fail(from.at, {fmt::format("expected a map of keys, found {}", name_of(from.what)),
                      fmt::format("write `{{ {}: ... }}`", keys_.front().name)});
    return;
  }
  for (const map_entry& entry : from.entries) {
    const auto found = std::ranges::find(keys_, entry.name, &key::name);
    if (found == keys_.end()) {
      in.unknown_key(entry, *this);
    } else {
      read_key(in, entry, *found, to);
    }
  }
  require_keys(in, from);
  if (scope_ && !in.broken_here(decided_by_)) in.close_scope(scope_(to), decided_by_);
}

void object_type::read_key(reading& in, const map_entry& entry, const key& k, void* to) const {
  const auto inside = in.enter(entry);
  if (entry.value.what == node::kind::empty) {
    in.fail(entry.at, {"has no value", "write one, or remove the key"});
    return;
  }
  if (!k.scope.empty()) in.note_scope(entry.at, k);
  if (k.is_not_yet) {
    in.not_yet(entry.at, {"not yet supported", "remove the key"});
    const reading::mute inner(in);
    k.type->read(in, entry.value, k.member(to));
    return;
  }
  const std::size_t before = in.faults();
  k.type->read(in, entry.value, k.member(to));
  if (k.only.empty() || in.faults() != before) return;
  const std::string value = k.type->write(k.view(to), {}).text;
  if (std::ranges::find(k.only, value) == k.only.end()) {
    in.not_yet(entry.value.at,
               {fmt::format("{} is not yet supported", in_quotes(value)), fmt::format("today: {}", joined(k.only))});
  }
}

void object_type::require_keys(reading& in, const node& from) const {
  for (const key& k : keys_) {
    const bool is_written = std::ranges::find(from.entries, k.name, &map_entry::name) != from.entries.end();
    if (!k.is_required || is_written || in.broken_here(k.name)) continue;
    const std::string& example = k.type->shape().example;
    const std::string hint = fmt::format("write `{}: {}`", k.name, example.empty() ? "..." : example);
    in.fail(from.at, {fmt::format("`{}` is missing", k.name), hint});
  }
}

node object_type::write(const void* value, const write_options& how) const {
  const write_options below{.with_not_yet = how.with_not_yet, .scope = scope_ ? scope_(value) : how.scope};
  node out{.what = node::kind::map};
  for (const key& k : keys_) {
    if ((k.is_not_yet && !how.with_not_yet) || (!k.scope.empty() && k.scope != below.scope)) continue;
    node inner = k.type->write(k.view(value), below);
    if (inner.what == node::kind::empty) continue;
    out.entries.push_back({.name = k.name, .at = {}, .value = std::move(inner)});
  }
  return out.entries.empty() ? node{} : out;
}

}  // namespace

type_ptr make_object(std::string name, std::vector<key> keys, std::shared_ptr<const void> defaults,
                     std::string decided_by, scope_function scope) {
  return std::make_shared<const object_type>(std::move(name), std::move(keys), std::move(defaults),
                                             std::move(decided_by), std::move(scope));
}

}  // namespace detail

const scalar_shape& value_type::shape() const {
  static const scalar_shape none;
  return none;
}

key key::required() && {
  is_required = true;
  return std::move(*this);
}

key key::not_yet() && {
  is_not_yet = true;
  return std::move(*this);
}

key key::today_only(std::vector<std::string> values) && {
  only = std::move(values);
  return std::move(*this);
}

key key::only_for(std::string scope_name, std::string reason) && {
  scope = std::move(scope_name);
  scope_reason = std::move(reason);
  return std::move(*this);
}

key key::default_is(std::string words) && {
  default_words = std::move(words);
  return std::move(*this);
}

}  // namespace shoal::config
