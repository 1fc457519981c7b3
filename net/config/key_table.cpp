// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/key_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace shoal::config {
namespace {

// The object inside a type, however it is wrapped; null if there is none or only in a list.
const value_type* object_in(const value_type& type) {
  switch (type.what()) {
    case value_type::kind::object: return &type;
    case value_type::kind::word_or:
    case value_type::kind::shorthand: return object_in(*type.element());
    case value_type::kind::scalar:
    case value_type::kind::list:
    case value_type::kind::map: return nullptr;
  }
  return nullptr;
}

// The object in a list, if its rows fit into the table of what it stands in: none of its keys is an object or a list of
// them.
const value_type* flat_item(const value_type& type) {
  if (type.what() != value_type::kind::list) return nullptr;
  const value_type* const item = object_in(*type.element());
  if (item == nullptr) return nullptr;
  const auto is_nested = [](const key& k) {
    return object_in(*k.type) != nullptr || (k.type->element() != nullptr && object_in(*k.type->element()) != nullptr);
  };
  return std::ranges::any_of(item->keys(), is_nested) ? nullptr : item;
}

std::string words_of(const scalar_shape& shape) {
  std::string out;
  for (const std::string& name : shape.names)
    fmt::format_to(std::back_inserter(out), "{}`{}`", out.empty() ? "" : ", ", name);
  if (!shape.words.empty()) out += (out.empty() ? "" : " or ") + shape.words;
  return out;
}

std::string type_words(const value_type& type) {
  switch (type.what()) {
    case value_type::kind::scalar: return words_of(type.shape());
    case value_type::kind::object: return "keys";
    case value_type::kind::list: {
      const std::string items = type_words(*type.element());
      return type.takes_single() ? fmt::format("{}, or a list", items) : fmt::format("list: {}", items);
    }
    case value_type::kind::map: return fmt::format("map: name to {}", type_words(*type.element()));
    case value_type::kind::word_or:
      if (type.element()->what() == value_type::kind::scalar) return words_of(type.shape());
      if (type.name().empty()) return type_words(*type.element());
      return fmt::format("`{}` or {}", type.name(), type_words(*type.element()));
    case value_type::kind::shorthand: {
      const auto keys = type.element()->keys();
      const auto named = std::ranges::find(keys, type.name(), &key::name);
      return fmt::format("{} or keys", named != keys.end() ? type_words(*named->type) : std::string("a value"));
    }
  }
  return {};
}

std::string default_words(const value_type& object, const key& k) {
  if (!k.default_words.empty()) return k.default_words;
  if (k.is_required) return "required";
  const node value = object.default_of(k);
  if (value.what == node::kind::scalar) return fmt::format("`{}`", value.text);
  if (value.what != node::kind::list) return "";
  std::string all;
  for (const node& item : value.items) all += (all.empty() ? "`" : ", `") + item.text + '`';
  return all.empty() ? "none" : all;
}

std::string doc_words(const key& k, bool inside_not_yet) {
  std::string doc = k.doc + '.';
  if (!k.scope.empty()) doc += fmt::format(" For {} only.", k.scope);
  if (k.is_not_yet && !inside_not_yet) doc += " *Not yet supported.*";
  if (!k.only.empty()) {
    std::string words;
    for (const std::string& word : k.only) words += (words.empty() ? "`" : ", `") + word + '`';
    doc += fmt::format(" *Supported today: {}.*", words);
  }
  return doc;
}

// In a table a bar ends a cell, also inside backticks.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void add_rows(const value_type& object, const std::string& prefix, bool inside_not_yet, std::string& out) {
  for (const key& k : object.keys()) {
    const value_type* const inner = object_in(*k.type);
    fmt::format_to(std::back_inserter(out), "| `{}{}` | {} | {} | {} |\n", prefix, k.name, cell(type_words(*k.type)),
                   cell(default_words(object, k)), cell(doc_words(k, inside_not_yet)));
    const bool is_below = inside_not_yet || k.is_not_yet;
    if (inner != nullptr) {
      add_rows(*inner, prefix + k.name + '.', is_below, out);
    } else if (const value_type* const item = flat_item(*k.type); item != nullptr) {
      add_rows(*item, prefix + k.name + "[].", is_below, out);
    }
  }
}

// One step of a path: a key's name, or "[]" into a list.
const value_type* step_into(const value_type* type, std::string_view name) {
  if (name == "[]") return type->what() == value_type::kind::list ? type->element() : nullptr;
  const value_type* const object = object_in(*type);
  if (object == nullptr) return nullptr;
  const auto keys = object->keys();
  const auto found = std::ranges::find(keys, name, &key::name);
  return found != keys.end() ? found->type.get() : nullptr;
}

const value_type* find(const value_type& root, std::string_view path) {
  const value_type* at = &root;
  while (at != nullptr && !path.empty()) {
    if (path.starts_with('.')) path.remove_prefix(1);
    const std::size_t length = path.starts_with("[]") ? 2 : std::min(path.find_first_of(".["), path.size());
    at = step_into(at, path.substr(0, length));
    path.remove_prefix(length);
  }
  return at != nullptr ? object_in(*at) : nullptr;
}

}  // namespace

std::optional<std::string> key_table(const value_type& root, std::string_view path) {
  const value_type* const object = find(root, path);
  if (object == nullptr) return std::nullopt;
  std::string out = "| Key | Value | Default | What it does |\n|---|---|---|---|\n";
  add_rows(*object, "", false, out);
  return out;
}

std::optional<std::string> with_key_tables(const value_type& root, std::string_view text) {
  constexpr std::string_view opening = "<!-- keys: ";
  constexpr std::string_view closing = "<!-- end of keys -->";
  std::string out;
  for (;;) {
    const std::size_t start = text.find(opening);
    if (start == std::string_view::npos) return out.append(text);
    const std::size_t path_end = text.find(" -->\n", start);
    const std::size_t end = text.find(closing, start);
    if (path_end == std::string_view::npos || end == std::string_view::npos || path_end > end) return std::nullopt;
    std::string_view path = text.substr(start + opening.size(), path_end - start - opening.size());
    if (path == "(top)") path = {};
    const auto table = key_table(root, path);
    if (!table) return std::nullopt;
    out += text.substr(0, path_end + 5);
    out += '\n' + *table + '\n';
    text.remove_prefix(end);
    out += text.substr(0, closing.size());
    text.remove_prefix(closing.size());
  }
}

}  // namespace shoal::config
