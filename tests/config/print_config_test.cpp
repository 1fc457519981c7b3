// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_cli.hpp"
#include "proxy/config_types.hpp"
#include "tests/config/fixtures.hpp"
#include <shoal/net/config/yaml_text.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

namespace shoal::config {
namespace {

// The full example of the manual.
std::string full_example() {
  const std::string manual = test::read_file(test::source_path("docs/configuration.md"));
  const std::size_t mark = manual.find("<!-- not yet -->\n```yaml\n");
  BOOST_TEST_REQUIRE(mark != std::string::npos);
  const std::size_t start = manual.find("```yaml\n", mark) + 8;
  return manual.substr(start, manual.find("```", start) - start);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(printed_config)

BOOST_DATA_TEST_CASE(reads_back_to_the_same, (std::vector<std::string>{"quickstart", "postgres", "redis"}), name) {
  const std::string file = test::source_path("configs/" + name + ".yaml");
  const loaded_config first = load_proxy_config(file, test::made_up());
  BOOST_TEST_REQUIRE(first.has_value());
  const std::string printed = print_config(*first);
  const loaded_config second = parse_proxy_config(printed, file, test::made_up());
  BOOST_TEST_REQUIRE(second.has_value(), printed);
  BOOST_TEST((*first == *second), printed);
}

BOOST_AUTO_TEST_CASE(shows_defaults_and_leaves_out_what_does_not_count) {
  const std::string printed = print_config(test::good(test::with_listener("bind: \"127.0.0.1:0\", upstream: demo")));
  BOOST_TEST(printed.contains("      max_connections: 100000\n"));
  BOOST_TEST(printed.contains("access_log: off\n"));
  BOOST_TEST(!printed.contains("request_header"));
  BOOST_TEST(!printed.contains("sticky"));
}

BOOST_AUTO_TEST_CASE(keeps_dollars_that_are_no_variables) {
  surroundings around = test::made_up({{"NAME", "a$b"}});
  const proxy_config first = test::good("access_log: { path: \"/var/log/${NAME}/$${x}\" }\n" +
                                            test::with_listener("bind: \"127.0.0.1:0\", upstream: demo"),
                                        around);
  BOOST_TEST(first.access_log->path == "/var/log/a$b/${x}");
  BOOST_TEST((test::good(print_config(first), around) == first));
}

BOOST_AUTO_TEST_CASE(of_the_full_example_reads_back_to_the_same) {
  const proxy_config first = test::good(full_example(), test::from_the_future());
  BOOST_TEST(first.listeners.at(0).routes.size() == 4U);
  BOOST_TEST(first.upstreams.at(0).endpoints.size() == 4U);
  const std::string printed = to_yaml(proxy_type().impl->write(&first, {.with_not_yet = true}));
  const proxy_config second = test::good(printed, test::from_the_future());
  BOOST_TEST((first == second), printed);
}

BOOST_AUTO_TEST_CASE(of_today_refuses_the_full_example_only_for_what_comes_later) {
  const loaded_config loaded = parse_proxy_config(full_example(), "x.yaml", test::made_up());
  BOOST_TEST_REQUIRE(!loaded.has_value());
  for (const config_error& error : loaded.error()) {
    BOOST_TEST(error.not_yet, to_text(error));
    BOOST_TEST(error.message.contains("not yet supported"), to_text(error));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
