// SPDX-License-Identifier: Apache-2.0
// name_lookup: both kinds of addresses of one name, asked for at the same time; the common part of resolve() and of
// dialling by name.
//
// Thread rule: owner shard only.
#pragma once

#include <shoal/core/resolver.hpp>
#include <shoal/net/address.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace shoal {

class shard;

enum class address_families : std::uint8_t { any, ipv4, ipv6 };

/// Addresses of one kind that are used at most; more of them are passed over.
inline constexpr std::size_t max_addresses_per_kind = 32;

/// Of two reasons why a name gave no address, the one that tells more: trouble of this machine, then servers that
/// failed, then silence, then "no address of this kind" (the name exists), then "no such name".
[[nodiscard]] std::error_code more_telling_name_error(std::error_code a, std::error_code b) noexcept;

class name_lookup {
 public:
  /// `name` must outlive it.
  explicit name_lookup(std::string_view name) noexcept;
  name_lookup(const name_lookup&) = delete;
  name_lookup& operator=(const name_lookup&) = delete;

  /// on_answer() may be called in here.
  void ask(resolver& names, address_families which);
  void cancel() noexcept;

  /// Not asked counts as answered.
  [[nodiscard]] bool has_answer(record_kind kind) const noexcept { return !of(kind).is_pending(); }
  [[nodiscard]] bool is_complete() const noexcept { return !ipv6_.is_pending() && !ipv4_.is_pending(); }
  /// In the order of the answer; empty while there is none.
  [[nodiscard]] std::vector<address> addresses(record_kind kind, std::uint16_t port) const;
  /// How long all of it may be used.
  [[nodiscard]] duration ttl() const noexcept;
  /// Why there is no address so far.
  [[nodiscard]] std::error_code error() const noexcept;

 protected:
  ~name_lookup() = default;
  /// One answer is there. Bookkeeping only (resolver.hpp).
  virtual void on_answer() noexcept = 0;

 private:
  struct question final : name_question {
    question(name_lookup& by, std::string_view name, record_kind kind) noexcept
        : name_question(name, kind), owner(by) {}
    void answered(const result<name_answer>& got) noexcept override;
    name_lookup& owner;
    std::optional<result<name_answer>> outcome;
  };
  [[nodiscard]] const question& of(record_kind kind) const noexcept {
    return kind == record_kind::ipv4 ? ipv4_ : ipv6_;
  }

  question ipv6_;
  question ipv4_;
};

}  // namespace shoal
