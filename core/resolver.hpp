// SPDX-License-Identifier: Apache-2.0
// resolver: names become addresses. An interface at the seam (D5): c-ares behind the real host, a script in a simulated
// one, a cache in front of both (net/caching_resolver.hpp).
//
//   class my_question : public name_question { void answered(const result<name_answer>&) noexcept override; };
//   names.ask(q);                ->  q.answered(...)   once, unless q is cancelled or destroyed before
//
// Application code has it simpler: co_await resolve(name, options), net/resolve.hpp.
//
// Thread rule: one shard's; questions too.
// Invariants:
//  1. Each question asked is answered once, in time: who asks may have a deadline of its own, and cancels.
//  2. answered() does bookkeeping only, like the reports of an fd_operator: it may be called inside poll(), and inside
//     ask() when the answer is known. It asks nothing. It may destroy its own question, but no other.
//  3. No call blocks.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/instant.hpp>

#include <boost/intrusive/list_hook.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace shoal {

/// What a question is about. One kind each, so that the slower of two does not hold back the other. (Services, SRV,
/// will be a third kind with an answer of its own.)
enum class record_kind : std::uint8_t { ipv4, ipv6 };

/// Longest name in its usual spelling, in bytes (RFC 1035: 255 on the wire).
inline constexpr std::size_t max_name_bytes = 253;

/// The bytes of an address in network order; of IPv4, the first four.
using ip_bytes = std::array<std::uint8_t, 16>;

struct name_answer {
  std::vector<ip_bytes> addresses;  ///< of the kind that was asked for, in the servers' order; never empty
  duration ttl{0};                  ///< how long it may be used
};

class resolver;

/// One question, from ask() to answered(). Embed it in what waits.
class name_question
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>> {
 public:
  /// `name` must outlive the wait.
  name_question(std::string_view name, record_kind kind) noexcept : name_(name), kind_(kind) {}
  name_question(const name_question&) = delete;
  name_question& operator=(const name_question&) = delete;

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] record_kind kind() const noexcept { return kind_; }
  /// Asked, and neither answered nor cancelled yet.
  [[nodiscard]] bool is_pending() const noexcept { return asked_ != nullptr; }
  /// No answer comes any more. Harmless when none is pending.
  void cancel() noexcept;

  /// Errors: errc::name_not_found, no_address, name_server_failed, resolve_timeout, invalid_argument (this can't be a
  /// name), would_block (too many questions at once), no_memory, stopped; or an errno of the machine.
  virtual void answered(const result<name_answer>& outcome) noexcept = 0;

 protected:
  virtual ~name_question() { cancel(); }  // protected: never destroyed through this face

 private:
  friend class resolver;
  std::string_view name_;
  record_kind kind_;
  resolver* asked_ = nullptr;
  void* state_ = nullptr;
};

class resolver {
 public:
  resolver() = default;
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;
  /// No question is pending.
  virtual ~resolver() = default;

  /// The question must not be pending.
  void ask(name_question& q) {
    q.asked_ = this;
    start(q);
  }
  /// Answers what is pending with errc::stopped, and everything from now on. Watches nothing and holds no timer
  /// afterwards.
  virtual void stop() noexcept = 0;

 protected:
  /// Answers by finish(), now or later.
  virtual void start(name_question& q) = 0;
  /// Forgets a question.
  virtual void forget(name_question& q) noexcept = 0;

  /// What the resolver notes with a question that is pending; null at first.
  [[nodiscard]] static void*& state_of(name_question& q) noexcept { return q.state_; }
  static void finish(name_question& q, const result<name_answer>& outcome) noexcept {
    q.asked_ = nullptr;
    q.state_ = nullptr;
    q.answered(outcome);
  }

 private:
  friend class name_question;
};

inline void name_question::cancel() noexcept {
  if (asked_ == nullptr) return;
  resolver& by = *std::exchange(asked_, nullptr);
  by.forget(*this);
  state_ = nullptr;
}

}  // namespace shoal
