// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/log.hpp>

#include <shoal/core/log_format.hpp>
#include <shoal/core/log_gate.hpp>
#include <shoal/core/log_line.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using shoal::log_collector;
using shoal::log_level;
using shoal::log_style;
using shoal::logger;
using namespace std::chrono_literals;

namespace {

using strings = std::vector<std::string>;

constexpr std::chrono::sys_days day{std::chrono::January / 31 / 2026};

shoal::wall_clock fixed(std::chrono::system_clock::duration since_midnight) {
  return [=] { return std::chrono::system_clock::time_point{day} + since_midnight; };
}

/// Local time is UTC while one of these lives.
struct utc {
  utc() { set("UTC"); }
  ~utc() { set(nullptr); }
  utc(const utc&) = delete;
  utc& operator=(const utc&) = delete;
  static void set(const char* zone) {
    if (zone != nullptr) {
      ::setenv("TZ", zone, 1);  // NOLINT(concurrency-mt-unsafe): no other thread runs then
    } else {
      ::unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe)
    }
    ::tzset();
  }
};

class temporary_folder {
 public:
  temporary_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "shoal-log-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~temporary_folder() { std::filesystem::remove_all(path_); }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

strings lines_of(const std::string& path) {
  strings lines;
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

struct named {
  int number;
  friend std::string to_string(const named& n) { return "number " + std::to_string(n.number); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(log_suite)

BOOST_AUTO_TEST_CASE(text_lines_read_as_in_the_manual) {
  const utc zone;
  log_collector lines;
  logger log{{.level = log_level::trace, .clock = fixed(12h + 41min + 20s + 999ms), .collector = &lines}};
  log.write(log_level::info, "draining 0 connections");
  log.write(log_level::warning, "half of it is gone");
  log.write(log_level::info, "stopped: 1 connection\nleft over: 0 fds");
  BOOST_TEST(lines.take() == (strings{"12:41:20 draining 0 connections", "12:41:20 warning: half of it is gone",
                                      "12:41:20 stopped: 1 connection\n         left over: 0 fds"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(text_shows_local_time) {
  utc::set("XYZ-2");
  log_collector lines;
  logger log{{.clock = fixed(22h + 30min), .collector = &lines}};
  log.write(log_level::info, "x");
  BOOST_TEST(lines.take().at(0) == "00:30:00 x");
  utc::set(nullptr);
}

BOOST_AUTO_TEST_CASE(json_lines) {
  log_collector lines;
  logger log{{.style = log_style::json, .clock = fixed(9h + 5ms), .collector = &lines}};
  log.write(log_level::error, "a \"quoted\"\\ \n\t\x01 \xc3\xa9 \xff\xc3");
  BOOST_TEST(
      lines.take().at(0) ==
      "{\"time\":\"2026-01-31T09:00:00.005Z\",\"level\":\"error\",\"message\":\"a \\\"quoted\\\"\\\\ \\n\\t\\u0001 "
      "\xc3\xa9 \\ufffd\\ufffd\"}");
  logger timeless{{.style = log_style::json, .collector = &lines}};
  timeless.write(log_level::info,
                 "\xe0\x80\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xf0\x9f\x90\x9f");  // bad, bad, bad, a fish
  BOOST_TEST(lines.take().at(0) ==
             R"({"level":"info","message":"\ufffd\ufffd\ufffd \ufffd\ufffd\ufffd \ufffd\ufffd\ufffd\ufffd )"
             "\xf0\x9f\x90\x9f\"}");
}

BOOST_AUTO_TEST_CASE(a_peer_cannot_forge_a_line) {
  log_collector lines;
  logger log{{.collector = &lines}};
  log.write(log_level::info, "user \x1b[31m\r\n12:00:00 error: forged\x7f");
  BOOST_TEST(lines.take().at(0) == "user \\x1b[31m\\x0d\n         12:00:00 error: forged\\x7f");
}

BOOST_AUTO_TEST_CASE(a_line_is_never_longer_than_a_pipe_takes_whole) {
  for (const auto style : {log_style::text, log_style::json}) {
    for (const char c : {'a', '\n', '"', '\x01', '\xff'}) {
      for (const std::size_t length : {4000U, 4070U, 4080U, 4096U, 100'000U}) {
        shoal::log_line_writer writer{style};
        const auto line =
            writer.line(std::chrono::system_clock::time_point{day}, log_level::warning, std::string(length, c));
        BOOST_TEST(line.size() <= shoal::max_log_line);
        BOOST_TEST(line.ends_with(style == log_style::json ? "\"}\n" : "\n"));
        if (length > shoal::max_log_line) BOOST_TEST((line.find("...") != std::string_view::npos));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(levels_filter_and_have_names) {
  log_collector lines;
  logger log{{.level = log_level::warning, .collector = &lines}};
  log.write(log_level::info, "no");
  log.write(log_level::warning, "yes");
  log.write(log_level::off, "never");
  log.set_level(log_level::off);
  log.write(log_level::error, "no");
  BOOST_TEST(lines.take() == strings{"warning: yes"}, boost::test_tools::per_element());
  for (const auto level :
       {log_level::trace, log_level::debug, log_level::info, log_level::warning, log_level::error, log_level::off}) {
    BOOST_TEST((shoal::parse_log_level(shoal::to_string(level)) == level));
  }
  BOOST_TEST((shoal::parse_log_level("warn") == log_level::warning));
  BOOST_TEST(!shoal::parse_log_level("loud").has_value());
}

BOOST_AUTO_TEST_CASE(formats_values_of_every_kind) {
  log_collector lines;
  logger log{{.collector = &lines}};
  const std::string text = "text";
  shoal::log_info(log, "{} {} {:x} {:.2f} {} {} {} {{}}", -1, std::uint16_t{7}, 255U, 1.5, true, 'c', text);
  shoal::log_info(log, "{}: {}", named{3}, std::make_error_code(std::errc::connection_refused));
  shoal::log_info(log, "plain");
  shoal::log_info(log, "{} {}", log_level::warning, std::string_view{"view"});
  BOOST_TEST(
      lines.take() == (strings{"-1 7 ff 1.50 true c text {}", "number 3: Connection refused", "plain", "warning view"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(formats_nothing_while_the_level_is_off) {
  struct explosive {
    static std::string to_string() { throw std::logic_error{"formatted"}; }
  };
  log_collector lines;
  logger log{{.collector = &lines}};
  BOOST_CHECK_NO_THROW(shoal::log_debug(log, "{}", explosive{}));
}

BOOST_AUTO_TEST_CASE(a_misfit_format_still_leaves_a_line) {
  log_collector lines;
  logger log{{.collector = &lines}};
  shoal::log_info(log, "value {:d}", std::string{"text"});
  BOOST_TEST(lines.take().at(0) == "value {:d}");
}

BOOST_AUTO_TEST_CASE(the_gate_lets_one_through_per_interval_and_counts_the_rest) {
  shoal::log_gate gate{1s};
  const shoal::instant start{5s};
  BOOST_TEST((gate.pass(start) == std::optional<std::uint64_t>{0}));
  for (int i = 0; i < 9; ++i) BOOST_TEST(!gate.pass(start + 100ms * i).has_value());
  BOOST_TEST((gate.pass(start + 1s) == std::optional<std::uint64_t>{9}));
  BOOST_TEST((gate.pass(start + 2s) == std::optional<std::uint64_t>{0}));
}

BOOST_AUTO_TEST_CASE(a_file_is_appended_to_and_complete_when_the_logger_is_gone) {
  const temporary_folder folder;
  std::ofstream{folder.file("a.log")} << "older\n";
  {
    logger log{{.path = folder.file("a.log")}};
    for (int i = 0; i < 500; ++i) shoal::log_info(log, "line {}", i);
    BOOST_TEST(log.lines_lost() == 0U);
  }
  const auto lines = lines_of(folder.file("a.log"));
  BOOST_REQUIRE(lines.size() == 501U);
  BOOST_TEST(lines.front() == "older");
  BOOST_TEST(lines.back() == "line 499");
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_is_an_error_with_its_name) {
  BOOST_CHECK_EXCEPTION(logger({.path = "/nonexistent/a.log"}), std::system_error, [](const std::system_error& error) {
    return error.code() == std::errc::no_such_file_or_directory &&
           std::string_view{error.what()}.find("/nonexistent/a.log") != std::string_view::npos;
  });
}

BOOST_AUTO_TEST_CASE(reopen_follows_a_rotation) {
  const temporary_folder folder;
  {
    logger log{{.path = folder.file("a.log")}};
    log.write(log_level::info, "before");
    while (lines_of(folder.file("a.log")).empty()) std::this_thread::yield();
    std::filesystem::rename(folder.file("a.log"), folder.file("a.log.1"));
    BOOST_TEST(log.reopen().has_value());
    log.write(log_level::info, "after");
  }
  BOOST_TEST(lines_of(folder.file("a.log.1")) == strings{"before"}, boost::test_tools::per_element());
  BOOST_TEST(lines_of(folder.file("a.log")) == strings{"after"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(reopen_that_fails_keeps_the_old_file) {
  const temporary_folder folder;
  const auto inner = folder.file("inner");
  std::filesystem::create_directory(inner);
  {
    logger log{{.path = inner + "/a.log"}};
    log.write(log_level::info, "before");
    std::filesystem::rename(inner, folder.file("moved"));
    const auto reopened = log.reopen();
    BOOST_REQUIRE(!reopened.has_value());
    BOOST_TEST((reopened.error() == std::errc::no_such_file_or_directory));
    log.write(log_level::info, "after");
  }
  BOOST_TEST(lines_of(folder.file("moved/a.log")) == (strings{"before", "after"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_stopped_reader_costs_lines_and_not_the_writer) {
  const temporary_folder folder;
  const auto fifo = folder.file("fifo");
  BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  BOOST_CHECK_THROW(logger({.path = fifo}), std::system_error);  // no reader: an error, not a wait
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  BOOST_REQUIRE(reader >= 0);
  constexpr std::size_t written = 20'000;  // a pipe holds 64 KiB, the queue 1024 lines
  {
    logger log{{.path = fifo}};
    for (std::size_t i = 0; i < written; ++i) log.write(log_level::info, std::string(100, 'x'));
    while (log.lines_lost() < 10'000) std::this_thread::yield();
  }
  std::array<char, 65536> bytes{};
  const auto got = ::read(reader, bytes.data(), bytes.size());
  BOOST_TEST(got > 60'000);
  std::istringstream in{std::string(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0)};
  for (std::string line; std::getline(in, line);) {
    BOOST_TEST((line == std::string(100, 'x') ||
                line.ends_with(" log lines were lost: the log could not be written fast enough")));
  }
  BOOST_TEST(bytes[static_cast<std::size_t>(got) - 1] == '\n');
  ::close(reader);
}

BOOST_AUTO_TEST_CASE(a_reader_that_goes_away_does_not_kill_the_process) {
  const temporary_folder folder;
  const auto fifo = folder.file("fifo");
  BOOST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  logger log{{.path = fifo}};
  ::close(reader);
  log.write(log_level::info, "to nobody");  // SIGPIPE, were it not blocked
  while (log.lines_lost() == 0) std::this_thread::yield();
}

BOOST_AUTO_TEST_CASE(many_threads_write_whole_lines) {
  const temporary_folder folder;
  constexpr int per_thread = 2000;
  std::size_t lost = 0;
  {
    logger log{{.path = folder.file("a.log")}};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < per_thread; ++i) shoal::log_info(log, "thread {} line {} end", t, i);
      });
    }
    for (auto& thread : threads) thread.join();
    lost = log.lines_lost();
  }
  std::size_t own = 0;
  for (const auto& line : lines_of(folder.file("a.log"))) {
    if (line.starts_with("warning: ")) continue;  // of lost lines
    BOOST_TEST((line.starts_with("thread ") && line.ends_with(" end")), line);
    ++own;
  }
  BOOST_TEST(own + lost == 4U * per_thread);
}

BOOST_AUTO_TEST_SUITE_END()
