// SPDX-License-Identifier: Apache-2.0
// One file being read: where in it we are, what it may ask of its surroundings, what was found wrong, and which keys it
// writes at which place - which the checks between keys need once the structs are full.
//
// Thread rule: one thread. The report, the surroundings and the description outlive it.
#pragma once

#include <shoal/net/config/error.hpp>
#include <shoal/net/config/expand.hpp>
#include <shoal/net/config/foreign_key.hpp>
#include <shoal/net/config/value_type.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::config {

/// What a configuration may ask of the world, handed in so that tests can make it up.
struct surroundings {
  environment_lookup environment;
  std::function<bool(const std::string& file)> readable;  ///< is there a file that this process may read?
  bool accept_not_yet = false;                            ///< leave out the "not yet supported" errors
};

/// The process's environment variables and files.
[[nodiscard]] surroundings real_surroundings();

class reading {
 public:
  reading(report& to, const surroundings& around, const value_type& root, std::span<const foreign_key> foreign)
      : report_(to), around_(around), root_(root), foreign_(foreign) {}

  // While values are read ----------------------------------------------------------------------------------------

  /// Steps into a key or an item for its lifetime.
  class [[nodiscard]] step {
   public:
    step(const step&) = delete;
    step& operator=(const step&) = delete;
    ~step() { in_.path_.resize(length_); }

   private:
    friend class reading;
    step(reading& in, std::size_t length) : in_(in), length_(length) {}
    reading& in_;
    std::size_t length_;
  };
  step enter(const map_entry& entry);
  step enter_item(std::size_t index, position at);

  /// A fault of the value that is being read.
  void fail(position at, problem what);
  /// The file is right and this version can't do it.
  void not_yet(position at, problem what);
  /// No "not yet" inside something that is one, for its lifetime.
  class [[nodiscard]] mute {
   public:
    explicit mute(reading& in) : in_(in) { ++in_.muted_; }
    mute(const mute&) = delete;
    mute& operator=(const mute&) = delete;
    ~mute() { --in_.muted_; }

   private:
    reading& in_;
  };

  /// A scalar's text with its variables replaced; with nothing, and a fault, for anything else.
  [[nodiscard]] std::optional<std::string> text_of(const node& from, const scalar_shape& shape);
  /// `text` with its variables replaced, if they are all set.
  [[nodiscard]] std::optional<std::string> expanded(std::string_view text) const;
  /// A key that `object` doesn't have: reports it with the best hint there is. The key that was meant counts as broken
  /// from then on, so that nobody is told that it is missing.
  void unknown_key(const map_entry& entry, const value_type& object);
  /// The current key counts only in `scope`; judged by close_scope(), because the key that decides may come later.
  void note_scope(position at, const key& scoped);
  void close_scope(std::string_view scope, std::string_view decided_by);

  /// How many faults so far: unchanged, what was read in between is sound.
  [[nodiscard]] std::size_t faults() const noexcept { return report_.count(); }
  /// True if further faults will be counted and not shown.
  [[nodiscard]] bool is_full() const noexcept { return report_.count() >= report::most_errors; }
  /// True if a fault was found in this key of the current object.
  [[nodiscard]] bool broken_here(std::string_view name) const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // Once the structs are full: checks between keys ----------------------------------------------------------------

  [[nodiscard]] bool readable(const std::string& file) const { return !around_.readable || around_.readable(file); }
  /// True if the file writes this key.
  [[nodiscard]] bool written(std::string_view path) const { return places_.contains(path); }
  /// True if a fault was found in this key or below it.
  [[nodiscard]] bool broken(std::string_view path) const { return broken_.contains(path); }
  /// True if the file writes this key and nothing is wrong with it.
  [[nodiscard]] bool sound(std::string_view path) const { return written(path) && !broken(path); }
  /// Where this key stands, or what it would stand in.
  [[nodiscard]] position place(std::string_view path) const;
  void fail_at(std::string_view path, problem what);
  void not_yet_at(std::string_view path, problem what);

 private:
  struct scoped_key {
    std::string path;
    position at;
    const key* what;
  };

  void mark_broken(std::string_view path);
  struct meaning {
    std::string hint;
    std::string meant;  // the key that the unknown one stands for, from its object; empty if that isn't known
  };
  [[nodiscard]] meaning meaning_of(std::string_view name, const value_type& object) const;

  report& report_;
  const surroundings& around_;
  const value_type& root_;
  std::span<const foreign_key> foreign_;
  std::string path_;
  unsigned muted_ = 0;
  std::map<std::string, position, std::less<>> places_;
  std::map<std::string, bool, std::less<>> broken_;
  std::vector<scoped_key> scoped_;
};

}  // namespace shoal::config
