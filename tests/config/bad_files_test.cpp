// SPDX-License-Identifier: Apache-2.0
// Files that must not start anything, each with the exact errors that it must give: bad/NAME.yaml and bad/NAME.errors.
#include "proxy/config_cli.hpp"
#include "tests/config/fixtures.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace shoal::config {
namespace {

std::vector<std::string> names_of_bad_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::source_path("tests/config/bad"))) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

// No file of the made-up folder exists.
surroundings empty_disk() {
  surroundings around = test::made_up();
  around.readable = [](const std::string&) { return false; };
  return around;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bad_files)

BOOST_AUTO_TEST_CASE(are_all_there) {
  const std::vector<std::string> names = names_of_bad_files();
  for (const char* const name :
       {"tab", "unknown_key", "wrong_type", "bad_address", "duplicate_name", "duplicate_key", "unknown_upstream",
        "bad_duration", "same_address", "missing_file", "empty", "foreign_key"}) {
    BOOST_TEST((std::ranges::find(names, name) != names.end()), name);
  }
}

BOOST_DATA_TEST_CASE(say_what_is_wrong_where_and_what_would_be_right, names_of_bad_files(), name) {
  const std::string folder = "tests/config/bad/";
  const std::string text = test::read_file(test::source_path(folder + name + ".yaml"));
  const loaded_config loaded = parse_proxy_config(text, "/bad/" + name + ".yaml", empty_disk());
  BOOST_TEST_REQUIRE(!loaded.has_value());
  test::check_generated(folder + name + ".errors", to_text(loaded.error()));
  for (const config_error& error : loaded.error()) {
    BOOST_TEST(!error.path.empty());
    BOOST_TEST(!error.hint.empty(), to_text(error));
  }
}

BOOST_AUTO_TEST_CASE(end_a_check_with_exit_status_2) {
  const std::string file = test::source_path("tests/config/bad/unknown_upstream.yaml");
  const check_answer answer = check(file, check_format::text, test::made_up());
  BOOST_TEST(answer.exit_code == 2);
  BOOST_TEST(answer.output == "");
  BOOST_TEST(answer.errors.starts_with(file + ":4:15: listeners[0].upstream: unknown upstream `postgre`"));
}

BOOST_AUTO_TEST_CASE(are_an_array_for_tools) {
  const std::string file = test::source_path("tests/config/bad/unknown_upstream.yaml");
  const check_answer answer = check(file, check_format::json, test::made_up());
  BOOST_TEST(answer.exit_code == 2);
  BOOST_TEST(answer.errors == "");
  const auto errors = nlohmann::json::parse(answer.output);
  BOOST_TEST_REQUIRE(errors.size() == 2U);
  const nlohmann::json wanted{{"file", file},
                              {"line", 4},
                              {"column", 15},
                              {"path", "listeners[0].upstream"},
                              {"message", "unknown upstream `postgre`"},
                              {"hint", "did you mean `postgres`?"}};
  BOOST_TEST((errors[0] == wanted), errors[0].dump());
}

BOOST_AUTO_TEST_CASE(that_are_good_are_counted) {
  const std::string file = test::source_path("configs/quickstart.yaml");
  const check_answer text = check(file, check_format::text, test::made_up());
  BOOST_TEST(text.exit_code == 0);
  BOOST_TEST(text.output == "ok: 1 listener, 1 upstream\n");
  const check_answer json = check(file, check_format::json, test::made_up());
  BOOST_TEST(json.exit_code == 0);
  BOOST_TEST(json.output == "[]\n");
}

BOOST_AUTO_TEST_CASE(may_be_named_with_any_bytes) {
  const check_answer answer = check("no\xff\nsuch", check_format::json, test::made_up());
  BOOST_TEST(nlohmann::json::parse(answer.output).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
