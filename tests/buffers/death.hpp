// SPDX-License-Identifier: Apache-2.0
// Runs what must end the process in a child, and reports what the child said on its way out.
//
// Thread rule: the test's main thread, with no other thread running.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace shoal::test {

struct death {
  bool died = false;  ///< by a signal or with a status other than 0
  std::string said;   ///< on stderr
};

template <class F>
[[nodiscard]] death death_of(F deadly) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    // The test framework's handlers would jump back into the tests.
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) std::signal(signal, SIG_DFL);
    ::dup2(ends[1], STDERR_FILENO);
    deadly();
    ::_exit(0);
  }
  ::close(ends[1]);
  death out;
  char piece[512];
  for (ssize_t n = 0; (n = ::read(ends[0], piece, sizeof piece)) > 0;)
    out.said.append(piece, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  out.died = status != 0;
  return out;
}

}  // namespace shoal::test
