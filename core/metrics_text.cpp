// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/metrics_text.hpp>

#include <fmt/format.h>

#include <iterator>

namespace shoal {
namespace {

void append_quoted(std::string& to, std::string_view value) {
  to += '"';
  for (const char c : value) {
    if (c == '\n') {
      to += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  to += '"';
}

}  // namespace

void metrics_text::begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

void metrics_text::name_with(labels of) {
  text_ += name_;
  char before = '{';
  for (const auto& [label, value] : of) {
    text_ += before;
    text_ += label;
    text_ += '=';
    append_quoted(text_, value);
    before = ',';
  }
  if (of.size() != 0) text_ += '}';
  text_ += ' ';
}

void metrics_text::sample(labels of, std::uint64_t value) {
  name_with(of);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void metrics_text::sample(labels of, double value) {
  name_with(of);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

}  // namespace shoal
