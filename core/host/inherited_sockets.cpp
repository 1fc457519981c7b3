// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/host/inherited_sockets.hpp>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace shoal {
namespace {

constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START
// More than any process may have open; keeps a mistyped variable from costing memory.
constexpr int most_inherited = 1 << 20;

std::optional<long> number_in(std::string_view text) {
  long value = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stop, code] = std::from_chars(begin, end, value);
  if (code != std::errc{} || stop != end || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::vector<inherited_socket> parse_inherited(const char* listen_pid, const char* listen_fds,
                                              const char* listen_fdnames, long pid) {
  std::vector<inherited_socket> found;
  if (listen_pid == nullptr || listen_fds == nullptr || number_in(listen_pid) != pid) return found;
  const auto count = number_in(listen_fds);
  if (!count || *count > most_inherited) return found;
  std::string_view names = listen_fdnames == nullptr ? "" : listen_fdnames;
  for (int i = 0; i < *count; ++i) {
    const auto name = names.substr(0, names.find(':'));
    found.push_back({first_inherited + i, std::string(name.empty() ? "unknown" : name)});
    names.remove_prefix(std::min(name.size() + 1, names.size()));
  }
  return found;
}

std::vector<inherited_socket> find_inherited() {
  // At start-up, where nobody changes the environment.
  const auto variable = [](const char* name) { return std::getenv(name); };  // NOLINT(concurrency-mt-unsafe)
  return parse_inherited(variable("LISTEN_PID"), variable("LISTEN_FDS"), variable("LISTEN_FDNAMES"), ::getpid());
}

result<std::vector<int>> resolve_inherited(std::string_view number_or_name,
                                           const std::vector<inherited_socket>& inherited) {
  if (const auto fd = number_in(number_or_name)) {
    if (*fd < first_inherited || *fd > most_inherited) return fail(errc::invalid_argument);
    return std::vector{static_cast<int>(*fd)};
  }
  std::vector<int> found;
  for (const auto& socket : inherited) {
    if (socket.name == number_or_name) found.push_back(socket.fd);
  }
  if (found.empty()) return fail(errc::invalid_argument);
  return found;
}

}  // namespace shoal
