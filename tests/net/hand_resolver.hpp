// SPDX-License-Identifier: Apache-2.0
// A resolver that the test answers by hand.
//
// Thread rule: the shard's.
#pragma once

#include <shoal/core/resolver.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::test {

class hand_resolver final : public resolver {
 public:
  std::vector<name_question*> pending;
  std::vector<std::string> asked;  ///< "4 db.example"
  bool stopped = false;

  /// The oldest question.
  void answer(const result<name_answer>& outcome) {
    name_question& q = *pending.front();
    pending.erase(pending.begin());
    finish(q, outcome);
  }
  void stop() noexcept override {
    stopped = true;
    while (!pending.empty()) answer(fail(errc::stopped));
  }

 private:
  void start(name_question& q) override {
    asked.push_back((q.kind() == record_kind::ipv4 ? "4 " : "6 ") + std::string{q.name()});
    pending.push_back(&q);
  }
  void forget(name_question& q) noexcept override { std::erase(pending, &q); }
};

/// 10.0.0.x, or fd00::x.
inline name_answer numbered(std::uint8_t last, duration ttl, record_kind kind = record_kind::ipv4) {
  ip_bytes bytes{};
  bytes[0] = kind == record_kind::ipv4 ? 10 : 0xfd;
  bytes[kind == record_kind::ipv4 ? 3 : 15] = last;
  return {.addresses = {bytes}, .ttl = ttl};
}

}  // namespace shoal::test
