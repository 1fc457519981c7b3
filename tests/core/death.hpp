// SPDX-License-Identifier: Apache-2.0
// Tells whether some code ends the program by a check that fails, by trying it in a child process.
//
// Thread rule: no other thread may run: a forked child has only the caller's.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace shoal::test {

/// True when `code` aborts. What the child prints is dropped.
template <class Code>
[[nodiscard]] bool aborts(Code code) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDERR_FILENO);
    code();
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace shoal::test
