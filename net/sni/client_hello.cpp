// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/sni/client_hello.hpp>

#include <shoal/net/sni/hello_cursor.hpp>

#include <algorithm>
#include <array>

namespace shoal {
namespace {

using state = client_hello_look::state;

constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t tls_major = 3;  // of all versions, SSL 3 included
constexpr std::uint8_t client_hello_message = 1;
constexpr std::size_t max_record = std::size_t{16} << 10;
constexpr std::size_t message_header = 4;

client_hello_look refuse(client_hello_error why) {
  return {.is = state::malformed, .wanted = 0, .server_name = {}, .error = why};
}

const char* describe(client_hello_error code) noexcept {
  switch (code) {
    case client_hello_error::not_tls: return "the connection does not begin with TLS";
    case client_hello_error::bad_record: return "a record that is empty, or longer than 16 KiB";
    case client_hello_error::interrupted: return "another record before the end of the ClientHello";
    case client_hello_error::no_hello: return "the first message is no ClientHello";
    case client_hello_error::too_long: return "longer than 64 KiB";
    case client_hello_error::bad_version: return "its version is none of TLS";
    case client_hello_error::bad_lengths: return "its lengths do not add up";
    case client_hello_error::repeated_name: return "two server names";
    case client_hello_error::bad_name: return "its server name can be no host's";
  }
  return "unknown error";
}

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "client_hello"; }
  std::string message(int value) const override { return describe(static_cast<client_hello_error>(value)); }
};

/// The byte at an offset that is here.
std::uint8_t byte_at(const link_buffer& input, std::size_t offset) {
  for (const auto piece : input.pieces()) {
    if (offset < piece.size()) return std::to_integer<std::uint8_t>(piece[offset]);
    offset -= piece.size();
  }
  SHOAL_ASSERT(false);
  return 0;
}

}  // namespace

const std::error_category& client_hello_category() noexcept {
  static const category only;  // immutable
  return only;
}

client_hello_look client_hello_parser::look(const link_buffer& input) {
  while (record_ + record_header <= max_bytes) {
    const bool has_header = length_ != 0 || read_record_header(input);
    if (error_ != client_hello_error{}) return refuse(error_);
    if (!has_header) return need(input.len() + 1);  // its first bytes may be wrong already
    const std::size_t payload = record_ + record_header;
    const std::size_t here = std::min(length_, input.len() - payload);
    if (message_ == 0 && before_ + here >= message_header) read_message_header(input);
    if (error_ != client_hello_error{}) return refuse(error_);
    if (message_ != 0 && before_ + here >= message_) {
      const std::size_t end = payload + message_ - before_;
      return end <= max_bytes ? read_hello(input, message_) : refuse(client_hello_error::too_long);
    }
    if (here < length_) {
      // Where the hello ends, or as long as its length is not known whatever comes next.
      const std::size_t rest = message_ == 0 ? here + 1 : message_ - before_;
      return need(payload + std::min(length_, rest));
    }
    before_ += length_;
    record_ = payload + length_;
    length_ = 0;
  }
  return refuse(client_hello_error::too_long);
}

client_hello_look client_hello_parser::need(std::size_t bytes) const {
  if (bytes > max_bytes) return refuse(client_hello_error::too_long);
  return {.is = state::incomplete, .wanted = bytes, .server_name = {}, .error = {}};
}

/// What is wrong with it is found at its first byte.
bool client_hello_parser::read_record_header(const link_buffer& input) {
  const std::size_t here = std::min(input.len() - record_, record_header);
  std::array<std::uint8_t, record_header> header{};
  for (std::size_t i = 0; i < here; ++i) header[i] = byte_at(input, record_ + i);
  const bool is_other = (here > 0 && header[0] != handshake_record) || (here > 1 && header[1] != tls_major);
  if (is_other) error_ = record_ == 0 ? client_hello_error::not_tls : client_hello_error::interrupted;
  if (is_other || here < record_header) return false;
  length_ = static_cast<std::size_t>(header[3] << 8U) | header[4];
  if (length_ == 0 || length_ > max_record) error_ = client_hello_error::bad_record;
  return true;
}

/// Its four bytes may lie in four records.
void client_hello_parser::read_message_header(const link_buffer& input) {
  hello_cursor from{input, message_header};
  if (from.u8() != client_hello_message) {
    error_ = client_hello_error::no_hello;
    return;
  }
  const std::size_t high = from.u8();
  message_ = message_header + (high << 16U | from.u16());
  if (message_ + record_header > max_bytes) error_ = client_hello_error::too_long;
}

}  // namespace shoal
