// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/composite_types.hpp>

#include <shoal/net/config/reading.hpp>
#include <shoal/net/config/scalar_types.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace shoal::config {
namespace detail {
namespace {

bool is_unset(const node& value) { return value.what == node::kind::empty; }

class word_or_type final : public value_type {
 public:
  word_or_type(std::string word, type_ptr element, optional_access access)
      : element_(std::move(element)), access_(std::move(access)) {
    shape_ = element_->shape();
    if (!word.empty()) shape_.names.insert(shape_.names.begin(), word);
    word_ = std::move(word);
  }

  void read(reading& in, const node& from, void* to) const override {
    if (from.what == node::kind::scalar && is_word(in, from)) {
      access_.reset(to);
    } else {
      element_->read(in, from, access_.emplace(to));
    }
  }
  [[nodiscard]] node write(const void* value, const write_options& how) const override {
    const void* const inner = access_.get(value);
    if (inner != nullptr) return element_->write(inner, how);
    return word_.empty() ? node{} : node::scalar(word_);
  }
  [[nodiscard]] kind what() const noexcept override { return kind::word_or; }
  [[nodiscard]] const scalar_shape& shape() const override { return shape_; }
  [[nodiscard]] const value_type* element() const override { return element_.get(); }
  [[nodiscard]] std::string_view name() const override { return word_; }

 private:
  // A variable that isn't set is reported when the element reads the same text.
  [[nodiscard]] bool is_word(const reading& in, const node& from) const {
    if (word_.empty()) return false;
    const auto text = in.expanded(from.text);
    return text && (*text == word_ || as_switch(*text) == word_);
  }

  type_ptr element_;
  optional_access access_;
  std::string word_;  // empty: none
  scalar_shape shape_;
};

class list_type final : public value_type {
 public:
  list_type(type_ptr element, list_access access, bool takes_single, std::size_t least, std::size_t most)
      : element_(std::move(element)),
        access_(std::move(access)),
        takes_single_(takes_single),
        least_(least),
        most_(most) {}

  void read(reading& in, const node& from, void* to) const override {
    const bool is_single = takes_single_ && from.what == node::kind::scalar;
    if (!is_single && from.what != node::kind::list) {
      if (takes_single_) {
        // The element says best what it takes.
        element_->read(in, from, access_.add(to));
      } else {
        in.fail(from.at, {fmt::format("expected a list, found {}", name_of(from.what)),
                          "write `[ ... ]`, or lines that start with `- `"});
      }
      return;
    }
    access_.clear(to);
    if (is_single) {
      element_->read(in, from, access_.add(to));
      return;
    }
    if (from.items.size() < least_ || from.items.size() > most_) {
      in.fail(from.at, {fmt::format("{} items", from.items.size()), fmt::format("from {} to {}", least_, most_)});
      return;
    }
    for (std::size_t i = 0; i < from.items.size(); ++i) {
      const auto inside = in.enter_item(i, from.items[i].at);
      if (is_unset(from.items[i])) {
        in.fail(from.items[i].at, {"an empty item", "remove the `-`, or write something after it"});
      } else {
        element_->read(in, from.items[i], access_.add(to));
      }
    }
  }
  [[nodiscard]] node write(const void* value, const write_options& how) const override {
    // A list that can't be empty is one that isn't there.
    if (access_.size(value) == 0 && least_ > 0) return {};
    node out{.what = node::kind::list};
    for (std::size_t i = 0; i < access_.size(value); ++i) {
      out.items.push_back(element_->write(access_.at(value, i), how));
    }
    return out;
  }
  [[nodiscard]] kind what() const noexcept override { return kind::list; }
  [[nodiscard]] const value_type* element() const override { return element_.get(); }
  [[nodiscard]] bool takes_single() const override { return takes_single_; }
  [[nodiscard]] const scalar_shape& shape() const override { return element_->shape(); }

 private:
  type_ptr element_;
  list_access access_;
  bool takes_single_;
  std::size_t least_;
  std::size_t most_;
};

class map_type final : public value_type {
 public:
  map_type(type_ptr element, map_access access, name_check check)
      : element_(std::move(element)), access_(std::move(access)), check_(std::move(check)) {}

  void read(reading& in, const node& from, void* to) const override {
    if (from.what != node::kind::map) {
      in.fail(from.at, {fmt::format("expected a map, found {}", name_of(from.what)), "write `{ name: value }`"});
      return;
    }
    for (const map_entry& entry : from.entries) {
      const auto inside = in.enter(entry);
      if (auto wrong = check_ ? check_(entry.name) : std::nullopt) in.fail(entry.at, *std::move(wrong));
      void* const value = access_.add(to, entry.name);
      if (is_unset(entry.value)) {
        in.fail(entry.at, {"has no value", "write one, or remove the key"});
      } else {
        element_->read(in, entry.value, value);
      }
    }
  }
  [[nodiscard]] node write(const void* value, const write_options& how) const override {
    if (access_.size(value) == 0) return {};
    node out{.what = node::kind::map};
    for (std::size_t i = 0; i < access_.size(value); ++i) {
      const auto [name, inner] = access_.at(value, i);
      out.entries.push_back({.name = std::string(name), .at = {}, .value = element_->write(inner, how)});
    }
    return out;
  }
  [[nodiscard]] kind what() const noexcept override { return kind::map; }
  [[nodiscard]] const value_type* element() const override { return element_.get(); }

 private:
  type_ptr element_;
  map_access access_;
  name_check check_;
};

class shorthand_type final : public value_type {
 public:
  shorthand_type(std::string key_name, type_ptr object) : key_name_(std::move(key_name)), object_(std::move(object)) {}

  void read(reading& in, const node& from, void* to) const override {
    if (from.what != node::kind::scalar) {
      object_->read(in, from, to);
      return;
    }
    node object{.what = node::kind::map, .at = from.at};
    object.entries.push_back({.name = key_name_, .at = from.at, .value = from});
    object_->read(in, object, to);
  }
  [[nodiscard]] node write(const void* value, const write_options& how) const override {
    return object_->write(value, how);
  }
  [[nodiscard]] kind what() const noexcept override { return kind::shorthand; }
  [[nodiscard]] std::string_view name() const override { return key_name_; }
  [[nodiscard]] const value_type* element() const override { return object_.get(); }

 private:
  std::string key_name_;
  type_ptr object_;
};

}  // namespace

type_ptr make_list(type_ptr element, list_access access, bool takes_single, std::size_t least, std::size_t most) {
  return std::make_shared<const list_type>(std::move(element), std::move(access), takes_single, least, most);
}

type_ptr make_map(type_ptr element, map_access access, name_check check) {
  return std::make_shared<const map_type>(std::move(element), std::move(access), std::move(check));
}

type_ptr make_word_or(std::string word, type_ptr element, optional_access access) {
  return std::make_shared<const word_or_type>(std::move(word), std::move(element), std::move(access));
}

type_ptr make_shorthand(std::string key_name, type_ptr object) {
  return std::make_shared<const shorthand_type>(std::move(key_name), std::move(object));
}

}  // namespace detail
}  // namespace shoal::config
