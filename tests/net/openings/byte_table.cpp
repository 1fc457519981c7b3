// SPDX-License-Identifier: Apache-2.0
#include <tests/net/openings/byte_table.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <charconv>
#include <fstream>

namespace shoal::test {
namespace {

constexpr std::string_view signature{"\r\n\r\n\0\r\nQUIT\n", 12};

char unescaped(char c) {
  switch (c) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case '0': return '\0';
    default: return c;
  }
}

/// Takes a quoted text from the front of `words`.
std::string quoted(std::string_view& words) {
  std::string out;
  words.remove_prefix(1);
  while (words.front() != '\'') {
    const bool is_escaped = words.front() == '\\';
    if (is_escaped) words.remove_prefix(1);
    out += is_escaped ? unescaped(words.front()) : words.front();
    words.remove_prefix(1);
  }
  words.remove_prefix(1);
  return out;
}

std::string hexadecimal(std::string_view word) {
  std::string out;
  BOOST_TEST_REQUIRE(word.size() % 2 == 0U, word);
  for (; !word.empty(); word.remove_prefix(2)) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + 2, value, 16);
    BOOST_TEST_REQUIRE((error == std::errc{} && end == word.data() + 2), word);
    out += static_cast<char>(value);
  }
  return out;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? "" : std::string(text.substr(first, text.find_last_not_of(' ') + 1 - first));
}

}  // namespace

std::string bytes_of(std::string_view words) {
  std::string out;
  while (true) {
    words.remove_prefix(std::min(words.find_first_not_of(' '), words.size()));
    if (words.empty()) return out;
    std::string word;
    if (words.front() == '\'') {
      word = quoted(words);
    } else {
      const auto end = std::min(words.find_first_of(" *"), words.size());
      word = words.substr(0, end) == "SIG" ? std::string(signature) : hexadecimal(words.substr(0, end));
      words.remove_prefix(end);
    }
    std::size_t times = 1;
    if (words.starts_with('*')) {
      const auto [end, error] = std::from_chars(words.data() + 1, words.data() + words.size(), times);
      words.remove_prefix(static_cast<std::size_t>(end - words.data()));
    }
    while (times-- > 0) out += word;
  }
}

std::vector<byte_row> byte_table(std::string_view file) {
  const std::string path = std::string(SHOAL_SOURCE_DIR) + "/tests/net/data/" + std::string(file);
  std::ifstream in(path);
  std::vector<byte_row> rows;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    std::array<std::string, 3> columns;
    for (std::string& column : columns) {
      const auto end = std::min(line.find(" | "), line.size());
      column = trimmed(line.substr(0, end));
      line.erase(0, std::min(end + 3, line.size()));
    }
    BOOST_TEST_REQUIRE(!columns[2].empty(), path + ", a row without a rule");
    rows.push_back({.bytes = bytes_of(columns[0]), .why = columns[1], .rule = columns[2], .line = number});
  }
  BOOST_TEST_REQUIRE(!rows.empty(), path);
  return rows;
}

}  // namespace shoal::test
