// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/errc.hpp>

#include <string>

namespace shoal {

namespace {

/// What an operator reads in a log line: the fact first, then what it means for the connection.
const char* describe(errc code) noexcept {
  switch (code) {
    case errc::not_enough_data: return "not enough data buffered yet";
    case errc::eof: return "the peer finished sending";
    case errc::closed: return "closed by this side";
    case errc::read_timeout: return "read timeout: the peer sent too little in time";
    case errc::write_timeout: return "write timeout: the peer did not take the data in time";
    case errc::idle_timeout: return "idle timeout: no byte in either direction in time";
    case errc::connect_timeout: return "connect timeout: the endpoint did not answer in time";
    case errc::half_closed_timeout: return "half-closed timeout: the other direction stayed open too long";
    case errc::stopped: return "the runtime is stopping";
    case errc::cancelled: return "cancelled by the caller";
    case errc::concurrent_access: return "somebody else is already waiting on this side of the connection";
    case errc::unreleased: return "too many bytes handed out and not released";
    case errc::message_too_long: return "the message is longer than the configured maximum";
    case errc::would_block: return "the queue is full at the moment";
    case errc::stale_connection: return "the connection is gone";
    case errc::no_memory: return "the shard's buffer memory is used up";
    case errc::invalid_argument: return "invalid argument";
    case errc::not_supported: return "not supported by this kernel or build";
    case errc::address_in_use: return "the address is in use by another process";
    case errc::handler_failed: return "an exception left a handler";
    case errc::no_endpoint: return "no endpoint of the upstream could be used";
    case errc::detached: return "the descriptor was taken out of the connection";
    case errc::timed_out: return "the time limit passed first";
    case errc::name_not_found: return "no such name";
    case errc::no_address: return "the name has no address of this kind";
    case errc::name_server_failed: return "the name servers failed or refused to answer";
    case errc::resolve_timeout: return "resolve timeout: the name servers did not answer in time";
  }
  return "unknown error";
}

/// Zero where no std::errc says the same: callers that compare with std::errc must not match by accident.
std::errc standard_equivalent(errc code) noexcept {
  switch (code) {
    case errc::closed:
    case errc::detached: return std::errc::not_connected;
    case errc::read_timeout:
    case errc::write_timeout:
    case errc::idle_timeout:
    case errc::connect_timeout:
    case errc::half_closed_timeout:
    case errc::timed_out:
    case errc::resolve_timeout: return std::errc::timed_out;
    case errc::stopped:
    case errc::cancelled: return std::errc::operation_canceled;
    case errc::concurrent_access: return std::errc::operation_in_progress;
    case errc::message_too_long: return std::errc::message_size;
    case errc::would_block: return std::errc::operation_would_block;
    case errc::no_memory: return std::errc::not_enough_memory;
    case errc::invalid_argument: return std::errc::invalid_argument;
    case errc::not_supported: return std::errc::not_supported;
    case errc::address_in_use: return std::errc::address_in_use;
    case errc::no_endpoint: return std::errc::host_unreachable;
    case errc::not_enough_data:
    case errc::eof:
    case errc::unreleased:
    case errc::stale_connection:
    case errc::handler_failed:
    case errc::name_not_found:
    case errc::no_address:
    case errc::name_server_failed: break;
  }
  return std::errc{};
}

class shoal_category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "shoal"; }
  std::string message(int value) const override { return describe(static_cast<errc>(value)); }
  std::error_condition default_error_condition(int value) const noexcept override {
    const std::errc standard = standard_equivalent(static_cast<errc>(value));
    return standard == std::errc{} ? std::error_condition{value, *this} : std::make_error_condition(standard);
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const shoal_category category;  // immutable; function-local, so that static initialisers may use errc
  return category;
}

}  // namespace shoal
