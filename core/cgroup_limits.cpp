// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/cgroup_limits.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace shoal {
namespace {

/// One mounted cgroup hierarchy and where in it this process is.
struct hierarchy {
  std::string mount;      // where it is mounted, with the root before it
  std::string directory;  // this process's cgroup below it: "" or "/a/b"
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in{std::string{text}};
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The first line of a file, split at blanks; empty when there is none.
std::vector<std::string> words_of(const std::string& path) {
  const auto lines = lines_of(path);
  return lines.empty() ? std::vector<std::string>{} : split(lines.front(), ' ');
}

std::optional<std::uint64_t> number(const std::vector<std::string>& words, std::size_t index) {
  if (index >= words.size()) return std::nullopt;
  std::uint64_t value = 0;
  const auto& text = words[index];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;  // "max", "-1"
  return value;
}

/// /proc/self/cgroup has lines "4:memory:/path" and, for version 2, "0::/path". An empty controller means version 2.
std::optional<std::string> path_of(const std::string& root, std::string_view controller) {
  for (const auto& line : lines_of(root + "/proc/self/cgroup")) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : contains(split(controllers, ','), controller))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The process's path below the mount. A container without a cgroup namespace sees the host's path but mounts only its
/// own part (mountinfo's root says which); with one it may see "/..". Where the two don't meet, the mount itself is the
/// best guess.
std::string below(const std::string& path, const std::string& mount_root) {
  if (path.find("/..") != std::string::npos || path == "/") return {};
  if (mount_root == "/") return path;
  if (path.starts_with(mount_root + "/")) return path.substr(mount_root.size());
  return {};
}

/// mountinfo: "id parent major:minor ROOT MOUNT-POINT options [optional]... - TYPE source SUPER-OPTIONS".
std::optional<hierarchy> find_hierarchy(const std::string& root, std::string_view controller) {
  const auto path = path_of(root, controller);
  if (!path) return std::nullopt;
  for (const auto& line : lines_of(root + "/proc/self/mountinfo")) {
    const auto words = split(line, ' ');
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    const bool fits =
        controller.empty() ? dash[1] == "cgroup2" : dash[1] == "cgroup" && contains(split(dash[3], ','), controller);
    if (fits) return hierarchy{.mount = root + words[4], .directory = below(*path, words[3])};
  }
  return std::nullopt;
}

/// Calls `read` with the process's cgroup and each of its visible parents.
template <class Read>
void for_each_level(const std::optional<hierarchy>& where, Read read) {
  if (!where) return;
  for (auto directory = where->directory;; directory.resize(directory.rfind('/'))) {
    read(where->mount + directory + "/");
    if (directory.find('/') == std::string::npos) return;
  }
}

void lower_to(double& limit, std::optional<std::uint64_t> quota, std::optional<std::uint64_t> period) {
  if (quota && period && *period > 0)
    limit = std::min(limit, static_cast<double>(*quota) / static_cast<double>(*period));
}

void lower_to(std::size_t& limit, std::optional<std::uint64_t> bytes) {
  // Version 1 writes "no limit" as the largest multiple of the page size.
  constexpr std::uint64_t unlimited = std::uint64_t{1} << 62;
  if (bytes && *bytes < unlimited) limit = std::min(limit, static_cast<std::size_t>(*bytes));
}

}  // namespace

cgroup_limits read_cgroup_limits(const std::string& root) {
  cgroup_limits limits;
  for_each_level(find_hierarchy(root, ""), [&](const std::string& at) {
    const auto max = words_of(at + "cpu.max");
    lower_to(limits.cpus, number(max, 0), number(max, 1));
    lower_to(limits.memory_bytes, number(words_of(at + "memory.max"), 0));
  });
  for_each_level(find_hierarchy(root, "cpu"), [&](const std::string& at) {
    lower_to(limits.cpus, number(words_of(at + "cpu.cfs_quota_us"), 0), number(words_of(at + "cpu.cfs_period_us"), 0));
  });
  for_each_level(find_hierarchy(root, "memory"), [&](const std::string& at) {
    lower_to(limits.memory_bytes, number(words_of(at + "memory.limit_in_bytes"), 0));
  });
  return limits;
}

}  // namespace shoal
