// SPDX-License-Identifier: Apache-2.0
#include "tests/config/fixtures.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

namespace shoal::config::test {

surroundings made_up(std::map<std::string, std::string, std::less<>> variables) {
  return {.environment = [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found != variables.end() ? std::optional(found->second) : std::nullopt;
          },
          .readable = [](const std::string&) { return true; }};
}

surroundings from_the_future() {
  surroundings around = made_up();
  around.accept_not_yet = true;
  return around;
}

proxy_config good(std::string_view text, const surroundings& around) {
  loaded_config loaded = parse_proxy_config(text, "x.yaml", around);
  BOOST_TEST_REQUIRE(loaded.has_value(), (loaded ? std::string() : to_text(loaded.error())));
  return *std::move(loaded);
}

std::string errors_of(std::string_view text, const surroundings& around) {
  const loaded_config loaded = parse_proxy_config(text, "x.yaml", around);
  return loaded ? std::string() : to_text(loaded.error());
}

std::string with_listener(std::string_view keys) {
  return "listeners: [ { " + std::string(keys) + " } ]\nupstreams: [ { name: demo, builtin: echo } ]\n";
}

std::string with_upstream(std::string_view keys) {
  return "listeners: [ { bind: \"127.0.0.1:7000\", upstream: demo } ]\nupstreams: [ { name: demo, " +
         std::string(keys) + " } ]\n";
}

std::string source_path(std::string_view path) { return std::string(SHOAL_SOURCE_DIR) + '/' + std::string(path); }

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  BOOST_TEST_REQUIRE(in.good(), path + " can't be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void check_generated(std::string_view path, const std::string& wanted) {
  const std::string file = source_path(path);
  const char* const update = std::getenv("SHOAL_UPDATE_GENERATED");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream(file, std::ios::binary) << wanted;
    return;
  }
  BOOST_TEST(read_file(file) == wanted, file + " is out of date: run the tests with SHOAL_UPDATE_GENERATED=1");
}

std::string shown(const node& tree) {
  switch (tree.what) {
    case node::kind::empty: return "~";
    case node::kind::scalar: return tree.text;
    case node::kind::list: {
      std::string out;
      for (const node& item : tree.items) out += (out.empty() ? "" : ", ") + shown(item);
      return '[' + out + ']';
    }
    case node::kind::map: {
      std::string out;
      for (const map_entry& entry : tree.entries) {
        out += (out.empty() ? "" : ", ") + entry.name + ": " + shown(entry.value);
      }
      return '{' + out + '}';
    }
  }
  return {};
}

}  // namespace shoal::config::test
