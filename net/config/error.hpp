// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration, and where: every fault of a file is collected, none stops the search for others.
//
// Thread rule: a report belongs to one thread; a config_error is a plain value.
// Invariant: what report::take() returns is sorted by position and never longer than report::most_errors + 1.
#pragma once

#include <compare>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::config {

/// A place in a file. Lines and columns count from 1, columns in bytes, as compilers and editors do.
struct position {
  unsigned line = 1;
  unsigned column = 1;

  friend auto operator<=>(const position&, const position&) = default;
};

/// What is wrong and what would be right, before anybody knows where: what the parsers of single values return.
struct problem {
  std::string message;
  std::string hint;  ///< may be empty
};

/// One fault of a file.
struct config_error {
  std::string file;
  position at;
  std::string path;  ///< "listeners[0].bind", or whole_file
  std::string message;
  std::string hint;      ///< may be empty
  bool not_yet = false;  ///< the file is right and this version can't do it

  friend bool operator==(const config_error&, const config_error&) = default;
};

/// The path of a fault that belongs to no key.
inline constexpr std::string_view whole_file = "(file)";

/// "file:line:column: path: message (hint)", without a line end.
[[nodiscard]] std::string to_text(const config_error& error);
/// One line for each.
[[nodiscard]] std::string to_text(std::span<const config_error> errors);
/// An array of {file, line, column, path, message, hint}, for editors and pipelines; ends in a line end.
[[nodiscard]] std::string to_json(std::span<const config_error> errors);

/// `text` in backticks, as messages show what somebody wrote: control bytes escaped, cut where it gets long.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The faults of one file.
class report {
 public:
  /// More than these are counted, not kept: a file that is no configuration at all must not fill a screen or a disk.
  static constexpr std::size_t most_errors = 500;

  explicit report(std::string file);

  void add(position at, std::string_view path, problem what, bool not_yet = false);

  [[nodiscard]] bool empty() const noexcept { return errors_.empty(); }
  /// How many were added, those that were not kept included.
  [[nodiscard]] std::size_t count() const noexcept { return errors_.size() + left_out_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// All of them in the order of the file. The report is empty afterwards.
  [[nodiscard]] std::vector<config_error> take();

 private:
  std::string file_;
  std::vector<config_error> errors_;
  std::size_t left_out_ = 0;
};

}  // namespace shoal::config
