// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/proxy_protocol/read_proxy_header.hpp>

#include <shoal/net/proxy_protocol/parse_proxy_header.hpp>
#include <shoal/net/reader.hpp>

#include <utility>

namespace shoal {
namespace {

using look = proxy_header_look;
using state = proxy_header_state;

/// Over when the bytes have decided.
class header_wait final : public read_waiter {
 public:
  explicit header_wait(connection& c) noexcept : read_waiter(c, 1) {}
  /// What ended it before that.
  [[nodiscard]] std::error_code await_resume() const noexcept { return error_; }

  look seen;

 private:
  [[nodiscard]] bool satisfied() override {
    if (connection_.input().len() < seen.length) return false;
    seen = look_at_proxy_header(connection_.input());
    want_ = seen.length;
    return seen.state != state::undecided && seen.state != state::incomplete;
  }
};

result<std::optional<proxy_header>> judge(look seen, std::error_code ended, proxy_header_policy policy) {
  const bool may_lack = policy == proxy_header_policy::accept;
  switch (seen.state) {
    case state::complete: return std::optional{std::move(seen.header)};
    case state::malformed: return fail(seen.error);
    case state::absent:
      if (may_lack) return std::nullopt;
      return fail(proxy_header_error::missing);
    case state::undecided:
      if (may_lack && (ended == errc::read_timeout || ended == errc::eof)) return std::nullopt;
      break;
    case state::incomplete: break;
  }
  return fail(ended);
}

}  // namespace

task<result<std::optional<proxy_header>>> read_proxy_header(connection& c, proxy_header_policy policy,
                                                            instant deadline) {
  c.set_read_deadline(deadline);
  header_wait wait{c};
  const std::error_code ended = co_await wait;
  c.set_read_deadline(never);
  if (wait.seen.state == state::complete) {
    if (auto taken = c.input().consume(wait.seen.length); !taken) co_return fail(taken.error());
  }
  co_return judge(std::move(wait.seen), ended, policy);
}

}  // namespace shoal
