// SPDX-License-Identifier: Apache-2.0
// inherited_sockets: what a parent handed down by systemd's protocol: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES (see
// sd_listen_fds(3)). `fd://3` and `fd://web` in a bind list name one of them; `fd://N` any other open descriptor too.
//
// Thread rule: find_inherited() reads the environment: at start, like getenv(3).
#pragma once

#include <shoal/buffers/errc.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace shoal {

struct inherited_socket {
  int fd;
  std::string name;  ///< "unknown" when the parent gave none, as systemd does
};

/// The sockets meant for process `pid`; none when the variables are for another process, missing or malformed.
[[nodiscard]] std::vector<inherited_socket> parse_inherited(const char* listen_pid, const char* listen_fds,
                                                            const char* listen_fdnames, long pid);
/// Those of this process.
[[nodiscard]] std::vector<inherited_socket> find_inherited();

/// The descriptors that "fd://..." names: one by its number, or all of a name. errc::invalid_argument: no such name, or
/// no number that fits.
[[nodiscard]] result<std::vector<int>> resolve_inherited(std::string_view number_or_name,
                                                         const std::vector<inherited_socket>& inherited);

}  // namespace shoal
