// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/sni/read_server_name.hpp>

#include <shoal/net/reader.hpp>
#include <shoal/net/sni/client_hello.hpp>

#include <utility>

namespace shoal {
namespace {

using state = client_hello_look::state;

/// Over when the hello is here, or is none.
class hello_wait final : public read_waiter {
 public:
  explicit hello_wait(connection& c) noexcept : read_waiter(c, 1) {}
  /// What ended it before that.
  [[nodiscard]] std::error_code await_resume() const noexcept { return error_; }

  client_hello_look seen;

 private:
  [[nodiscard]] bool satisfied() override {
    if (connection_.input().len() < seen.wanted) return false;
    seen = parser_.look(connection_.input());
    want_ = seen.wanted;
    return seen.is != state::incomplete;
  }

  client_hello_parser parser_;
};

}  // namespace

task<result<std::string>> read_server_name(connection& c, instant deadline) {
  c.set_read_deadline(deadline);
  hello_wait wait{c};
  const std::error_code ended = co_await wait;
  c.set_read_deadline(never);
  if (wait.seen.is == state::complete) co_return std::move(wait.seen.server_name);
  if (wait.seen.is == state::malformed) co_return fail(wait.seen.error);
  co_return fail(ended);
}

}  // namespace shoal
