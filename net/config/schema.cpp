// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/schema.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace shoal::config {
namespace {

using json = nlohmann::ordered_json;

// A value with a variable in it may become anything.
constexpr std::string_view variable_pattern = "\\$\\{";

bool looks_like_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

// The spellings of one word: `off` is `false` for YAML 1.1, and "1.2" without its quotes is a number.
void add_word(json& words, const std::string& name) {
  words.push_back(name);
  if (name == "off") words.push_back(false);
  if (name == "on") words.push_back(true);
  if (looks_like_number(name)) words.push_back(json::parse(name));
}

json scalar_schema(const scalar_shape& shape) {
  json rest;
  const bool takes_numbers = shape.least && shape.most;
  const bool has_rest = !shape.words.empty();
  if (shape.least && shape.most) {
    rest["type"] = json::array({"integer", "string"});
    rest["minimum"] = *shape.least;
    rest["maximum"] = *shape.most;
  } else {
    rest["type"] = "string";
  }
  if (!shape.pattern.empty()) {
    rest["pattern"] = fmt::format("^({})$|{}", shape.pattern, variable_pattern);
  } else if (!shape.is_text) {
    rest["pattern"] = takes_numbers ? fmt::format("^[0-9]+$|{}", variable_pattern) : std::string(variable_pattern);
  }
  if (has_rest && !shape.example.empty()) rest["examples"] = json::array({shape.example});
  if (shape.names.empty()) return rest;
  json words = json::array();
  for (const std::string& name : shape.names) add_word(words, name);
  return {{"anyOf", json::array({json{{"enum", std::move(words)}}, std::move(rest)})}};
}

json schema_of(const value_type& type);

json to_value(const node& from, const scalar_shape& shape) {
  if (from.what == node::kind::list) {
    json items = json::array();
    for (const node& item : from.items) items.push_back(to_value(item, shape));
    return items;
  }
  const bool is_number = shape.least && looks_like_number(from.text);
  return is_number ? json::parse(from.text) : json(from.text);
}

json key_schema(const value_type& object, const key& k) {
  json out;
  std::string doc = k.doc + '.';
  if (k.is_not_yet) doc += " Not yet supported.";
  if (!k.only.empty()) {
    std::string words;
    for (const std::string& word : k.only) words += (words.empty() ? "`" : ", `") + word + '`';
    doc += fmt::format(" Supported today: {}.", words);
  }
  if (!k.scope.empty()) doc += fmt::format(" For {} only.", k.scope);
  if (!k.default_words.empty()) doc += fmt::format(" Default: {}.", k.default_words);
  out["description"] = std::move(doc);
  if (k.is_not_yet) out["deprecationMessage"] = "not yet supported";
  out.update(schema_of(*k.type));
  const node standard = object.default_of(k);
  const bool has_default = standard.what == node::kind::scalar || standard.what == node::kind::list;
  if (has_default && k.default_words.empty() && !k.is_required) out["default"] = to_value(standard, k.type->shape());
  return out;
}

json object_schema(const value_type& object) {
  json properties = json::object();
  json required = json::array();
  for (const key& k : object.keys()) {
    properties[k.name] = key_schema(object, k);
    if (k.is_required) required.push_back(k.name);
  }
  json out{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}

json schema_of(const value_type& type) {
  switch (type.what()) {
    case value_type::kind::scalar: return scalar_schema(type.shape());
    case value_type::kind::object: return object_schema(type);
    case value_type::kind::list: {
      json items = schema_of(*type.element());
      json list{{"type", "array"}, {"items", items}};
      if (!type.takes_single()) return list;
      return {{"anyOf", json::array({std::move(items), std::move(list)})}};
    }
    case value_type::kind::map: return {{"type", "object"}, {"additionalProperties", schema_of(*type.element())}};
    case value_type::kind::word_or: {
      if (type.element()->what() == value_type::kind::scalar) return scalar_schema(type.shape());
      if (type.name().empty()) return schema_of(*type.element());
      json words = json::array();
      add_word(words, std::string(type.name()));
      return {{"anyOf", json::array({json{{"enum", std::move(words)}}, schema_of(*type.element())})}};
    }
    case value_type::kind::shorthand: {
      const auto keys = type.element()->keys();
      const auto named = std::ranges::find(keys, type.name(), &key::name);
      json short_form = named != keys.end() ? schema_of(*named->type) : json::object();
      return {{"anyOf", json::array({std::move(short_form), schema_of(*type.element())})}};
    }
  }
  return {};
}

}  // namespace

std::string to_json_schema(const value_type& root, std::string_view title) {
  json out{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", title}};
  out.update(schema_of(root));
  return out.dump(2) + '\n';
}

}  // namespace shoal::config
