// SPDX-License-Identifier: Apache-2.0
// ClientHellos for tests, put together from their parts; and cut into records.
//
// Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::test {

[[nodiscard]] inline std::string big_endian(std::size_t value, unsigned bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(static_cast<std::uint8_t>(value >> 8U * bytes));
  return out;
}

/// `bytes` behind their length.
[[nodiscard]] inline std::string sized(std::string_view bytes, unsigned length_bytes) {
  return big_endian(bytes.size(), length_bytes) + std::string(bytes);
}

[[nodiscard]] inline std::string extension(unsigned type, std::string_view data) {
  return big_endian(type, 2) + sized(data, 2);
}

[[nodiscard]] inline std::string server_name_extension(std::string_view name) {
  return extension(0, sized('\0' + sized(name, 2), 2));
}

/// The handshake message. Without extensions it has no place for them either, as in SSL 3.
[[nodiscard]] inline std::string hello_with(std::string_view extensions) {
  std::string body = "\x03\x03" + std::string(32, 'r') + sized(std::string(32, 's'), 1);
  body += sized("\x13\x01\x13\x02\x13\x03", 2) + sized(std::string(1, '\0'), 1);
  if (!extensions.empty()) body += sized(extensions, 2);
  return '\x01' + sized(body, 3);
}

/// A message in records of at most that payload.
[[nodiscard]] inline std::string in_records(std::string_view message, std::size_t payload) {
  std::string out;
  while (!message.empty()) {
    const std::size_t n = std::min(payload, message.size());
    out += "\x16\x03\x01" + sized(message.substr(0, n), 2);
    message.remove_prefix(n);
  }
  return out;
}

/// As browsers send it: other extensions around the name.
[[nodiscard]] inline std::string hello_for(std::string_view name, std::size_t payload = 16384) {
  const std::string alpn = extension(16, sized(sized("h2", 1), 2));
  const std::string key = extension(51, std::string(70, 'k'));
  return in_records(hello_with(alpn + server_name_extension(name) + key), payload);
}

}  // namespace shoal::test
