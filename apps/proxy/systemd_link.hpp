// SPDX-License-Identifier: Apache-2.0
// systemd_link: what the service manager is told (sd_notify(3)): ready, stopping, and that all shards still turn.
//
//   [Service]
//   Type=notify
//   WatchdogSec=10
//
// Without NOTIFY_SOCKET in the environment it does nothing.
//
// Thread rule: is_ready() and is_stopping() from the main thread; the watchdog's signs of life come from shard 0, which
//   asks all others for each of them.
// Invariant: a shard that is stuck for WatchdogSec stops the signs, and systemd does what the unit says.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/service.hpp>

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <stop_token>

namespace proxy {

class systemd_link final : public shoal::service {
 public:
  explicit systemd_link(shoal::runtime& owner);
  ~systemd_link();

  void is_ready(std::size_t listeners);
  /// Since `now`; is_ready() comes next (Type=notify-reload).
  void is_reloading(shoal::instant now);
  void is_stopping();
  /// Another process serves now, and is the one to look after.
  void is_succeeded_by(pid_t successor);

 private:
  std::expected<void, shoal::start_failure> prepare(shoal::runtime& owner) override;
  void start(shoal::shard& here) override;
  [[nodiscard]] shoal::task<> stop(shoal::shard& here, shoal::instant deadline) override;

  [[nodiscard]] shoal::task<> show_life(std::stop_token stop);

  shoal::runtime& runtime_;
  shoal::duration interval_{0};  // 0: nobody watches
  std::unique_ptr<shoal::scope> work_;
};

}  // namespace proxy
