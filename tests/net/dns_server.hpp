// SPDX-License-Identifier: Apache-2.0
// A name server of the test's own, on 127.0.0.1, by UDP and TCP on one port. It says what it is told to say, as late as
// it is told, or nothing.
//
// Thread rule: its socket work is on a thread of its own; everything public may be called from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace shoal::test {

struct dns_reply {
  int code = 0;                        ///< 0 found, 2 server failure, 3 no such name, 5 refused
  std::vector<std::string> addresses;  ///< of the type that is asked for
  std::uint32_t ttl = 60;
  std::string alias;  ///< the name is a CNAME for this one, whose records follow
  std::uint32_t alias_ttl = 60;
  std::chrono::milliseconds delay{0};
  bool silent = false;
  bool too_large_for_udp = false;  ///< UDP gets a truncated answer
};

class dns_server {
 public:
  static constexpr int a = 1;
  static constexpr int aaaa = 28;

  dns_server();
  dns_server(const dns_server&) = delete;
  dns_server& operator=(const dns_server&) = delete;
  ~dns_server();

  /// "127.0.0.1:5353"
  [[nodiscard]] std::string where() const { return "127.0.0.1:" + std::to_string(port_); }
  /// What is not set does not exist (code 3).
  void set(std::string_view name, int type, dns_reply reply);
  [[nodiscard]] int times_asked(std::string_view name, int type) const;
  [[nodiscard]] int times_asked_by_tcp() const;

 private:
  using key = std::pair<std::string, int>;
  struct late_reply {
    std::chrono::steady_clock::time_point when;
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t> peer;  // a sockaddr
  };
  void run();
  void answer_udp();
  void answer_tcp();
  void send_due();
  [[nodiscard]] int patience_ms() const;
  [[nodiscard]] std::pair<dns_reply, std::vector<std::uint8_t>> reply_to(const std::vector<std::uint8_t>& question,
                                                                         bool udp);

  int udp_ = -1;
  int tcp_ = -1;
  int stop_ = -1;
  std::uint16_t port_ = 0;
  std::vector<late_reply> late_;  // the thread's own
  mutable std::mutex mutex_;
  std::map<key, dns_reply> replies_;
  std::map<key, int> asked_;
  int asked_by_tcp_ = 0;
  std::thread thread_;
};

}  // namespace shoal::test
