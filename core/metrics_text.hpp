// SPDX-License-Identifier: Apache-2.0
// metrics_text: counters and gauges as the text that Prometheus reads (exposition format 0.0.4).
//
//   metrics_text page;
//   page.counter("shoal_shard_turns_total", "Turns of the shard's loop");
//   page.sample({{"shard", "0"}}, 17);
//   page.gauge("shoal_shard_connections", "Open connections");
//   ...
//   send(page.text());
//
// Thread rule: one thread.
// Rule (the format's): all samples of a metric stand together, under its name; a counter's ends in `_total`; units are
//   seconds, bytes and ratios.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace shoal {

class metrics_text {
 public:
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  /// Begins a metric that only grows, until its process ends.
  void counter(std::string_view name, std::string_view help) { begin(name, help, "counter"); }
  /// Begins one that goes up and down.
  void gauge(std::string_view name, std::string_view help) { begin(name, help, "gauge"); }

  /// A value of the metric that was begun last. Label values may hold any text.
  void sample(labels of, std::uint64_t value);
  void sample(labels of, double value);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  void begin(std::string_view name, std::string_view help, std::string_view type);
  void name_with(labels of);

  std::string text_;
  std::string name_;
};

}  // namespace shoal
