// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: either errors, each with a place inside the text, or a configuration whose print reads
// back to the same one. The first byte chooses whether features that come later count as there.
#include "proxy/config_load.hpp"
#include "proxy/config_types.hpp"
#include <shoal/buffers/check.hpp>
#include <shoal/net/config/yaml_text.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace config = shoal::config;

config::surroundings made_up(bool accept_not_yet) {
  return {.environment = [](std::string_view name) -> std::optional<std::string> {
            return name == "PORT" ? std::optional<std::string>("80") : std::nullopt;
          },
          .readable = [](const std::string& file) { return !file.ends_with("missing"); },
          .accept_not_yet = accept_not_yet};
}

void check_errors(std::string_view text, const std::vector<config::config_error>& errors) {
  SHOAL_CHECK(!errors.empty(), "no configuration and no error");
  for (const config::config_error& error : errors) {
    SHOAL_CHECK(error.at.line >= 1 && error.at.column >= 1, "places count from one");
    SHOAL_CHECK(error.at.line <= text.size() + 2, "a place behind the text");
    SHOAL_CHECK(!error.message.empty() && !error.path.empty(), "an error that says nothing");
    SHOAL_CHECK(config::to_text(error).find('\n') == std::string::npos, "an error is one line");
  }
  SHOAL_CHECK(config::to_json(errors).size() > 2, "errors for tools");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const config::surroundings around = made_up((data[0] & 1) != 0);
  const config::loaded_config first = config::parse_proxy_config(text, "/x.yaml", around);
  if (!first) {
    check_errors(text, first.error());
    return 0;
  }
  const config::write_options how{.with_not_yet = around.accept_not_yet};
  const std::string printed = config::to_yaml(config::proxy_type().impl->write(&*first, how));
  const config::loaded_config second = config::parse_proxy_config(printed, "/x.yaml", around);
  SHOAL_CHECK(second.has_value(), "a printed configuration can't be read");
  SHOAL_CHECK(*first == *second, "a printed configuration is another one");
  return 0;
}
