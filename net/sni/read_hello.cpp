// SPDX-License-Identifier: Apache-2.0
// The message itself: RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6066 3.
#include <shoal/core/lower_case.hpp>
#include <shoal/net/sni/hello_cursor.hpp>

#include <optional>

namespace shoal {
namespace {

using state = client_hello_look::state;

constexpr std::size_t message_header = 4;
constexpr std::size_t random_bytes = 32;
constexpr std::size_t longest_session_id = 32;
constexpr std::size_t server_name_extension = 0;
constexpr std::uint8_t host_name = 0;
constexpr std::size_t longest_name = 255;  // RFC 1035 2.3.4

client_hello_look refuse(client_hello_error why) {
  return {.is = state::malformed, .wanted = 0, .server_name = {}, .error = why};
}

/// Lower case; nothing for what no host name has. A dot at the end says that the name is complete: it goes.
std::optional<std::string> read_name(hello_cursor& from, std::size_t length) {
  std::string name;
  bool is_good = true;
  for (std::size_t i = 0; i < length; ++i) {
    const char c = static_cast<char>(from.u8());
    const char lower = lower_case(c);
    const bool is_plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    const bool ends_label = c == '.' && !name.empty() && name.back() != '.';
    if (!is_plain && !ends_label) is_good = false;
    name += lower;
  }
  if (name.ends_with('.')) name.pop_back();
  if (!is_good || name.empty()) return std::nullopt;
  return name;
}

/// The extension's list of names. RFC 6066: at most one of a type; a type that is not known has its length, too.
client_hello_error read_names(hello_cursor& from, std::size_t length, std::string& name) {
  const std::size_t end = from.left() - length;
  if (length < 2 || from.u16() != length - 2 || length == 2) return client_hello_error::bad_lengths;
  while (from.is_good() && from.left() > end) {
    const std::uint8_t type = from.u8();
    const std::size_t size = from.u16();
    if (from.left() < end || size > from.left() - end || size == 0) return client_hello_error::bad_lengths;
    if (type != host_name) {
      from.skip(size);
      continue;
    }
    if (!name.empty()) return client_hello_error::repeated_name;
    if (size > longest_name) return client_hello_error::bad_name;
    auto read = read_name(from, size);
    if (!read) return client_hello_error::bad_name;
    name = *std::move(read);
  }
  return {};
}

client_hello_error read_extensions(hello_cursor& from, std::string& name) {
  bool has_names = false;
  const std::size_t total = from.u16();
  if (total != from.left()) return client_hello_error::bad_lengths;
  while (from.is_good() && from.left() != 0) {
    const std::size_t type = from.u16();
    const std::size_t length = from.u16();
    if (!from.is_good() || length > from.left()) return client_hello_error::bad_lengths;
    if (type != server_name_extension) {
      from.skip(length);
      continue;
    }
    if (has_names) return client_hello_error::repeated_name;
    has_names = true;
    if (const auto wrong = read_names(from, length, name); wrong != client_hello_error{}) return wrong;
  }
  return {};
}

/// Up to the extensions.
void skip_fixed_part(hello_cursor& from) {
  from.skip(random_bytes);
  const std::size_t session_id = from.u8();
  if (session_id > longest_session_id) from.fail();
  from.skip(session_id);
  const std::size_t ciphers = from.u16();
  if (ciphers == 0 || ciphers % 2 != 0) from.fail();
  from.skip(ciphers);
  const std::size_t compressions = from.u8();
  if (compressions == 0) from.fail();
  from.skip(compressions);
}

}  // namespace

client_hello_look read_hello(const link_buffer& input, std::size_t length) {
  hello_cursor from{input, length};
  from.skip(message_header);
  const std::size_t version = from.u16();
  if (from.is_good() && version >> 8U != 3) return refuse(client_hello_error::bad_version);
  skip_fixed_part(from);
  std::string name;
  auto wrong = client_hello_error{};
  if (from.is_good() && from.left() != 0) wrong = read_extensions(from, name);  // before RFC 3546 there were none
  if (wrong == client_hello_error{} && !from.is_good()) wrong = client_hello_error::bad_lengths;
  if (wrong != client_hello_error{}) return refuse(wrong);
  return {.is = state::complete, .wanted = 0, .server_name = std::move(name), .error = {}};
}

}  // namespace shoal
