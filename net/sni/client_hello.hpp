// SPDX-License-Identifier: Apache-2.0
// client_hello: finds the server name in the first bytes of a TLS client (SNI), so that a connection can go on to the
// right place with TLS untouched. No TLS library, and nothing is consumed or copied but the name.
//
//   records    | 16 03 01 len | fragment      | 16 03 01 len | fragment      | ...     RFC 8446 5.1: <= 16 KiB each
//   handshake                 | 01 len24      | ...hello...                  |         RFC 8446 4.1.2
//   extensions                                   ... 00 00 len | list of names         RFC 6066 3
//
// Thread rule: that of the buffer; one parser for each connection.
// Invariants: each byte of a payload is looked at once, when the whole hello is here, and record headers as they come:
//   a hello in the smallest pieces costs no more than one in a piece. What says nothing of the name (ciphers, keys) is
//   only measured: judging it is the endpoint's business.
#pragma once

#include <shoal/buffers/link_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <type_traits>

namespace shoal {

/// Why the first bytes of a client are refused.
enum class client_hello_error {
  not_tls = 1,    ///< no handshake record of TLS; SSL 2 is none either (RFC 6176)
  bad_record,     ///< an empty record, or one of more than 16 KiB
  interrupted,    ///< another kind of record before the hello has ended
  no_hello,       ///< the first message is another one
  too_long,       ///< longer than client_hello_parser::max_bytes
  bad_version,    ///< the client's version is none of TLS
  bad_lengths,    ///< lengths that do not add up, or that can't be
  repeated_name,  ///< two extensions, or two names
  bad_name,       ///< not the name of a host
};

[[nodiscard]] const std::error_category& client_hello_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(client_hello_error code) noexcept {
  return {static_cast<int>(code), client_hello_category()};
}

struct client_hello_look {
  enum class state : std::uint8_t { incomplete, complete, malformed };

  state is = state::incomplete;
  /// incomplete: how many bytes must be here before it is worth looking again.
  std::size_t wanted = 1;
  /// complete: in lower case, without the dot that may end it; empty if the client asks for none.
  std::string server_name;
  /// malformed
  client_hello_error error{};
};

class client_hello_parser {
 public:
  /// Longest hello, the headers of its records included. Browsers' have 2 KiB, with post-quantum keys; OpenSSL takes
  /// 128 KiB. What a stranger may make us hold until the deadline.
  static constexpr std::size_t max_bytes = std::size_t{64} << 10;

  /// Call again with the same buffer, of which nothing was consumed, when more has come.
  [[nodiscard]] client_hello_look look(const link_buffer& input);

 private:
  /// False: not all of the header is here.
  [[nodiscard]] bool read_record_header(const link_buffer& input);
  [[nodiscard]] client_hello_look need(std::size_t bytes) const;
  void read_message_header(const link_buffer& input);

  std::size_t record_ = 0;   // offset of the current record
  std::size_t length_ = 0;   // of its payload, once its header was read
  std::size_t before_ = 0;   // payload of the records before it
  std::size_t message_ = 0;  // the hello with its header; 0: not known yet
  client_hello_error error_{};
};

}  // namespace shoal

template <>
struct std::is_error_code_enum<shoal::client_hello_error> : std::true_type {};
