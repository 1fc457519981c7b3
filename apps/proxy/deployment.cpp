// SPDX-License-Identifier: Apache-2.0
#include "proxy/deployment.hpp"

#include <shoal/core/shared_service.hpp>

#include <algorithm>
#include <utility>

namespace proxy {
namespace {

namespace config = shoal::config;

/// The one that binds the same.
const served_listener* same_binds(const generation& in, const config::listener_config& wanted) {
  const auto binds = binds_of(wanted);
  const auto found =
      std::ranges::find_if(in.listeners, [&](const served_listener& l) { return l.listener->binds() == binds; });
  return found == in.listeners.end() ? nullptr : &*found;
}

/// One that has an address of it, and others.
const served_listener* other_with_address(const generation& in, const config::listener_config& wanted) {
  const auto binds = binds_of(wanted);
  const auto found = std::ranges::find_if(in.listeners, [&](const served_listener& l) {
    return std::ranges::find_first_of(l.listener->binds(), binds) != l.listener->binds().end();
  });
  return found == in.listeners.end() ? nullptr : &*found;
}

bool has_listener(const generation& in, const served_listener& old) {
  return std::ranges::find(in.listeners, old.listener, &served_listener::listener) != in.listeners.end();
}

/// Whether its clients are served by the same rules and upstreams.
bool is_unchanged(const tcp_proxy& old, const config::listener_config& wanted, const shared_upstreams& upstreams) {
  if (old.listener() != wanted) return false;
  return std::ranges::all_of(old.upstreams(), [&](const auto& used) {
    const auto now = upstreams.find(used->config.name);
    return now != upstreams.end() && now->second == used;
  });
}

}  // namespace

deployment::deployment(shoal::runtime& owner, access_log* access, shoal::handed_sockets& handed)
    : runtime_(owner), access_(access), handed_(handed) {}

void deployment::declare(const config::proxy_config& config) {
  change_summary all;
  // Nothing is there that could be in the way.
  publish(*make(config, *now(), all));
}

std::expected<change_summary, shoal::start_failure> deployment::change_to(const config::proxy_config& config) {
  change_summary summary;
  const generation_ptr before = now();
  auto made = make(config, *before, summary);
  if (!made) return std::unexpected(made.error());
  if (auto started = runtime_.start_added(); !started) return std::unexpected(started.error());
  for (const served_listener& l : (*made)->listeners) {
    const auto* const old = same_binds(*before, l.proxy->listener());
    if (old == nullptr || old->proxy == l.proxy) continue;
    l.listener->serve_by(l.proxy);
    old->proxy->retire();
  }
  publish(*made);
  for (const served_listener& old : before->listeners) {
    if (!has_listener(**made, old)) let_go(old);
  }
  return summary;
}

std::expected<std::shared_ptr<generation>, shoal::start_failure> deployment::make(const config::proxy_config& config,
                                                                                  const generation& before,
                                                                                  change_summary& summary) {
  auto made = std::make_shared<generation>();
  made->config = config;
  make_upstreams(*made, before, summary);
  for (const auto& listener : config.listeners) {
    if (auto added = make_listener(*made, listener, before, summary); !added) return std::unexpected(added.error());
  }
  for (const auto& [name, old] : before.upstreams) {
    if (!made->upstreams.contains(name)) ++summary.upstreams_removed;
  }
  for (const served_listener& old : before.listeners) {
    if (!has_listener(*made, old)) ++summary.listeners_removed;
  }
  return made;
}

void deployment::make_upstreams(generation& made, const generation& before, change_summary& summary) {
  for (const auto& listener : made.config.listeners) {
    for (const auto& name : upstreams_of(listener)) {
      if (made.upstreams.contains(name)) continue;
      const auto& wanted = *std::ranges::find(made.config.upstreams, name, &config::upstream_config::name);
      const auto old = before.upstreams.find(name);
      if (old != before.upstreams.end() && old->second->config == wanted) {
        made.upstreams.insert(*old);
        continue;
      }
      ++(old == before.upstreams.end() ? summary.upstreams_added : summary.upstreams_changed);
      made.upstreams.emplace(name, shoal::make_shared_service<shared_upstream>(runtime_, wanted));
    }
  }
}

std::expected<void, shoal::start_failure> deployment::make_listener(generation& made,
                                                                    const config::listener_config& config,
                                                                    const generation& before, change_summary& summary) {
  const served_listener* const old = same_binds(before, config);
  if (old != nullptr && is_unchanged(*old->proxy, config, made.upstreams)) {
    made.listeners.push_back(*old);
    return {};
  }
  if (const auto* other = other_with_address(before, config); old == nullptr && other != nullptr) {
    return std::unexpected(shoal::start_failure{
        std::make_error_code(std::errc::address_in_use),
        "listener " + config.name + ": an address of it is one of several of listener " +
            other->proxy->listener().name + " (a list of addresses that keeps some needs SIGUSR2 or a restart)"});
  }
  ++(old == nullptr ? summary.listeners_added : summary.listeners_changed);
  served_listener one;
  // The proxy first: it stops after its listener.
  auto traffic = old == nullptr ? std::make_shared<traffic_by_shard>() : old->listener->traffic();
  one.proxy = shoal::make_shared_service<tcp_proxy>(runtime_, config, std::as_const(made.upstreams), access_, traffic);
  if (old != nullptr) {
    one.listener = old->listener;
  } else {
    one.listener = shoal::make_shared_service<tcp_listener>(runtime_, config, std::move(traffic), &handed_);
    one.listener->serve_by(one.proxy);
  }
  made.listeners.push_back(std::move(one));
  return {};
}

/// It is a service until its last client has gone.
void deployment::let_go(const served_listener& old) {
  leaving_.push_back(old.listener);
  old.proxy->retire();
  old.listener->end([this, gone = old.listener.get()] {
    std::erase_if(leaving_, [gone](const auto& l) { return l.get() == gone; });
  });
}

void deployment::publish(generation_ptr newest) {
  const std::scoped_lock lock(mutex_);
  newest_.swap(newest);
}

generation_ptr deployment::now() const {
  const std::scoped_lock lock(mutex_);
  return newest_;
}

std::vector<shoal::bound_socket> deployment::sockets() const {
  std::vector<shoal::bound_socket> made;
  for (const served_listener& l : now()->listeners) {
    const auto& own = l.listener->server().sockets();
    made.insert(made.end(), own.begin(), own.end());
  }
  return made;
}

void deployment::leave_unix_paths() noexcept {
  for (const served_listener& l : now()->listeners) l.listener->leave_unix_paths();
}

std::uint64_t deployment::connections() const {
  std::uint64_t open = 0;
  for (const served_listener& l : now()->listeners) open += l.listener->server().connections();
  for (const auto& l : leaving_) open += l->server().connections();
  return open;
}

}  // namespace proxy
