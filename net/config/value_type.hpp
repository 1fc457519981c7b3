// SPDX-License-Identifier: Apache-2.0
// The description of a configuration: one tree of types and keys, from which everything else derives - reading into
// plain structs and its errors (reading.hpp), the printed configuration (yaml_text.hpp), the JSON Schema (schema.hpp),
// the tables of the manual (key_table.hpp).
//
// Thread rule: a description is immutable once built and may be shared by threads.
// Invariant: defaults stand in one place, the member initializers of the structs; the description asks a
// default-constructed struct for them.
#pragma once

#include <shoal/net/config/document.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal::config {

class reading;
class value_type;

/// What a scalar looks like, as far as schemas and manuals can say it; the parser of the type is the judge.
struct scalar_shape {
  std::string words;                         ///< "a duration": the rest besides `names`; empty if they are all
  std::string example;                       ///< a value somebody might write: "10s"
  std::string pattern;                       ///< ECMAScript, anchored; of the rest; empty: any text
  std::vector<std::string> names;            ///< words that are values: "auto", "off"
  std::optional<std::uint64_t> least, most;  ///< whole numbers of this range are values too
  bool is_text = false;                      ///< text of its own right: an empty one is "not set"
};

/// One key of an object.
struct key {
  std::string name;
  std::string doc;  ///< one or two sentences, without a full stop at the end of the last
  std::shared_ptr<const value_type> type;
  std::function<void*(void*)> member;            ///< from the object's struct to this key's member
  std::function<const void*(const void*)> view;  ///< the same, for looking only

  bool is_required = false;
  bool is_not_yet = false;        ///< described and checked, refused until its feature exists
  std::vector<std::string> only;  ///< if any: the values that exist today, as printed; others are "not yet"
  std::string scope;              ///< if any: counts only where the enclosing scope has this name ("http")
  std::string scope_reason;       ///< why it can't count elsewhere
  std::string default_words;      ///< replaces the default in tables, where it depends on something else

  // For use on the temporary that field() returns.
  [[nodiscard]] key required() &&;
  [[nodiscard]] key not_yet() &&;
  [[nodiscard]] key today_only(std::vector<std::string> values) &&;
  [[nodiscard]] key only_for(std::string scope_name, std::string reason) &&;
  [[nodiscard]] key default_is(std::string words) &&;
};

/// What a printed value leaves out.
struct write_options {
  bool with_not_yet = false;  ///< print keys whose feature doesn't exist yet
  std::string scope;          ///< keys of other scopes are left out
};

/// How one type of value is read, written and described.
class value_type {
 public:
  enum class kind : std::uint8_t {
    scalar,     ///< shape()
    object,     ///< keys(), name()
    list,       ///< element(), takes_single()
    map,        ///< element(): values under names of the user's choice
    word_or,    ///< name() (`off`, `auto`; empty: no word) or element()
    shorthand,  ///< element() is an object that may be written as the scalar of its key name()
  };

  value_type() = default;
  value_type(const value_type&) = delete;
  value_type& operator=(const value_type&) = delete;
  virtual ~value_type() = default;

  /// Reads `from` into the T at `to`. Faults go to `in`; `to` then keeps what it had.
  virtual void read(reading& in, const node& from, void* to) const = 0;
  /// The T at `value` as YAML; an empty node if it isn't set.
  [[nodiscard]] virtual node write(const void* value, const write_options& how) const = 0;

  [[nodiscard]] virtual kind what() const noexcept = 0;
  [[nodiscard]] virtual const scalar_shape& shape() const;
  [[nodiscard]] virtual std::span<const key> keys() const { return {}; }
  [[nodiscard]] virtual std::string_view name() const { return {}; }
  [[nodiscard]] virtual const value_type* element() const { return nullptr; }
  [[nodiscard]] virtual bool takes_single() const { return false; }
  /// Of an object: the default of one of its keys, as YAML.
  [[nodiscard]] virtual node default_of(const key&) const { return {}; }
};

/// A value_type that reads and writes a T: keeps descriptions and structs in step at compile time.
template <class T>
struct type {
  std::shared_ptr<const value_type> impl;
};

/// A key called `name` for a member of S.
template <class S, class M>
[[nodiscard]] key field(std::string_view name, M S::* member, type<M> of, std::string_view doc) {
  return {
      .name = std::string(name),
      .doc = std::string(doc),
      .type = std::move(of.impl),
      .member = [member](void* object) -> void* { return &(static_cast<S*>(object)->*member); },
      .view = [member](const void* object) -> const void* { return &(static_cast<const S*>(object)->*member); },
  };
}

}  // namespace shoal::config
