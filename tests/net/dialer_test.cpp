// SPDX-License-Identifier: Apache-2.0
// Dialling: outcomes keep their names, owners keep what they own, and dialled connections obey the same rules.
#include <shoal/net/dialer.hpp>

#include <shoal/core/sleep.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

using shoal::address;
using shoal::connection;
using shoal::connection_owner;
using shoal::dial_options;
using shoal::dialer;
using shoal::profile_ptr;
using shoal::shard;
using shoal::task;
using shoal::test::event_log;
using shoal::test::get;
using shoal::test::listening_peer;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

/// How the dialled connections of a test behave: hooks that note what happens.
profile_ptr noting(event_log& events, wire on) {
  auto made = shoal::make_profile();
  made->options = shoal::test::options_on(on);
  made->hooks.on_prepare = [&](connection& c) {
    events.add("prepare");
    c.add_close_callback([&](connection&) { events.add("callback"); });
  };
  made->hooks.on_connect = [&](connection&) { events.add("connect"); };
  made->hooks.on_disconnect = [&](connection&, std::error_code reason) { events.add("disconnect:" + word_of(reason)); };
  return made;
}

/// Dials and drops the connection at once; "connected" or why not.
task<std::error_code> try_dial(address target, shoal::duration timeout, event_log& events, wire on) {
  dialer out{shard::current(), noting(events, on)};
  const dial_options options{.timeout = timeout, .tcp = {}, .source = {}};
  auto dialled = co_await out.dial(target, options);
  if (!dialled) co_return dialled.error();
  co_return std::error_code{};
}

task<std::string> ask(address target, std::string question, std::size_t answer, event_log& events, wire on) {
  dialer out{shard::current(), noting(events, on)};
  const dial_options options;
  auto dialled = co_await out.dial(target, options);
  if (!dialled) co_return word_of(dialled.error());
  connection& c = **dialled;
  static_cast<void>(c.output().write_string(question));
  c.flush();
  auto text = co_await c.reader().read_string(answer);
  co_return text ? *text : word_of(text.error());
}

task<std::string> read_to_the_end(address target, event_log& events, wire on) {
  dialer out{shard::current(), noting(events, on)};
  const dial_options options;
  auto dialled = co_await out.dial(target, options);
  if (!dialled) co_return word_of(dialled.error());
  connection& c = **dialled;
  std::string all;
  for (;;) {
    auto bytes = co_await c.reader().take_all();
    if (!bytes) co_return all + ":" + word_of(bytes.error());
    all += bytes->to_string();
  }
}

task<> dial_and_release(address target, profile_ptr profile) {
  dialer out{shard::current(), std::move(profile)};
  const dial_options options;
  auto dialled = co_await out.dial(target, options);
  if (dialled) dialled->release();
}

/// A listening socket whose queue is full: further SYNs are dropped.
class full_listener {
 public:
  full_listener() : listener_("127.0.0.1:0", 0) {
    for (int i = 0; i < 4; ++i) {
      fds_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      const auto name = listener_.where().view();
      static_cast<void>(::connect(fds_.back(), name.data, name.size));
    }
  }
  full_listener(const full_listener&) = delete;
  full_listener& operator=(const full_listener&) = delete;
  ~full_listener() {
    for (const int fd : fds_) ::close(fd);
  }
  [[nodiscard]] const address& where() const { return listener_.where(); }

 private:
  listening_peer listener_;
  std::vector<int> fds_;
};

std::string unix_path(const char* name) { return "/tmp/shoal-test-" + std::to_string(::getpid()) + "-" + name; }

}  // namespace

BOOST_AUTO_TEST_SUITE(dialer_suite)

SHOAL_WIRE_TEST(a_dialled_connection_asks_and_reads_the_answer) {
  event_log events;
  net_rig rig{on};
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  });
  rig.start();
  const address target = rig.where();
  BOOST_TEST(rig.run_task([&] { return ask(target, "hello", 5, events, on); }) == "hello");
  // The owner went out of scope: an orderly close, by the same hooks as an accepted connection.
  BOOST_TEST(events.wait_for("callback"));
  BOOST_TEST(events.all() == "prepare connect disconnect:closed callback ");
}

