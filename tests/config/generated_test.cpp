// SPDX-License-Identifier: Apache-2.0
// What derives from the description and stands in the tree: the schema, the tables of the manual. And every YAML that
// people may copy from the tree must be right.
#include "proxy/config_cli.hpp"
#include "tests/config/fixtures.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace shoal::config {
namespace {

struct yaml_block {
  std::string text;
  std::size_t line = 0;
  bool is_later = false;  // marked: shows what comes later
};

// The ```yaml blocks of a page. Fragments that are no whole file stand in other kinds of blocks.
std::vector<yaml_block> blocks_of(const std::string& page) {
  std::vector<yaml_block> blocks;
  std::size_t line = 0;
  std::string before;
  yaml_block* open = nullptr;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t end = std::min(page.find('\n', at), page.size());
    const std::string row = page.substr(at, end - at);
    ++line;
    if (open == nullptr && row == "```yaml") {
      open = &blocks.emplace_back(yaml_block{.line = line, .is_later = before == "<!-- not yet -->"});
    } else if (open != nullptr && row.starts_with("```")) {
      open = nullptr;
    } else if (open != nullptr) {
      open->text += row + '\n';
    }
    before = row;
    at = end + 1;
  }
  return blocks;
}

std::vector<std::string> pages() {
  std::vector<std::string> files{test::source_path("README.md")};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(test::source_path("docs"))) {
    if (entry.path().extension() == ".md") files.push_back(entry.path().string());
  }
  return files;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(generated)

BOOST_AUTO_TEST_CASE(the_schema_is_up_to_date) {
  const std::string schema = print_schema();
  BOOST_TEST(nlohmann::json::accept(schema));
  test::check_generated("configs/schema/shoal-proxy.schema.json", schema);
}

BOOST_AUTO_TEST_CASE(the_tables_of_the_manual_are_up_to_date) {
  const std::string page = test::read_file(test::source_path("docs/configuration.md"));
  const auto wanted = update_manual(page);
  BOOST_TEST_REQUIRE(wanted.has_value());
  test::check_generated("docs/configuration.md", *wanted);
}

BOOST_AUTO_TEST_CASE(every_yaml_block_of_the_docs_is_right) {
  std::size_t count = 0;
  for (const std::string& page : pages()) {
    for (const yaml_block& block : blocks_of(test::read_file(page))) {
      const loaded_config loaded =
          parse_proxy_config(block.text, page, block.is_later ? test::from_the_future() : test::made_up());
      BOOST_TEST(loaded.has_value(), page << ", block on line " << block.line << ":\n"
                                          << (loaded ? std::string() : to_text(loaded.error())));
      ++count;
    }
  }
  BOOST_TEST(count >= 2U);
}

BOOST_AUTO_TEST_CASE(every_file_of_configs_is_right) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::source_path("configs"))) {
    if (entry.path().extension() != ".yaml") continue;
    const loaded_config loaded = load_proxy_config(entry.path().string(), test::made_up());
    BOOST_TEST(loaded.has_value(), (loaded ? std::string() : to_text(loaded.error())));
    ++count;
  }
  BOOST_TEST(count >= 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
