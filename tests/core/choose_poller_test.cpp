// SPDX-License-Identifier: Apache-2.0
// Which poller is chosen, and what is said where io_uring is missing or forbidden.
#include <shoal/core/poller/choose_poller.hpp>

#include <shoal/core/poller/uring_error.hpp>
#include <shoal/core/poller/uring_poller.hpp>
#include <tests/core/poller_rig.hpp>
#include <tests/skip.hpp>

#include <boost/test/unit_test.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

using shoal::choose_poller;
using shoal::poller_kind;
using shoal::uring_errc;

namespace {

shoal::uring_maker lacking(uring_errc what) {
  return [what](shoal::host&, std::string_view) -> shoal::result<std::unique_ptr<shoal::poller>> {
    return shoal::fail(make_error_code(what));
  };
}

/// From now on io_uring_setup fails in this process as under a container's seccomp profile.
bool forbid_io_uring() {
  std::array<sock_filter, 4> program{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),  // the number of the system call
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// What a child process that may not use io_uring says; empty when it can't be forbidden here.
template <class Code>
std::string said_where_forbidden(Code code) {
  std::array<int, 2> pipe{};
  BOOST_REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = forbid_io_uring() ? code() : "";
    const auto written = ::write(pipe[1], said.data(), said.size());
    ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(pipe[1]);
  std::string said(500, '\0');
  const auto count = ::read(pipe[0], said.data(), said.size());
  said.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  ::close(pipe[0]);
  while (::waitpid(child, nullptr, 0) < 0) {
  }
  return said;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(choose_poller_suite)

BOOST_AUTO_TEST_CASE(automatic_is_epoll_while_io_uring_is_not_ahead) {
  const auto machine = shoal::make_real_host();
  const auto made = choose_poller(*machine, poller_kind::automatic, false, shoal::uring_poller::make);
  BOOST_REQUIRE(made.has_value());
  BOOST_TEST((*made)->name() == "epoll");
  BOOST_TEST((*made)->reason() == "auto: io_uring is not measured ahead of it");
}

BOOST_AUTO_TEST_CASE(automatic_takes_io_uring_once_it_is_ahead) {
  const auto machine = shoal::make_real_host();
  const auto made = choose_poller(*machine, poller_kind::automatic, true, shoal::uring_poller::make);
  BOOST_REQUIRE(made.has_value());
  const auto why = shoal::test::unavailable<shoal::test::uring_backend>();
  BOOST_TEST((*made)->name() == (why.empty() ? "io_uring" : "epoll"));
  BOOST_TEST((*made)->reason() == (why.empty() ? "auto: this kernel has all that is needed" : "auto: " + why));
}

BOOST_AUTO_TEST_CASE(automatic_falls_back_to_epoll_and_says_what_is_missing) {
  const auto machine = shoal::make_real_host();
  for (const auto lack : {uring_errc::forbidden, uring_errc::not_in_kernel, uring_errc::no_memory,
                          uring_errc::no_deferred_work, uring_errc::no_timed_wait, uring_errc::no_operation,
                          uring_errc::no_buffer_ring, uring_errc::no_multishot_receive}) {
    const auto made = choose_poller(*machine, poller_kind::automatic, true, lacking(lack));
    BOOST_REQUIRE(made.has_value());
    BOOST_TEST((*made)->name() == "epoll");
    BOOST_TEST((*made)->reason() == "auto: " + make_error_code(lack).message());
  }
}

BOOST_AUTO_TEST_CASE(io_uring_asked_for_by_name_is_an_error_that_names_what_is_missing) {
  const auto machine = shoal::make_real_host();
  const auto made = choose_poller(*machine, poller_kind::io_uring, true, lacking(uring_errc::no_deferred_work));
  BOOST_REQUIRE(!made.has_value());
  BOOST_TEST(made.error().message().find("DEFER_TASKRUN") != std::string::npos);
  BOOST_TEST((made.error() == std::errc::not_supported));
  BOOST_TEST((make_error_code(uring_errc::forbidden) == std::errc::permission_denied));
}

BOOST_AUTO_TEST_CASE(a_seccomp_profile_that_forbids_it) {
  const auto refused = said_where_forbidden([] {
    const auto machine = shoal::make_real_host();
    const auto made = machine->make_poller(poller_kind::io_uring);
    return made ? std::string{"it works"} : made.error().message();
  });
  if (refused.empty()) SHOAL_SKIP("no seccomp filter may be set here");
  BOOST_TEST(refused == "io_uring is forbidden here (seccomp or kernel.io_uring_disabled)");
  const auto chosen = said_where_forbidden([] {
    const auto machine = shoal::make_real_host();
    const auto made = choose_poller(*machine, poller_kind::automatic, true, shoal::uring_poller::make);
    return made ? std::string{(*made)->name()} + ", " + std::string{(*made)->reason()} : made.error().message();
  });
  BOOST_TEST(chosen == "epoll, auto: io_uring is forbidden here (seccomp or kernel.io_uring_disabled)");
}

BOOST_AUTO_TEST_SUITE_END()