SHOAL_WIRE_TEST(a_dialled_connection_reads_everything_up_to_eof) {
  event_log events;
  net_rig rig{on};
  rig.start();
  listening_peer target;
  auto read = rig.start_task([&] { return read_to_the_end(target.where(), events, on); });
  peer other = target.accept(on);
  const std::string text = shoal::test::pattern(1'000'000);
  BOOST_TEST(other.send(text));
  other.close();
  BOOST_TEST((get(std::move(read)) == text + ":eof"));
}

BOOST_AUTO_TEST_CASE(a_refused_connection_keeps_its_error) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  listening_peer target;
  const address where = target.where();
  target.close();
  const auto error = rig.run_task([&] { return try_dial(where, 5s, events, wire::plain); });
  BOOST_TEST((error == std::errc::connection_refused), error.message());
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
  BOOST_TEST(events.all() == "prepare callback ");  // it was never connected
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_drops_syns_is_a_connect_timeout) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  const full_listener target;
  const auto error = rig.run_task([&] { return try_dial(target.where(), 50ms, events, wire::plain); });
  BOOST_TEST((error == shoal::errc::connect_timeout), error.message());
  BOOST_TEST((error == std::errc::timed_out));
}

SHOAL_WIRE_TEST(unix_sockets_are_dialled_too) {
  event_log events;
  const std::string path = "unix:" + unix_path("serve");
  net_rig rig{on, 1, [&](shoal::server_options& o) { o.bind = path; }};
  rig.server().on_request([](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  });
  rig.start();
  const address target = rig.where();
  BOOST_TEST(rig.run_task([&] { return ask(target, "local", 5, events, on); }) == "local");
  rig.stop();
  BOOST_TEST(::access(unix_path("serve").c_str(), F_OK) != 0);  // the file is gone
}

BOOST_AUTO_TEST_CASE(a_unix_dial_that_cannot_succeed_ends_in_time) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  const address nobody = *shoal::parse_address("unix:" + unix_path("nobody"));
  const auto missing = rig.run_task([&] { return try_dial(nobody, 5s, events, wire::plain); });
  BOOST_TEST((missing == std::errc::no_such_file_or_directory), missing.message());
  // A full queue: netpoll's dial waited for ever.
  listening_peer full{"unix:" + unix_path("full"), 0};
  std::vector<peer> waiting;
  for (int i = 0; i < 2; ++i) waiting.emplace_back(full.where(), wire::plain);
  const auto start = std::chrono::steady_clock::now();
  const auto error = rig.run_task([&] { return try_dial(full.where(), 50ms, events, wire::plain); });
  BOOST_TEST((error == shoal::errc::connect_timeout), error.message());
  BOOST_TEST((std::chrono::steady_clock::now() - start > 40ms));  // the time of a turn is a little old
  // And one that gets room in time gets through.
  auto later = rig.start_task([&] { return try_dial(full.where(), 20s, events, wire::plain); });
  rig.turns();
  std::vector<peer> accepted;
  for (int i = 0; i < 2; ++i) accepted.push_back(full.accept());
  BOOST_TEST(!get(std::move(later)));
}

BOOST_AUTO_TEST_CASE(a_stop_token_ends_a_dial) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  const full_listener target;
  std::stop_source stop;
  auto dialling = rig.start_task([&] {
    return [](address where, std::stop_token token) -> task<std::error_code> {
      dialer out{shard::current(), shoal::make_profile()};
      dial_options options;
      options.timeout = 30s;
      options.stop = token;
      auto dialled = co_await out.dial(where, options);
      if (dialled) co_return std::error_code{};
      co_return dialled.error();
    }(target.where(), stop.get_token());
  });
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1; }));
  rig.on_shard([&] { stop.request_stop(); });
  const auto error = get(std::move(dialling));
  BOOST_TEST((error == shoal::errc::cancelled), error.message());
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_target_may_be_text) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  const auto dial_text = [](std::string text, std::vector<shoal::dial_failure>& failures) -> task<std::error_code> {
    dialer out{shard::current(), shoal::make_profile()};
    dial_options options;
    options.failures = &failures;
    auto dialled = co_await out.dial(text, options);
    if (dialled) co_return std::error_code{};
    co_return dialled.error();
  };
  std::vector<shoal::dial_failure> failures;
  const std::string port = std::to_string(rig.where().port());
  BOOST_TEST(!rig.run_task([&] { return dial_text("127.0.0.1:" + port, failures); }));
  BOOST_TEST(!rig.run_task([&] { return dial_text("localhost:" + port, failures); }));
  BOOST_TEST((rig.run_task([&] { return dial_text("nonsense", failures); }) == shoal::errc::invalid_argument));
  failures.clear();
  const std::string nobody = "unix:" + unix_path("nobody");
  BOOST_TEST((rig.run_task([&] { return dial_text(nobody, failures); }) == std::errc::no_such_file_or_directory));
  BOOST_TEST(to_string(failures) == nobody + ": No such file or directory");
}

