// SPDX-License-Identifier: Apache-2.0
// Log lines with values in them: log_info(log, "{}: {} connections", name, n). Placeholders are fmt's ("{}", "{:x}",
// "{:.1f}").
//
// Thread rule: any thread.
// The placeholders are counted at compile time; nothing is formatted while the level is off. The arguments are erased
// here and formatted in one .cpp, so that this header needs no fmt and a call costs its caller a few instructions.
#pragma once

#include <shoal/core/log.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace shoal {

/// One value of a log line. Anything with a to_string(x) found by argument-dependent lookup or a to_string() member
/// will do.
using log_argument =
    std::variant<bool, char, std::int64_t, std::uint64_t, double, const void*, std::string_view, std::string>;

template <class T>
[[nodiscard]] log_argument to_log_argument(const T& value) {
  if constexpr (std::same_as<T, bool> || std::same_as<T, char>) {
    return value;
  } else if constexpr (std::signed_integral<T>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::unsigned_integral<T>) {
    return static_cast<std::uint64_t>(value);
  } else if constexpr (std::floating_point<T>) {
    return static_cast<double>(value);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return std::string_view{value};
  } else if constexpr (std::same_as<T, std::error_code>) {
    return value.message();
  } else if constexpr (requires { value.to_string(); }) {
    return std::string{value.to_string()};
  } else if constexpr (requires { to_string(value); }) {
    return std::string{to_string(value)};
  } else {
    return static_cast<const void*>(value);  // a pointer
  }
}

/// A format string with as many placeholders as there are arguments; anything else does not compile.
template <class... Args>
struct checked_log_format {
  template <std::size_t N>
  explicit(false) consteval checked_log_format(const char (&literal)[N]) : text{literal, N - 1} {
    if (placeholders(text) != sizeof...(Args)) throw "as many {} as arguments";
  }
  std::string_view text;

 private:
  static consteval std::size_t placeholders(std::string_view format) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < format.size(); ++i) {
      if (format[i] != '{') continue;
      if (i + 1 < format.size() && format[i + 1] == '{') {
        ++i;
      } else {
        ++found;
      }
    }
    return found;
  }
};

template <class... Args>
using log_format = checked_log_format<std::type_identity_t<Args>...>;

/// Formats and writes. A specification that does not fit its value ("{:x}" for a string) shows the bare format string
/// instead.
void write_formatted(logger& log, log_level level, std::string_view format,
                     std::span<const log_argument> values) noexcept;

template <class... Args>
void log_at(logger& log, log_level level, log_format<Args...> format, const Args&... args) {
  if (!log.enabled(level)) return;
  const std::array<log_argument, sizeof...(Args)> values{to_log_argument(args)...};
  write_formatted(log, level, format.text, values);
}

template <class... Args>
void log_debug(logger& log, log_format<Args...> format, const Args&... args) {
  log_at<Args...>(log, log_level::debug, format, args...);
}
template <class... Args>
void log_info(logger& log, log_format<Args...> format, const Args&... args) {
  log_at<Args...>(log, log_level::info, format, args...);
}
template <class... Args>
void log_warning(logger& log, log_format<Args...> format, const Args&... args) {
  log_at<Args...>(log, log_level::warning, format, args...);
}
template <class... Args>
void log_error(logger& log, log_format<Args...> format, const Args&... args) {
  log_at<Args...>(log, log_level::error, format, args...);
}

}  // namespace shoal
