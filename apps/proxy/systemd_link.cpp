// SPDX-License-Identifier: Apache-2.0
#include "proxy/systemd_link.hpp"

#include <shoal/core/log_format.hpp>
#include <shoal/core/offload.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>

#include <fmt/format.h>

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>

namespace proxy {
namespace {

void nothing() {}
/// May wait for the manager to read, so not on a shard.
int sign_of_life() { return ::sd_notify(0, "WATCHDOG=1"); }

void report_failure(const std::exception_ptr&) noexcept {
  log_error(shoal::shard::current().log(), "signs of life for systemd have ended");
}

}  // namespace

systemd_link::systemd_link(shoal::runtime& owner) : runtime_(owner) { runtime_.add(*this); }
systemd_link::~systemd_link() { runtime_.remove(*this); }

void systemd_link::is_ready(std::size_t listeners) {
  const std::string text = fmt::format("READY=1\nSTATUS=serving {} listener{}", listeners, listeners == 1 ? "" : "s");
  ::sd_notify(0, text.c_str());
}
void systemd_link::is_reloading(shoal::instant now) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  ::sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", since.count()).c_str());
}
void systemd_link::is_succeeded_by(pid_t successor) { ::sd_notify(0, fmt::format("MAINPID={}", successor).c_str()); }
void systemd_link::is_stopping() { ::sd_notify(0, "STOPPING=1\nSTATUS=draining"); }

std::expected<void, shoal::start_failure> systemd_link::prepare(shoal::runtime&) {
  std::uint64_t patience_us = 0;
  // Half of the patience, as sd_watchdog_enabled(3) advises.
  if (::sd_watchdog_enabled(0, &patience_us) > 0) interval_ = std::chrono::microseconds{patience_us / 2};
  return {};
}

void systemd_link::start(shoal::shard& here) {
  if (here.id() != 0 || interval_ == shoal::duration::zero()) return;
  work_ = std::make_unique<shoal::scope>(&report_failure);
  work_->spawn(show_life(work_->stop_token()));
}

shoal::task<> systemd_link::show_life(std::stop_token stop) {
  while (true) {
    for (shoal::shard_id id = 0; id < static_cast<shoal::shard_id>(runtime_.shards()); ++id) {
      auto turning = shoal::submit_to(id, &nothing);
      co_await turning;
    }
    auto telling = shoal::offload(&sign_of_life);
    static_cast<void>(co_await telling);
    shoal::stoppable_sleep until_next{shoal::deadline_in(interval_), stop};
    const auto slept = co_await until_next;
    if (!slept) co_return;
  }
}

shoal::task<> systemd_link::stop(shoal::shard& here, shoal::instant) {
  if (here.id() != 0 || work_ == nullptr) co_return;
  work_->request_stop();
  auto ended = work_->join();
  co_await ended;
  work_.reset();
}

}  // namespace proxy
