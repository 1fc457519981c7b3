// SPDX-License-Identifier: Apache-2.0
// tcp_proxy: what a listener does with its clients by one configuration: for each choose an endpoint, connect to it,
// and link the two.
//
//   accept -> on_connect: serve() -> opening -> place -> pick -> dial -> (refused: pick another) -> relay::link -> ...
//   -> access log
//
// Thread rule: a shared service (core/shared_service.hpp), made on the thread that runs the runtime; everything else
//   happens on the shard a connection landed on, with that shard's own endpoints and counters.
// Invariants: every accepted connection leaves exactly one access record. The coroutine ends when the pair is linked,
//   so a busy or idle pair has no frame. Each client holds the proxy that took it: after a reload the old one lives
//   until its last client has gone.
#pragma once

#include "proxy/access_log.hpp"
#include "proxy/config.hpp"
#include "proxy/opening.hpp"
#include "proxy/shared_upstream.hpp"
#include "proxy/traffic.hpp"
#include <shoal/core/log_gate.hpp>
#include <shoal/core/service.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/sni/server_names.hpp>
#include <shoal/net/upstream/upstream.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace proxy {

/// For the clients of one tcp listener: one upstream, or several by the name that TLS clients ask for.
class tcp_proxy final : public shoal::service, public std::enable_shared_from_this<tcp_proxy> {
 public:
  /// `all`: where the listener's upstreams are found by name. `access` may be nullptr: no access log; it must outlive
  /// the proxy. `traffic`: where its clients count.
  tcp_proxy(shoal::runtime& owner, shoal::config::listener_config listener, const shared_upstreams& all,
            access_log* access, std::shared_ptr<traffic_by_shard> traffic);
  ~tcp_proxy();

  /// Sets the server's hooks; they hold `self`, which is this.
  void describe(shoal::server& server, const std::shared_ptr<tcp_proxy>& self);
  /// Others come to another proxy from now on.
  void retire() noexcept { is_retired_ = true; }

  [[nodiscard]] const shoal::config::listener_config& listener() const noexcept { return listener_; }
  /// Each once, in the order of the file.
  [[nodiscard]] std::span<const std::shared_ptr<shared_upstream>> upstreams() const noexcept { return upstreams_; }
  /// The one, when its server is inside the proxy.
  [[nodiscard]] bool is_builtin() const noexcept { return upstreams_.front()->config.builtin.has_value(); }
  /// What a shard knows of its upstreams; on that shard.
  [[nodiscard]] std::vector<std::vector<endpoint_look>> look(shoal::shard_id here) const;

 private:
  struct on_shard;
  struct pair;
  struct session;

  std::expected<void, shoal::start_failure> prepare(shoal::runtime& owner) override;
  void start(shoal::shard& here) override;
  [[nodiscard]] shoal::task<> stop(shoal::shard& here, shoal::instant deadline) override;
  void finished() noexcept override;

  [[nodiscard]] shoal::task<> serve(shoal::connection& client, const std::shared_ptr<tcp_proxy>& self);
  [[nodiscard]] shoal::task<> serve_opened(shoal::connection& client, std::shared_ptr<tcp_proxy> self);
  [[nodiscard]] shoal::task<> connect(shoal::connection& client, std::shared_ptr<session> from, opening opened);
  [[nodiscard]] shoal::task<bool> find_place(shoal::connection& client, session& from, on_shard& mine);
  [[nodiscard]] shoal::task<> open_builtin(shoal::connection& client);
  void report_failure(on_shard& mine, const shoal::endpoint& e, std::string_view doing, std::error_code error);
  void report_full(on_shard& mine, std::string_view how);
  void record(const session& from, std::uint64_t in, std::uint64_t out, std::string end,
              std::optional<shoal::duration> first_byte = {});
  void record_builtin(shoal::connection& client, std::error_code reason);
  void choose_upstreams(const shared_upstreams& all);

  shoal::runtime& runtime_;
  const shoal::config::listener_config listener_;
  access_log* access_;
  std::vector<std::shared_ptr<shared_upstream>> upstreams_;
  shoal::server_names by_name_;                                 // index in upstreams_
  std::vector<shoal::hash_table_ptr> tables_;                   // by upstream, for all shards
  std::vector<std::vector<std::unique_ptr<on_shard>>> shards_;  // by shard, by upstream
  std::vector<std::unique_ptr<opening_reader>> openings_;       // by shard
  std::shared_ptr<traffic_by_shard> traffic_;
  std::atomic<bool> is_retired_{false};
};

}  // namespace proxy
