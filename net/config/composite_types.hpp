// SPDX-License-Identifier: Apache-2.0
// The types of descriptions that hold others: objects, lists, maps, `off` or a value, an object that a scalar can stand
// for. The templates only move between a struct and void*; what they do stands in the classes of composite_types.cpp.
#pragma once

#include <shoal/net/config/value_type.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal::config {

namespace detail {

/// A std::vector, without its type.
struct list_access {
  std::function<void*(void* list)> add;
  std::function<std::size_t(const void* list)> size;
  std::function<const void*(const void* list, std::size_t index)> at;
  std::function<void(void* list)> clear;
};
/// A std::vector of pairs, without its type.
struct map_access {
  std::function<void*(void* map, std::string name)> add;
  std::function<std::size_t(const void* map)> size;
  std::function<std::pair<std::string_view, const void*>(const void* map, std::size_t index)> at;
};
/// A std::optional, without its type.
struct optional_access {
  std::function<void*(void* optional)> emplace;
  std::function<void(void* optional)> reset;
  std::function<const void*(const void* optional)> get;  ///< null if empty
};

using type_ptr = std::shared_ptr<const value_type>;
using scope_function = std::function<std::string(const void*)>;
using name_check = std::function<std::optional<problem>(std::string_view)>;

type_ptr make_object(std::string name, std::vector<key> keys, std::shared_ptr<const void> defaults,
                     std::string decided_by, scope_function scope);
type_ptr make_list(type_ptr element, list_access access, bool takes_single, std::size_t least, std::size_t most);
type_ptr make_map(type_ptr element, map_access access, name_check check);
type_ptr make_word_or(std::string word, type_ptr element, optional_access access);
type_ptr make_shorthand(std::string key_name, type_ptr object);

template <class T>
type_ptr list_of(type<T> element, bool takes_single, std::size_t least, std::size_t most) {
  using list = std::vector<T>;
  list_access access{
      .add = [](void* to) -> void* { return &static_cast<list*>(to)->emplace_back(); },
      .size = [](const void* of) { return static_cast<const list*>(of)->size(); },
      .at = [](const void* of, std::size_t i) -> const void* { return &(*static_cast<const list*>(of))[i]; },
      .clear = [](void* of) { static_cast<list*>(of)->clear(); },
  };
  return make_list(std::move(element.impl), std::move(access), takes_single, least, most);
}

}  // namespace detail

/// Values under names of the user's choice, in the order of the file.
template <class T>
using named_values = std::vector<std::pair<std::string, T>>;

/// A struct. `name` is what foreign_key::inside compares with.
template <class S>
[[nodiscard]] type<S> object(std::string name, std::vector<key> keys) {
  return {detail::make_object(std::move(name), std::move(keys), std::make_shared<const S>(), {}, {})};
}

/// A struct one of whose keys, `decided_by`, says which keys below it count: keys for other scopes are refused.
template <class S>
[[nodiscard]] type<S> scoped_object(std::string name, std::vector<key> keys, std::string decided_by,
                                    std::function<std::string(const S&)> scope) {
  auto erased = [scope = std::move(scope)](const void* object) { return scope(*static_cast<const S*>(object)); };
  return {detail::make_object(std::move(name), std::move(keys), std::make_shared<const S>(), std::move(decided_by),
                              std::move(erased))};
}

/// The keys of a base class, for the object of a class derived from it.
template <class Derived, class Base>
[[nodiscard]] std::vector<key> keys_of_base(std::vector<key> keys) {
  for (key& k : keys) {
    k.member = [inner = std::move(k.member)](void* object) {
      return inner(static_cast<Base*>(static_cast<Derived*>(object)));
    };
    k.view = [inner = std::move(k.view)](const void* object) {
      return inner(static_cast<const Base*>(static_cast<const Derived*>(object)));
    };
  }
  return keys;
}

template <class T>
[[nodiscard]] type<std::vector<T>> list(type<T> element, std::size_t least, std::size_t most) {
  return {detail::list_of(std::move(element), false, least, most)};
}

/// A list whose brackets may be left out where it has one item.
template <class T>
[[nodiscard]] type<std::vector<T>> one_or_list(type<T> element, std::size_t most) {
  return {detail::list_of(std::move(element), true, 1, most)};
}

template <class T>
[[nodiscard]] type<named_values<T>> map(type<T> element, detail::name_check check = {}) {
  using values = named_values<T>;
  detail::map_access access{
      .add = [](void* to, std::string name) -> void* {
        return &static_cast<values*>(to)->emplace_back(std::move(name), T{}).second;
      },
      .size = [](const void* of) { return static_cast<const values*>(of)->size(); },
      .at = [](const void* of, std::size_t i) -> std::pair<std::string_view, const void*> {
        const auto& [name, value] = (*static_cast<const values*>(of))[i];
        return {name, &value};
      },
  };
  return {detail::make_map(std::move(element.impl), std::move(access), std::move(check))};
}

/// `word` for none, else a T. Where the word is `off`, `false` is too.
template <class T>
[[nodiscard]] type<std::optional<T>> word_or(std::string word, type<T> element) {
  using optional = std::optional<T>;
  detail::optional_access access{
      .emplace = [](void* to) -> void* { return &static_cast<optional*>(to)->emplace(); },
      .reset = [](void* to) { static_cast<optional*>(to)->reset(); },
      .get = [](const void* of) -> const void* {
        const auto& value = *static_cast<const optional*>(of);
        return value ? &*value : nullptr;
      },
  };
  return {detail::make_word_or(std::move(word), std::move(element.impl), std::move(access))};
}

/// A T that may be left unwritten and has no word for it.
template <class T>
[[nodiscard]] type<std::optional<T>> optional(type<T> element) {
  return word_or<T>({}, std::move(element));
}

/// An object, or a scalar that is its key `key_name`.
template <class S>
[[nodiscard]] type<S> shorthand(std::string key_name, type<S> of) {
  return {detail::make_shorthand(std::move(key_name), std::move(of.impl))};
}

}  // namespace shoal::config
