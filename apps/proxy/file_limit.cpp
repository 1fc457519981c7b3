// SPDX-License-Identifier: Apache-2.0
#include "proxy/file_limit.hpp"

#include <sys/resource.h>

namespace proxy {
namespace {

// Listeners, pollers, logs and the standard three; generous, since running out of files is worse than a few pairs less.
constexpr std::uint64_t other_files = 200;

}  // namespace

file_limit raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {1024, (1024 - other_files) / 2};
  if (limit.rlim_cur < limit.rlim_max) {
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  const std::uint64_t files = limit.rlim_cur;
  return {files, files > other_files ? (files - other_files) / 2 : 1};
}

}  // namespace proxy
