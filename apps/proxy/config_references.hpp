// SPDX-License-Identifier: Apache-2.0
// Where listeners and routes name upstreams: each must exist and be able to serve who names it.
#pragma once

#include "proxy/config.hpp"
#include <shoal/net/config/reading.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::config {

/// The upstreams of a file by name, made once: a file may have thousands of references to thousands of them.
class upstream_references {
 public:
  upstream_references(reading& in, const proxy_config& config);

  /// Judges `name`, which stands at `path` in a listener for `protocol`. Names that are themselves wrong are left
  /// alone.
  void check(const std::string& path, const std::string& name, listener_protocol protocol);
  /// The same of a place that TLS is passed through to.
  void check_passthrough(const std::string& path, const std::string& name);

 private:
  void report_unknown(const std::string& path, const std::string& name);

  reading& in_;
  std::map<std::string_view, const upstream_config*, std::less<>> upstreams_;
  std::vector<std::string_view> names_;
  bool is_complete_ = true;  // false: one has no proper name, and may be the one that is meant
};

}  // namespace shoal::config
