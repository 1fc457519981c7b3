// SPDX-License-Identifier: Apache-2.0
#include "proxy/tcp_listener.hpp"

#include "proxy/convert.hpp"

#include <utility>

namespace proxy {
namespace {

shoal::server_options server_options_of(const shoal::config::listener_config& listener, shoal::handed_sockets* handed) {
  shoal::server_options made;
  made.handed = handed;
  made.bind = binds_of(listener);
  made.name = listener.name;
  made.distribution = to_distribution(listener.accept.distribution);
  made.rebalance = to_rebalance(listener.accept.rebalance);
  made.backlog = static_cast<int>(listener.accept.backlog);
  made.max_connections = listener.accept.max_connections;
  made.connections = to_connection_options(listener);
  return made;
}

}  // namespace

std::vector<std::string> binds_of(const shoal::config::listener_config& config) {
  std::vector<std::string> made;
  for (const auto& where : config.bind) made.push_back(where.text());
  return made;
}

tcp_listener::tcp_listener(shoal::runtime& owner, const shoal::config::listener_config& config,
                           std::shared_ptr<traffic_by_shard> traffic, shoal::handed_sockets* handed)
    : traffic_(std::move(traffic)), runtime_(owner), server_(owner, server_options_of(config, handed)) {}

void tcp_listener::serve_by(const std::shared_ptr<tcp_proxy>& proxy) {
  proxy->describe(server_, proxy);
  if (runtime_.is_idle() || server_.addresses().empty()) return;  // it starts with this
  const auto& config = proxy->listener();
  server_.renew(config.name, config.accept.max_connections, to_connection_options(config));
}

}  // namespace proxy