BOOST_AUTO_TEST_CASE(a_released_connection_lives_on_by_its_hooks) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  listening_peer target;
  auto done = rig.start_task([&]() {
    auto profile = shoal::make_profile();
    profile->hooks.on_request = [&](connection& c) { events.add(*c.input().read_string(c.input().len())); };
    profile->hooks.on_disconnect = [&](connection&, std::error_code reason) { events.add(word_of(reason)); };
    return dial_and_release(target.where(), profile);
  });
  peer other = target.accept();
  get(std::move(done));
  BOOST_TEST(other.send("news"));
  BOOST_TEST(events.wait_for("news"));
  BOOST_TEST(rig.with_connection([](connection& c) { return c.is_active() && c.is_dialled(); }));
  other.close();
  BOOST_TEST(events.wait_for("eof"));
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_prepare_hook_that_closes_refuses_the_dial) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  listening_peer target;
  const auto error = rig.run_task([&]() {
    return [](address where) -> task<std::error_code> {
      auto profile = shoal::make_profile();
      profile->hooks.on_prepare = [](connection& c) { c.close(); };
      dialer out{shard::current(), profile};
      const dial_options options;
      auto dialled = co_await out.dial(where, options);
      if (dialled) co_return std::error_code{};
      co_return dialled.error();
    }(target.where());
  });
  BOOST_TEST((error == shoal::errc::closed), error.message());
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_dial_binds_its_source_address) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  listening_peer target;
  auto local = rig.start_task([&]() {
    return [](address where) -> task<std::string> {
      dialer out{shard::current(), shoal::make_profile()};
      dial_options options;
      options.source = *shoal::parse_address("127.0.0.77:0");
      auto dialled = co_await out.dial(where, options);
      if (!dialled) co_return dialled.error().message();
      co_return to_string((*dialled)->local()->with_port(0));
    }(target.where());
  });
  const peer other = target.accept();
  BOOST_TEST(get(std::move(local)) == "127.0.0.77:0");
}

BOOST_AUTO_TEST_CASE(an_owned_connection_stays_valid_after_the_peer_reset_it) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  listening_peer target;
  auto ended = rig.start_task([&]() {
    return [](address where, event_log& log) -> task<std::string> {
      dialer out{shard::current(), noting(log, wire::plain)};
      const dial_options options;
      auto dialled = co_await out.dial(where, options);
      connection& c = **dialled;
      auto bytes = co_await c.reader().next(1);
      const std::string first = word_of(bytes.error());
      auto pause = shoal::sleep_for(10ms);
      co_await pause;  // it is finished by now, but not gone
      auto flushed = co_await c.flush();
      auto again = co_await c.reader().next(1);
      co_return first + ":" + word_of(flushed.error()) + ":" + word_of(again.error());
    }(target.where(), events);
  });
  peer other = target.accept();
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1 && net_rig::only_connection().is_active(); }));
  other.reset();
  BOOST_TEST(get(std::move(ended)) == "reset:reset:reset");
  BOOST_TEST(events.all() == "prepare connect disconnect:reset callback ");
}

BOOST_AUTO_TEST_CASE(a_dial_in_progress_ends_when_the_runtime_stops) {
  event_log events;
  net_rig rig{wire::plain};
  rig.start();
  const full_listener target;
  auto dialling = rig.start_task([&] { return try_dial(target.where(), 30s, events, wire::plain); });
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1; }));
  rig.stop();
  const auto error = get(std::move(dialling));
  BOOST_TEST((error == shoal::errc::stopped), error.message());
}

BOOST_AUTO_TEST_SUITE_END()
