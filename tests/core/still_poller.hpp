// SPDX-License-Identifier: Apache-2.0
// A poller that does no input or output: the base of those that tests sleep and wake with.
//
// Thread rule: as poller.hpp.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/poller/poller.hpp>

namespace shoal::test {

class still_poller : public poller {
 public:
  std::string_view name() const noexcept override { return "still"; }
  std::string_view reason() const noexcept override { return "a test"; }
  std::error_code attach(fd_operator&) override { return errc::not_supported; }
  void receive(fd_operator&, bool) override {}
  void send(fd_operator&) override {}
  void accept(fd_operator&, bool) override {}
  void connect(fd_operator&, socket_name_view) override {}
  void retire(fd_operator&) override {}
  void poll(instant, poll_sleeper&) override {}
  void wake() noexcept override {}
};

}  // namespace shoal::test
