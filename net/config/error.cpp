// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace shoal::config {
namespace {

// Long enough for any name or address that people write, short enough to keep a message on one line.
constexpr std::size_t longest_quote = 64;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string to_text(const config_error& error) {
  auto text = fmt::format("{}:{}:{}: {}: {}", error.file, error.at.line, error.at.column, error.path, error.message);
  if (!error.hint.empty()) fmt::format_to(std::back_inserter(text), " ({})", error.hint);
  return text;
}

std::string to_text(std::span<const config_error> errors) {
  std::string text;
  for (const config_error& error : errors) text += to_text(error) + '\n';
  return text;
}

std::string to_json(std::span<const config_error> errors) {
  auto all = nlohmann::ordered_json::array();
  for (const config_error& error : errors) {
    all.push_back({{"file", error.file},
                   {"line", error.at.line},
                   {"column", error.at.column},
                   {"path", error.path},
                   {"message", error.message},
                   {"hint", error.hint}});
  }
  // File names and environment variables are bytes of any kind; the output is UTF-8 all the same.
  return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string in_quotes(std::string_view text) {
  std::string shown = "`";
  for (const char c : text.substr(0, longest_quote)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n') {
      shown += "\\n";
    } else if (is_control(c)) {
      fmt::format_to(std::back_inserter(shown), "\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  if (text.size() > longest_quote) shown += "...";
  return shown + '`';
}

report::report(std::string file) : file_(std::move(file)) {}

void report::add(position at, std::string_view path, problem what, bool not_yet) {
  if (errors_.size() == most_errors) {
    ++left_out_;
    return;
  }
  std::string shown(path.empty() ? whole_file : path);
  std::ranges::replace_if(shown, is_control, '?');
  const auto behind = std::ranges::upper_bound(errors_, at, {}, &config_error::at);
  errors_.insert(behind, {.file = file_,
                          .at = at,
                          .path = std::move(shown),
                          .message = std::move(what.message),
                          .hint = std::move(what.hint),
                          .not_yet = not_yet});
}

std::vector<config_error> report::take() {
  if (left_out_ > 0) {
    errors_.push_back({.file = file_,
                       .at = errors_.back().at,
                       .path = std::string(whole_file),
                       .message = fmt::format("{} more errors are not shown", left_out_),
                       .hint = {}});
    left_out_ = 0;
  }
  return std::exchange(errors_, {});
}

}  // namespace shoal::config
