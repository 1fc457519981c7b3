// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/proxy_protocol/crc32c.hpp>

#include <array>

namespace shoal {
namespace {

constexpr std::uint32_t reflected_polynomial = 0x82F63B78;

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? reflected_polynomial : 0);
    table[i] = value;
  }
  return table;
}

constexpr auto table = make_table();

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint32_t sum = ~before;
  for (const std::byte b : bytes) sum = (sum >> 8U) ^ table[(sum ^ std::to_integer<std::uint32_t>(b)) & 0xFFU];
  return ~sum;
}

}  // namespace shoal
