// SPDX-License-Identifier: Apache-2.0
// dial_attempt: one connection on its way to one address. A dial is one of these, or, for a name, several that race.
//
//   start() --error at once--> over
//      \------ in progress ------> finished(outcome) ------> take() or abandon()
//       \----- abandon(): no finished() any more
//
// Thread rule: owner shard only.
// Invariants: finished() comes once, in the "deliver" step, unless it was abandoned before. The attempt owns its
//   connection until take(); hooks after on_prepare run only for one that was taken.
#pragma once

#include <shoal/net/connection_owner.hpp>
#include <shoal/net/dial_options.hpp>

namespace shoal {

class dial_attempt : private connection_observer {
 public:
  dial_attempt() = default;
  dial_attempt(const dial_attempt&) = delete;
  dial_attempt& operator=(const dial_attempt&) = delete;

  /// An error: it failed at once. `deadline`: when finished(errc::connect_timeout) comes at the latest; never = the
  /// caller sees to it. `observer`, or nullptr, hears when the connection is gone.
  [[nodiscard]] std::error_code start(shard& here, const profile_ptr& profile, connection_observer* observer,
                                      const address& target, const dial_options& options, instant deadline);
  /// finished(reason) follows, in a later step. Harmless when none is in progress.
  void cancel(std::error_code reason);
  /// Closes it and forgets it.
  void abandon() noexcept;
  /// After finished() without an error.
  [[nodiscard]] connection_owner take() noexcept;

 protected:
  ~dial_attempt() { abandon(); }
  /// May destroy the attempt.
  virtual void finished(std::error_code outcome) = 0;

 private:
  void on_connection_gone(connection& c) noexcept override;
  void on_connection_established(connection& c, std::error_code outcome) override;

  connection_owner held_;
  connection_observer* observer_ = nullptr;
};

}  // namespace shoal
