// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/source_text.hpp>

#include <shoal/net/config/document.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace shoal::config {
namespace {

// The length of the UTF-8 sequence at the front, 0 if there is none: RFC 3629, so no overlong forms and no surrogates.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned least = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned most = first == 0xed ? 0x9f : 0xbf;
    return byte(1) >= least && byte(1) <= most && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned least = first == 0xf0 ? 0x90 : 0x80;
    const unsigned most = first == 0xf4 ? 0x8f : 0xbf;
    return byte(1) >= least && byte(1) <= most && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool is_forbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

}  // namespace

std::optional<std::string> read_source(const std::string& file, report& to) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    to.add({}, whole_file, {"is a directory", "name a YAML file"});
    return std::nullopt;
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    to.add({}, whole_file,
           {fmt::format("can't be read: {}", std::generic_category().message(errno)),
            "name a YAML file, for example configs/quickstart.yaml"});
    return std::nullopt;
  }
  std::string text(longest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) {
    to.add({}, whole_file, {"can't be read to its end", "look at the disk it lies on"});
    return std::nullopt;
  }
  return text;
}

bool check_source(std::string_view text, report& to) {
  if (text.size() > longest_file) {
    to.add({}, whole_file, {fmt::format("is longer than {} MiB", longest_file >> 20), "is it a configuration?"});
    return false;
  }
  position at;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text.substr(i));
    if (length == 0) {
      to.add(
          at, whole_file,
          {fmt::format("byte 0x{:02x} is not UTF-8", static_cast<unsigned char>(text[i])), "save the file as UTF-8"});
      return false;
    }
    if (length == 1 && is_forbidden(text[i])) {
      to.add(at, whole_file,
             {fmt::format("control byte 0x{:02x}", static_cast<unsigned char>(text[i])),
              "remove it, or write it escaped in double quotes"});
      return false;
    }
    at.column += static_cast<unsigned>(length);
    if (text[i] == '\n') at = {.line = at.line + 1, .column = 1};
    i += length;
  }
  return true;
}

bool report_tabs(std::string_view text, report& to) {
  bool any = false;
  unsigned line = 1;
  while (!text.empty()) {
    const std::string_view row = text.substr(0, text.find('\n'));
    const std::size_t indentation = row.find_first_not_of(" \t");
    const std::size_t tab = row.find('\t');
    if (tab < indentation && indentation != std::string_view::npos) {
      to.add({.line = line, .column = static_cast<unsigned>(tab) + 1}, whole_file,
             {"a tab in the indentation", "YAML indents with spaces"});
      any = true;
    }
    text.remove_prefix(row.size() == text.size() ? row.size() : row.size() + 1);
    ++line;
  }
  return any;
}

}  // namespace shoal::config
