// SPDX-License-Identifier: Apache-2.0
// tcp_proxy: for each accepted connection choose an endpoint, connect to it, and link the two.
//
//   accept -> on_connect: serve() -> opening -> place -> pick -> dial -> (refused: pick another) -> relay::link -> ...
//   -> access log
//
// Thread rule: described on the starting thread; everything else happens on the shard a connection landed on, with that
//   shard's own endpoints and counters.
// Invariants: every accepted connection leaves exactly one access record. The coroutine ends when the pair is linked,
// so a
//   busy or idle pair has no frame.
#pragma once

#include "proxy/access_log.hpp"
#include "proxy/config.hpp"
#include "proxy/opening.hpp"
#include "proxy/shared_upstreams.hpp"
#include "proxy/traffic.hpp"
#include <shoal/core/log_gate.hpp>
#include <shoal/core/service.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/sni/server_names.hpp>
#include <shoal/net/upstream/upstream.hpp>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace proxy {

/// One tcp listener with the upstreams behind it: one, or by the name that TLS clients ask for.
class tcp_proxy final : public shoal::service {
 public:
  /// `all`: where the listener's upstreams are found by name; `shared`: of them. `access` may be nullptr: no access
  /// log. Everything referred to must outlive the proxy.
  tcp_proxy(shoal::runtime& owner, const shoal::config::listener_config& listener,
            std::span<const shoal::config::upstream_config> all, const shared_upstreams& shared, access_log* access);
  ~tcp_proxy();

  [[nodiscard]] const shoal::config::listener_config& listener() const noexcept { return listener_; }
  /// Each once, in the order of the file.
  [[nodiscard]] std::span<const shoal::config::upstream_config* const> upstreams() const noexcept { return upstreams_; }
  /// The one, when its server is inside the proxy.
  [[nodiscard]] bool is_builtin() const noexcept { return upstreams_.front()->builtin.has_value(); }
  [[nodiscard]] const shoal::server& server() const noexcept { return server_; }
  /// What a shard knows; on that shard.
  [[nodiscard]] listener_look look(shoal::shard_id here) const;

 private:
  struct on_shard;
  struct pair;
  struct session;

  std::expected<void, shoal::start_failure> prepare(shoal::runtime& owner) override;
  void start(shoal::shard& here) override;
  [[nodiscard]] shoal::task<> stop(shoal::shard& here, shoal::instant deadline) override;
  void hurry(shoal::shard& here) override;
  void finished() noexcept override;

  [[nodiscard]] shoal::task<> serve(shoal::connection& client);
  [[nodiscard]] shoal::task<> serve_opened(shoal::connection& client);
  [[nodiscard]] shoal::task<> connect(shoal::connection& client, std::shared_ptr<session> from, opening opened);
  [[nodiscard]] shoal::task<bool> find_place(shoal::connection& client, session& from, on_shard& mine);
  [[nodiscard]] shoal::task<> open_builtin(shoal::connection& client);
  void report_failure(on_shard& mine, const shoal::endpoint& e, std::string_view doing, std::error_code error);
  void report_full(on_shard& mine, std::string_view how);
  void record(const session& from, std::uint64_t in, std::uint64_t out, std::string end,
              std::optional<shoal::duration> first_byte = {});
  void record_builtin(shoal::connection& client, std::error_code reason);
  void describe_server();
  void choose_upstreams(std::span<const shoal::config::upstream_config> all);

  shoal::runtime& runtime_;
  const shoal::config::listener_config& listener_;
  const shared_upstreams& shared_;
  access_log* access_;
  std::vector<const shoal::config::upstream_config*> upstreams_;
  shoal::server_names by_name_;                                 // index in upstreams_
  std::vector<shoal::hash_table_ptr> tables_;                   // by upstream, for all shards
  std::vector<std::vector<std::unique_ptr<on_shard>>> shards_;  // by shard, by upstream
  std::vector<std::unique_ptr<opening_reader>> openings_;       // by shard
  std::vector<traffic> done_;                                   // by shard
  shoal::server server_;
};

}  // namespace proxy
