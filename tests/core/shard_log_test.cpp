// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard_log.hpp>

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using shoal::byte_ring;
using shoal::log_collector;
using shoal::logger;
using shoal::shard_id;
using shoal::shard_log;

namespace {

struct place {
  place() {
    auto pattern = (std::filesystem::temp_directory_path() / "shoal-shard-log-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~place() { std::filesystem::remove_all(folder); }
  place(const place&) = delete;
  place& operator=(const place&) = delete;

  [[nodiscard]] std::string file(const std::string& name = "lines") const { return folder / name; }
  [[nodiscard]] std::vector<std::string> lines(const std::string& name = "lines") const {
    std::ifstream from(file(name));
    std::vector<std::string> all;
    for (std::string line; std::getline(from, line);) all.push_back(line);
    return all;
  }
  [[nodiscard]] std::string complaints() {
    std::string all;
    for (const auto& line : collector.take()) all += line + '\n';
    return all;
  }

  std::filesystem::path folder;
  log_collector collector;
  logger log{{.path = {}, .clock = {}, .collector = &collector}};
  std::shared_ptr<shoal::host> machine = shoal::make_real_host();
};

}  // namespace

BOOST_AUTO_TEST_SUITE(shard_log_suite)

BOOST_AUTO_TEST_CASE(a_ring_gives_back_what_it_was_given_across_its_end) {
  byte_ring ring;
  const std::string piece(byte_ring::capacity / 3 + 7, 'x');
  for (int i = 0; i < 10; ++i) {
    const std::string mine = piece + std::to_string(i);
    BOOST_TEST(ring.push(mine));
    BOOST_TEST(ring.push("tail"));
    std::string got;
    ring.take_all(got);
    BOOST_TEST((got == mine + "tail"));
  }
}

BOOST_AUTO_TEST_CASE(a_full_ring_takes_nothing_of_a_piece) {
  byte_ring ring;
  BOOST_TEST(ring.push(std::string(byte_ring::capacity - 3, 'x')));
  BOOST_TEST(!ring.push("four"));
  BOOST_TEST(ring.push("all"));
  std::string got;
  ring.take_all(got);
  BOOST_TEST(got.size() == byte_ring::capacity);
}

BOOST_AUTO_TEST_CASE(all_lines_of_all_shards_are_there_whole_and_in_their_order) {
  place here;
  constexpr int each = 20'000;
  {
    shard_log log{here.file(), 3, here.machine, here.log};
    std::vector<std::thread> shards;
    for (unsigned id = 0; id < 3; ++id) {
      shards.emplace_back([&log, id] {
        for (int i = 0; i < each; ++i) {
          const std::string line = std::to_string(id) + ' ' + std::to_string(i) + '\n';
          while (!log.write(static_cast<shard_id>(id), line)) std::this_thread::yield();
        }
      });
    }
    for (auto& one : shards) one.join();
  }
  std::map<int, int> next;
  for (const auto& line : here.lines()) {
    std::istringstream words(line);
    int id = -1, number = -1;
    words >> id >> number;
    BOOST_TEST_REQUIRE(number == next[id]++);
  }
  for (int id = 0; id < 3; ++id) BOOST_TEST(next[id] == each);
}

BOOST_AUTO_TEST_CASE(a_line_arrives_without_others_behind_it) {
  place here;
  shard_log log{here.file(), 1, here.machine, here.log};
  for (int i = 1; i <= 3; ++i) {
    BOOST_TEST(log.write(0, "one\n"));
    while (here.lines().size() < static_cast<std::size_t>(i)) std::this_thread::yield();
  }
}

BOOST_AUTO_TEST_CASE(a_renamed_file_is_left_alone_after_reopening) {
  place here;
  {
    shard_log log{here.file(), 1, here.machine, here.log};
    BOOST_TEST(log.write(0, "old\n"));
    while (here.lines().empty()) std::this_thread::yield();
    std::filesystem::rename(here.file(), here.file("old"));
    BOOST_TEST(log.reopen().has_value());
    BOOST_TEST(log.write(0, "new\n"));
  }
  BOOST_TEST((here.lines("old") == std::vector<std::string>{"old"}));
  BOOST_TEST((here.lines() == std::vector<std::string>{"new"}));
}

BOOST_AUTO_TEST_CASE(what_the_output_does_not_take_is_counted_and_said) {
  place here;
  const std::string pipe = here.file("pipe");
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::ifstream reader;
  std::thread opener{[&] { reader.open(pipe); }};  // opening a FIFO waits for the other side
  std::unique_ptr<shard_log> log;
  while (log == nullptr) {
    try {
      log = std::make_unique<shard_log>(pipe, 1, here.machine, here.log);
    } catch (const std::system_error&) {
      std::this_thread::yield();  // nobody reads yet
    }
  }
  opener.join();
  const std::string line(1023, 'x');
  std::uint64_t refused = 0;
  for (int i = 0; i < 2'000; ++i) refused += log->write(0, line + '\n') ? 0U : 1U;
  BOOST_TEST(refused > 0U);  // 2 MB do not fit into a pipe and a ring
  BOOST_TEST(log->dropped() >= refused);
  log.reset();
  BOOST_TEST(here.complaints().find("lines dropped") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_is_said_at_once) {
  place here;
  BOOST_CHECK_THROW((shard_log{"/nowhere/at/all", 1, here.machine, here.log}), std::system_error);
}

BOOST_AUTO_TEST_CASE(times_are_the_wall_clocks) {
  place here;
  const shard_log log{here.file(), 1, here.machine, here.log};
  const auto off = log.wall_time(here.machine->now()) - here.machine->wall_time();
  BOOST_TEST(std::chrono::abs(off) < std::chrono::seconds{1});
}

BOOST_AUTO_TEST_SUITE_END()
