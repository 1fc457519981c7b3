// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_load.hpp"

#include "proxy/config_rules.hpp"
#include "proxy/config_types.hpp"
#include <shoal/net/config/document.hpp>
#include <shoal/net/config/source_text.hpp>

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace shoal::config {
namespace {

std::string folder_of(const std::string& file) {
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(file, failed);
  return (failed ? std::filesystem::path(file) : absolute).parent_path().string();
}

loaded_config parse(std::string_view text, const surroundings& around, report& to) {
  proxy_config config;
  if (const std::optional<node> root = parse_document(text, to)) {
    if (root->what == node::kind::empty) {
      to.add({}, whole_file, {"is empty", "a listener and an upstream make a proxy: see configs/quickstart.yaml"});
    } else {
      const value_type& description = *proxy_type().impl;
      reading in(to, around, description, foreign_keys());
      description.read(in, *root, &config);
      settle(in, folder_of(to.file()), config);
      check_all(in, config);
    }
  }
  if (to.empty()) return config;
  return std::unexpected(to.take());
}

}  // namespace

loaded_config load_proxy_config(const std::string& file, const surroundings& around) {
  report to(file);
  const std::optional<std::string> text = read_source(file, to);
  if (!text) return std::unexpected(to.take());
  return parse(*text, around, to);
}

loaded_config parse_proxy_config(std::string_view text, const std::string& file, const surroundings& around) {
  report to(file);
  return parse(text, around, to);
}

}  // namespace shoal::config
