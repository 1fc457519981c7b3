// SPDX-License-Identifier: Apache-2.0
// What this build is: for `--version`, the first line of a start and bug reports.
//
// Thread rule: immutable, may be called from any thread.
#pragma once

#include <string>
#include <string_view>

namespace shoal {

struct build_info {
  std::string_view version;     ///< "0.1.0"
  std::string_view commit;      ///< "3f2a91c", "3f2a91c-dirty" with local changes, "unknown" outside a repository
  std::string_view compiler;    ///< "GCC 12.2.0"
  std::string_view build_type;  ///< "RelWithDebInfo"
};

/// The build of the library itself; it lives in one generated source, so a new commit recompiles one file.
[[nodiscard]] const build_info& build() noexcept;

/// For `--version`: "shoal-echo 0.1.0 (3f2a91c, GCC 12.2.0, epoll, io_uring)".
[[nodiscard]] std::string version_line(std::string_view program);

}  // namespace shoal
