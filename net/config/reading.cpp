// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/reading.hpp>

#include <shoal/net/config/nearest.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace shoal::config {
namespace {

// Keys that people write are shorter; what is longer is shown in part.
constexpr std::size_t longest_path_part = 64;

// The path of the key called `name` in `type` or below it, "timeouts.idle"; empty if there is none. Looks through all
// of one level before the next, so that the closest namesake wins.
std::string find_below(const value_type& type, std::string_view name) {
  struct open_type {
    const value_type* type;
    std::string path;
  };
  std::vector<open_type> level{{&type, {}}};
  while (!level.empty()) {
    std::vector<open_type> next;
    for (const auto& [at, path] : level) {
      if (const value_type* const inner = at->element(); inner != nullptr) {
        next.push_back({inner, at->what() == value_type::kind::list ? path + "[]" : path});
      }
      for (const key& k : at->keys()) {
        std::string below = path.empty() ? k.name : path + '.' + k.name;
        if (k.name == name) return below;
        next.push_back({k.type.get(), std::move(below)});
      }
    }
    level = std::move(next);
  }
  return {};
}

std::string words_of(const scalar_shape& shape) {
  std::string all;
  for (const std::string& name : shape.names)
    fmt::format_to(std::back_inserter(all), "{}`{}`", all.empty() ? "" : ", ", name);
  if (!shape.words.empty()) all += (all.empty() ? "" : " or ") + shape.words;
  return all;
}

std::string list_of_keys(const value_type& object) {
  std::string names;
  for (const key& k : object.keys())
    fmt::format_to(std::back_inserter(names), "{}{}", names.empty() ? "" : ", ", k.name);
  return names;
}

}  // namespace

surroundings real_surroundings() {
  return {.environment = [](std::string_view name) -> std::optional<std::string> {
            // Read at start-up, before any other thread exists.
            const char* const value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
            return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
          },
          .readable =
              [](const std::string& file) {
                std::error_code ignored;
                return !std::filesystem::is_directory(file, ignored) && std::ifstream(file).good();
              }};
}

reading::step reading::enter(const map_entry& entry) {
  const std::size_t length = path_.size();
  if (!path_.empty()) path_ += '.';
  path_ += entry.name.substr(0, longest_path_part);
  // A scalar is pointed at itself; a map or a list begins on the line after its key.
  places_.emplace(path_, entry.value.what == node::kind::scalar ? entry.value.at : entry.at);
  return {*this, length};
}

reading::step reading::enter_item(std::size_t index, position at) {
  const std::size_t length = path_.size();
  fmt::format_to(std::back_inserter(path_), "[{}]", index);
  places_.emplace(path_, at);
  return {*this, length};
}

void reading::fail(position at, problem what) {
  mark_broken(path_);
  report_.add(at, path_, std::move(what));
}

void reading::not_yet(position at, problem what) {
  if (muted_ > 0 || around_.accept_not_yet) return;
  report_.add(at, path_, std::move(what), true);
}

// A fault in a value is a fault in everything that holds it.
void reading::mark_broken(std::string_view path) {
  while (!path.empty()) {
    broken_.emplace(path, true);
    const std::size_t end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
}

std::optional<std::string> reading::text_of(const node& from, const scalar_shape& shape) {
  if (from.what != node::kind::scalar) {
    fail(from.at, {fmt::format("expected {}, found {}", words_of(shape), name_of(from.what)),
                   shape.example.empty() ? "" : fmt::format("write `{}`", shape.example)});
    return std::nullopt;
  }
  auto text = expand(from.text, around_.environment);
  if (!text) {
    fail(from.at, std::move(text.error()));
    return std::nullopt;
  }
  if (text->find('\0') != std::string::npos) {
    fail(from.at, {"a zero byte in a value", "remove it"});
    return std::nullopt;
  }
  return *std::move(text);
}

std::optional<std::string> reading::expanded(std::string_view text) const {
  auto value = expand(text, around_.environment);
  return value ? std::optional(*std::move(value)) : std::nullopt;
}

bool reading::broken_here(std::string_view name) const {
  return broken_.contains(path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name));
}

reading::meaning reading::meaning_of(std::string_view name, const value_type& object) const {
  const auto guess = [](std::string_view ours) {
    return meaning{.hint = fmt::format("did you mean `{}`?", ours), .meant = std::string(ours)};
  };
  if (name == "<<") return {.hint = "merge keys are not supported: write the keys out", .meant = {}};
  const std::string spelled = normalized(name);
  std::vector<std::string_view> names;
  for (const key& k : object.keys()) {
    names.push_back(k.name);
    if (k.name == spelled) return guess(k.name);
  }
  if (const foreign_key* entry = find_foreign(spelled, object.name(), foreign_)) {
    return {.hint = foreign_hint(name, *entry), .meant = std::string(entry->ours)};
  }
  if (const auto below = find_below(object, spelled); !below.empty()) return guess(below);
  if (const auto close = nearest(name, names); !close.empty()) return guess(close);
  if (const foreign_key* entry = find_foreign(spelled, {}, foreign_)) {
    return {.hint = foreign_hint(name, *entry), .meant = {}};
  }
  if (const auto elsewhere = find_below(root_, spelled); !elsewhere.empty()) {
    return {.hint = fmt::format("`{}` is a key of another place", elsewhere), .meant = {}};
  }
  return {.hint = fmt::format("known here: {}", list_of_keys(object)), .meant = {}};
}

void reading::unknown_key(const map_entry& entry, const value_type& object) {
  // Hints that nobody will see aren't looked for.
  auto [hint, meant] = is_full() ? meaning{} : meaning_of(entry.name, object);
  if (!meant.empty()) mark_broken(path_.empty() ? meant : fmt::format("{}.{}", path_, meant));
  const auto inside = enter(entry);
  fail(entry.at, {"unknown key", std::move(hint)});
}

void reading::note_scope(position at, const key& scoped) { scoped_.push_back({path_, at, &scoped}); }

void reading::close_scope(std::string_view scope, std::string_view decided_by) {
  const std::string prefix = path_.empty() ? path_ : path_ + '.';
  for (const scoped_key& scoped : scoped_) {
    if (!scoped.path.starts_with(prefix) || scoped.what->scope == scope) continue;
    report_.add(scoped.at, scoped.path,
                {fmt::format("needs `{}: {}`, and this is {}", decided_by, scoped.what->scope, scope),
                 scoped.what->scope_reason});
    mark_broken(scoped.path);
  }
  std::erase_if(scoped_, [&prefix](const scoped_key& scoped) { return scoped.path.starts_with(prefix); });
}

position reading::place(std::string_view path) const {
  while (!path.empty()) {
    if (const auto found = places_.find(path); found != places_.end()) return found->second;
    const std::size_t end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return {};
}

void reading::fail_at(std::string_view path, problem what) {
  mark_broken(path);
  report_.add(place(path), path, std::move(what));
}

void reading::not_yet_at(std::string_view path, problem what) {
  if (!around_.accept_not_yet) report_.add(place(path), path, std::move(what), true);
}

}  // namespace shoal::config
