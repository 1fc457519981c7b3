// SPDX-License-Identifier: Apache-2.0
// on_stop: calls something when a token is asked to stop, as long as it lives.
//
// Thread rule: the stop is requested on the thread that made it.
#pragma once

#include <optional>
#include <stop_token>
#include <utility>

namespace shoal {

/// Nothing is noted for a token that can't be requested, which is the usual one.
template <class What>
class on_stop {
 public:
  on_stop(const std::stop_token& token, What what) {
    if (token.stop_possible()) callback_.emplace(token, std::move(what));
  }

 private:
  std::optional<std::stop_callback<What>> callback_;
};

}  // namespace shoal
