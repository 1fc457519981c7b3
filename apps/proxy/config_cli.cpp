// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_cli.hpp"

#include "proxy/config_load.hpp"
#include "proxy/config_types.hpp"
#include <shoal/net/config/error.hpp>
#include <shoal/net/config/key_table.hpp>
#include <shoal/net/config/schema.hpp>
#include <shoal/net/config/yaml_text.hpp>

#include <fmt/format.h>

#include <cstddef>

namespace shoal::config {
namespace {

constexpr int exit_bad_file = 2;

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

check_answer check(const std::string& file, check_format format, const surroundings& around) {
  const loaded_config loaded = load_proxy_config(file, around);
  check_answer answer;
  if (!loaded) answer.exit_code = exit_bad_file;
  if (format == check_format::json) {
    answer.output = loaded ? to_json({}) : to_json(loaded.error());
  } else if (loaded) {
    answer.output = fmt::format("ok: {}\n", summary(*loaded));
  } else {
    answer.errors = to_text(loaded.error());
  }
  return answer;
}

std::string summary(const proxy_config& config) {
  return fmt::format("{}, {}", counted(config.listeners.size(), "listener"),
                     counted(config.upstreams.size(), "upstream"));
}

std::string print_config(const proxy_config& config) { return to_yaml(proxy_type().impl->write(&config, {})); }

std::string print_schema() { return to_json_schema(*proxy_type().impl, "shoal-proxy"); }

std::optional<std::string> update_manual(std::string_view text) { return with_key_tables(*proxy_type().impl, text); }

}  // namespace shoal::config
