// SPDX-License-Identifier: Apache-2.0
// Bytes choose operations on link buffers; each is checked against std::string (tests/buffers/link_buffer_model.hpp).
#include <tests/buffers/link_buffer_model.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  shoal::test::link_buffer_model model{shoal::test::choices{std::span{data, size}}};
  while (!model.exhausted() && model.steps() < 2000) model.step();
  model.finish();
  return 0;
}
