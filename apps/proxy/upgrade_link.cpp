// SPDX-License-Identifier: Apache-2.0
#include "proxy/upgrade_link.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace proxy {
namespace {

constexpr std::string_view end_of_sockets = "end";
constexpr std::string_view serving = "ready";

}  // namespace

shoal::result<void> send_sockets(shoal::process_link& link, std::span<const shoal::bound_socket> sockets) {
  while (!sockets.empty()) {
    const auto some = sockets.first(std::min(sockets.size(), shoal::process_link::most_descriptors));
    std::string names;
    std::vector<int> fds;
    for (const auto& one : some) {
      names += one.name + '\n';
      fds.push_back(one.fd);
    }
    if (auto sent = link.send(names, fds); !sent) return sent;
    sockets = sockets.subspan(some.size());
  }
  return link.send(end_of_sockets);
}

successor wait_for_successor(shoal::process_link& link, shoal::duration patience) {
  const auto said = link.receive(patience);
  if (said) return said->text == serving ? successor::serves : successor::is_silent;
  return said.error() == shoal::errc::timed_out ? successor::is_silent : successor::has_ended;
}

std::optional<shoal::process_link> find_predecessor() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread runs yet
  const char* const value = std::getenv(upgrade_variable);
  if (value == nullptr) return std::nullopt;
  const std::string text = value;
  ::unsetenv(upgrade_variable);  // NOLINT(concurrency-mt-unsafe): likewise
  int fd = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  auto link = shoal::process_link::inherited(fd);
  if (!link) return std::nullopt;
  return *std::move(link);
}

shoal::result<void> receive_sockets(shoal::process_link& link, shoal::handed_sockets& into) {
  while (true) {
    auto came = link.receive();
    if (!came) return std::unexpected(came.error());
    std::string_view names = came->text;
    if (names == end_of_sockets) return {};
    for (const int fd : came->fds) {
      const std::size_t length = names.find('\n');
      into.add(std::string{names.substr(0, length)}, fd);
      names.remove_prefix(std::min(names.size(), length + 1));
    }
  }
}

void say_ready(shoal::process_link& link) {
  // If it fails, the process before has ended: then nobody waits.
  static_cast<void>(link.send(serving));
}

}  // namespace proxy
