// SPDX-License-Identifier: Apache-2.0
// reload: the file is read again, and what runs becomes what it says now.
//
// Thread rule: on the thread that runs the runtime, so no shard waits for it; last() from any.
// Invariant: a file with a mistake, or a port that is taken, changes nothing.
#pragma once

#include "proxy/deployment.hpp"
#include "proxy/file_limit.hpp"
#include "proxy/systemd_link.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace proxy {

/// More connections than files would fail one by one at the worst moment; better a lower limit and one line.
void fit_to_files(shoal::config::proxy_config& config, const file_limit& files, shoal::logger& log);

class reload {
 public:
  /// `first`: what the process was started with. All must outlive it.
  reload(shoal::runtime& runtime, deployment& serving, systemd_link& manager, file_limit files, std::string file,
         const shoal::config::proxy_config& first);

  void run();

  struct outcome {
    bool successful = true;       // the start counts as the first
    std::int64_t at_seconds = 0;  // wall time of the last successful one
  };
  [[nodiscard]] outcome last() const noexcept { return {successful_, at_seconds_}; }

 private:
  [[nodiscard]] bool apply();
  void warn_of_restart_keys(shoal::config::proxy_config& wanted);

  shoal::runtime& runtime_;
  deployment& serving_;
  systemd_link& manager_;
  const file_limit files_;
  const std::string file_;
  const shoal::config::proxy_config first_;
  std::atomic<bool> successful_{true};
  std::atomic<std::int64_t> at_seconds_;
};

}  // namespace proxy
