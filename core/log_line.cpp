// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/log_line.hpp>

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace shoal {
namespace {

constexpr std::string_view indent = "\n         ";  // under the first letter after "12:41:20 "
/// Room kept for what ends a cut line: the mark, a closing JSON string and object, the newline.
constexpr std::size_t end_room = 16;
constexpr std::string_view cut_mark = "...";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Length of the well-formed UTF-8 sequence at the front, 0 if there is none (RFC 3629).
std::size_t utf8_sequence(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || s.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const auto second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  return overlong || surrogate || (first == 0xf4 && second > 0x8f) ? 0 : length;
}

/// Appends `message` piece by piece; `piece` says how many bytes it takes off the front and what they become. Ends with
/// a mark when the line would grow too long.
template <class Piece>
void append_pieces(std::string& line, std::string_view message, Piece piece) {
  while (!message.empty()) {
    std::array<char, 16> scratch{};
    const auto [taken, becomes] = piece(message, scratch);
    if (line.size() + becomes.size() + end_room > max_log_line) {
      line += cut_mark;
      return;
    }
    line += becomes;
    message.remove_prefix(taken);
  }
}

struct piece {
  std::size_t taken;
  std::string_view becomes;
};

/// prefix + two hexadecimal digits, built in `scratch`.
std::string_view hex(std::array<char, 16>& scratch, std::string_view prefix, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::size_t length = 0;
  for (const char p : prefix) scratch[length++] = p;
  scratch[length++] = digits[static_cast<unsigned char>(c) >> 4];
  scratch[length++] = digits[static_cast<unsigned char>(c) & 15];
  return {scratch.data(), length};
}

piece text_piece(std::string_view message, std::array<char, 16>& scratch) {
  const char c = message.front();
  if (c == '\n') return {.taken = 1, .becomes = indent};
  if (is_control(c)) return {.taken = 1, .becomes = hex(scratch, "\\x", c)};
  return {.taken = 1, .becomes = message.substr(0, 1)};
}

piece json_piece(std::string_view message, std::array<char, 16>& scratch) {
  switch (const char c = message.front()) {
    case '"': return {.taken = 1, .becomes = "\\\""};
    case '\\': return {.taken = 1, .becomes = "\\\\"};
    case '\n': return {.taken = 1, .becomes = "\\n"};
    case '\t': return {.taken = 1, .becomes = "\\t"};
    default:
      if (is_control(c)) return {.taken = 1, .becomes = hex(scratch, "\\u00", c)};
  }
  const auto length = utf8_sequence(message);
  return length == 0 ? piece{.taken = 1, .becomes = "\\ufffd"}
                     : piece{.taken = length, .becomes = message.substr(0, length)};
}

}  // namespace

std::string utc_text(std::chrono::system_clock::time_point at) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(at);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{ms - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::string_view log_line_writer::line(std::optional<time> at, log_level level, std::string_view message) {
  line_.clear();
  if (style_ == log_style::json) {
    json(at, level, message);
  } else {
    text(at, level, message);
  }
  line_ += '\n';
  return line_;
}

void log_line_writer::text(std::optional<time> at, log_level level, std::string_view message) {
  if (at) append_local_time(*at);
  if (level != log_level::info) {
    line_ += to_string(level);
    line_ += ": ";
  }
  append_pieces(line_, message, text_piece);
}

void log_line_writer::json(std::optional<time> at, log_level level, std::string_view message) {
  line_ += '{';
  if (at) fmt::format_to(std::back_inserter(line_), R"("time":"{}",)", utc_text(*at));
  fmt::format_to(std::back_inserter(line_), R"("level":"{}","message":")", to_string(level));
  append_pieces(line_, message, json_piece);
  line_ += "\"}";
}

void log_line_writer::append_local_time(time at) {
  const auto second = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(at));
  if (second != second_) {
    std::tm local{};
    static_cast<void>(::localtime_r(&second, &local));
    clock_text_ = fmt::format("{:02}:{:02}:{:02} ", local.tm_hour, local.tm_min, local.tm_sec);
    second_ = second;
  }
  line_ += clock_text_;
}

}  // namespace shoal
