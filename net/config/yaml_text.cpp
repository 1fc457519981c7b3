// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/yaml_text.hpp>

#include <shoal/net/config/expand.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace shoal::config {
namespace {

bool is_plain(std::string_view text) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_harmless = [&](char c) { return is_letter_or_digit(c) || std::string_view("_./%-").contains(c); };
  return !text.empty() && (is_letter_or_digit(text.front()) || text.front() == '/') &&
         std::ranges::all_of(text, is_harmless) && text != "null" && text != "Null" && text != "NULL";
}

std::string scalar_text(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

void write(const node& from, std::size_t indent, std::string& out);

// What follows a `key:` or a `-` that stands at `indent`.
void write_value(const node& value, std::size_t indent, bool is_item, std::string& out) {
  if (value.what == node::kind::scalar) {
    out += ' ' + scalar_text(escape_dollars(value.text)) + '\n';
  } else if (value.what == node::kind::list && value.items.empty()) {
    out += " []\n";
  } else if (value.entries.empty() && value.items.empty()) {
    out += " {}\n";
  } else if (is_item) {
    // The first key of an item stands on the line of its dash.
    std::string inner;
    write(value, indent + 2, inner);
    out += ' ' + inner.substr(indent + 2);
  } else {
    out += '\n';
    write(value, indent + 2, out);
  }
}

void write(const node& from, std::size_t indent, std::string& out) {
  for (const map_entry& entry : from.entries) {
    out.append(indent, ' ');
    out += scalar_text(entry.name) + ':';
    write_value(entry.value, indent, false, out);
  }
  for (const node& item : from.items) {
    out.append(indent, ' ');
    out += '-';
    write_value(item, indent, true, out);
  }
}

}  // namespace

std::string to_yaml(const node& root) {
  std::string out;
  write(root, 0, out);
  return out;
}

}  // namespace shoal::config
