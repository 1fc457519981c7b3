// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/log_format.hpp>

#include <fmt/args.h>
#include <fmt/format.h>

#include <iterator>

namespace shoal {

void write_formatted(logger& log, log_level level, std::string_view format,
                     std::span<const log_argument> values) noexcept {
  try {
    fmt::dynamic_format_arg_store<fmt::format_context> store;
    store.reserve(values.size(), 0);
    for (const auto& value : values) {
      const auto* const text = std::get_if<std::string>(&value);
      if (text != nullptr) {
        store.push_back(fmt::string_view{*text});  // a std::string would be copied
      } else {
        std::visit([&store](const auto& v) { store.push_back(v); }, value);
      }
    }
    fmt::memory_buffer line;
    fmt::vformat_to(std::back_inserter(line), fmt::string_view{format.data(), format.size()}, store);
    log.write(level, {line.data(), line.size()});
  } catch (...) {
    log.write(level, format);
  }
}

}  // namespace shoal
