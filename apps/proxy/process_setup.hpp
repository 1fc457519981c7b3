// SPDX-License-Identifier: Apache-2.0
// process_setup: the pid file, and the user that the proxy runs as once everything is bound and open.
//
// Thread rule: as a service; nothing happens on the shards.
// Invariants: added after all that binds addresses or opens files, so it comes last of the preparations, and no shard
//   has run yet when it gives root's rights up; what it has given up can't be taken back. The pid file is removed at
//   the end, if it still names this process and that user may.
#pragma once

#include "proxy/config.hpp"
#include <shoal/core/runtime.hpp>
#include <shoal/core/service.hpp>

namespace proxy {

class process_setup final : public shoal::service {
 public:
  process_setup(shoal::runtime& owner, shoal::config::process_options options);
  ~process_setup();

 private:
  std::expected<void, shoal::start_failure> prepare(shoal::runtime& owner) override;
  void finished() noexcept override;

  shoal::runtime& runtime_;
  const shoal::config::process_options options_;
};

}  // namespace proxy
