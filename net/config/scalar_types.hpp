// SPDX-License-Identifier: Apache-2.0
// The scalar types of descriptions: numbers, text, durations, sizes, words of an enum, and whatever else one parser and
// one formatter make.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/net/config/nearest.hpp>
#include <shoal/net/config/reading.hpp>
#include <shoal/net/config/value_type.hpp>
#include <shoal/net/config/values/rate.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal::config {

template <class T>
using parser = std::function<std::expected<T, problem>(std::string_view)>;
template <class T>
using formatter = std::function<std::string(const T&)>;

template <class T>
class scalar_type final : public value_type {
 public:
  scalar_type(scalar_shape shape, parser<T> parse, formatter<T> format)
      : shape_(std::move(shape)), parse_(std::move(parse)), format_(std::move(format)) {}

  void read(reading& in, const node& from, void* to) const override {
    const auto text = in.text_of(from, shape_);
    if (!text) return;
    auto value = parse_(*text);
    if (value) {
      *static_cast<T*>(to) = *std::move(value);
    } else {
      in.fail(from.at, std::move(value.error()));
    }
  }
  [[nodiscard]] node write(const void* value, const write_options&) const override {
    std::string text = format_(*static_cast<const T*>(value));
    return text.empty() ? node{} : node::scalar(std::move(text));
  }
  [[nodiscard]] kind what() const noexcept override { return kind::scalar; }
  [[nodiscard]] const scalar_shape& shape() const override { return shape_; }

 private:
  scalar_shape shape_;
  parser<T> parse_;
  formatter<T> format_;
};

/// Any scalar: `parse` is the judge, `shape` tells others about it. A value that formats as "" is one that isn't set.
template <class T>
[[nodiscard]] type<T> scalar(scalar_shape shape, std::type_identity_t<parser<T>> parse,
                             std::type_identity_t<formatter<T>> format) {
  return {std::make_shared<const scalar_type<T>>(std::move(shape), std::move(parse), std::move(format))};
}

/// Whole numbers; T is any unsigned type that holds `most`.
template <class T>
[[nodiscard]] type<T> number(std::uint64_t least, std::uint64_t most);

[[nodiscard]] type<duration> duration_between(duration least, duration most, std::string example);
[[nodiscard]] type<std::uint64_t> size_between(std::uint64_t least, std::uint64_t most, std::string example);
[[nodiscard]] type<rate> any_rate();
[[nodiscard]] type<unsigned> percent(unsigned least = 0, unsigned most = 100);

/// Text that `check` finds nothing wrong with; "" is "not set" and can't be written.
using text_check = std::function<std::expected<std::string, problem>(std::string_view)>;
[[nodiscard]] type<std::string> text(std::string words, std::string example, text_check check = {});

/// A name that others refer to, and that logs and metrics show: letters, digits and - _ . : [ ], at most 64.
[[nodiscard]] type<std::string> name_text(std::string words, std::string example);

/// What `on` and `off` are in YAML 1.1, which other tools write.
[[nodiscard]] std::string_view as_switch(std::string_view text);

/// A fault for a word that is none of `names`, with the nearest of them.
[[nodiscard]] problem wrong_word(std::string_view text, const std::vector<std::string>& names);

/// The words of an enum.
template <class E>
[[nodiscard]] type<E> one_of(std::vector<std::pair<std::string, E>> words) {
  scalar_shape shape;
  for (const auto& [name, value] : words) shape.names.push_back(name);
  auto format = [words](const E& value) -> std::string {
    for (const auto& [name, known] : words) {
      if (known == value) return name;
    }
    return {};
  };
  auto parse = [words = std::move(words), names = shape.names](std::string_view text) -> std::expected<E, problem> {
    for (const auto& [name, value] : words) {
      if (name == text || name == as_switch(text)) return value;
    }
    return std::unexpected(wrong_word(text, names));
  };
  return scalar<E>(std::move(shape), std::move(parse), std::move(format));
}

}  // namespace shoal::config
