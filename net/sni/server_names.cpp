// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/sni/server_names.hpp>

#include <shoal/core/lower_case.hpp>

namespace shoal {

bool server_names::add(std::string_view pattern, std::size_t value) {
  const std::string name = lower_case(pattern);
  if (name == "*") {
    if (rest_) return false;
    rest_ = value;
    return true;
  }
  if (name.starts_with("*.")) return below_.emplace(name.substr(2), value).second;
  return exact_.emplace(name, value).second;
}

std::optional<std::size_t> server_names::find(std::string_view name) const {
  if (const auto same = exact_.find(name); same != exact_.end()) return same->second;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (const auto above = below_.find(name.substr(dot + 1)); above != below_.end()) return above->second;
  }
  return rest_;
}

}  // namespace shoal
