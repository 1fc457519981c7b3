// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/log.hpp>

#include <shoal/core/affinity.hpp>
#include <shoal/core/log_line.hpp>
#include <shoal/core/log_output.hpp>
#include <shoal/core/signals_blocked.hpp>

#include <spdlog/async.h>
#include <spdlog/sinks/sink.h>

#include <array>
#include <utility>

namespace shoal {
namespace {

using time = std::chrono::system_clock::time_point;

constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info", "warning", "error", "off"};

constexpr time no_time{};  // spdlog wants one with every line; logs do not reach back to 1970

std::optional<time> if_any(time at) { return at == no_time ? std::nullopt : std::optional{at}; }

/// Our levels are spdlog's, up to `critical`, which we don't have.
spdlog::level::level_enum to_spdlog(log_level level) noexcept {
  return level == log_level::off ? spdlog::level::off : static_cast<spdlog::level::level_enum>(level);
}
static_assert(static_cast<int>(log_level::error) == static_cast<int>(spdlog::level::err));

/// Where spdlog's worker hands the lines over. All but lost() runs on that worker.
class output_sink final : public spdlog::sinks::sink {
 public:
  output_sink(log_style style, log_output& output) : writer_{style}, output_{output} {}

  /// To be called before the first line. The pool counts what its queue dropped.
  void watch(spdlog::details::thread_pool& pool) { pool_ = &pool; }

  void log(const spdlog::details::log_msg& message) override {
    put(message.time, static_cast<log_level>(message.level), {message.payload.data(), message.payload.size()});
    const auto lost = lost_.load(std::memory_order_relaxed) + pool_->overrun_counter();
    if (lost == reported_) return;
    const auto text =
        std::to_string(lost - reported_) + " log lines were lost: the log could not be written fast enough";
    if (put(message.time, log_level::warning, text)) reported_ = lost;
  }
  void flush() override { output_.adopt(); }
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

  [[nodiscard]] std::size_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  bool put(time at, log_level level, std::string_view text) {
    if (output_.write(writer_.line(if_any(at), level, text))) return true;
    lost_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }

  log_line_writer writer_;
  log_output& output_;
  spdlog::details::thread_pool* pool_ = nullptr;
  std::atomic<std::size_t> lost_{0};
  std::size_t reported_ = 0;
};

}  // namespace

std::string_view to_string(log_level level) noexcept { return level_names[static_cast<std::size_t>(level)]; }

std::optional<log_level> parse_log_level(std::string_view word) noexcept {
  if (word == "warn") return log_level::warning;
  for (std::size_t i = 0; i < level_names.size(); ++i) {
    if (level_names[i] == word) return static_cast<log_level>(i);
  }
  return std::nullopt;
}

void log_collector::add(std::string line) {
  const std::scoped_lock lock{mutex_};
  lines_.push_back(std::move(line));
}

std::vector<std::string> log_collector::take() {
  const std::scoped_lock lock{mutex_};
  return std::exchange(lines_, {});
}

class logger::backend {
 public:
  backend() = default;
  backend(const backend&) = delete;
  backend& operator=(const backend&) = delete;
  virtual ~backend() = default;
  virtual void put(time at, log_level level, std::string_view message) = 0;
  virtual result<void> reopen() { return {}; }
  [[nodiscard]] virtual std::size_t lost() const { return 0; }
};

class logger::collecting final : public backend {
 public:
  collecting(log_style style, log_collector& into) : writer_{style}, into_{into} {}

  void put(time at, log_level level, std::string_view message) override {
    const std::scoped_lock lock{mutex_};
    auto line = writer_.line(if_any(at), level, message);
    line.remove_suffix(1);
    into_.add(std::string{line});
  }

 private:
  std::mutex mutex_;
  log_line_writer writer_;
  log_collector& into_;
};

class logger::queued final : public backend {
 public:
  explicit queued(const log_options& options)
      : output_{options.path}, sink_{std::make_shared<output_sink>(options.style, output_)} {
    const signals_blocked none;
    pool_ = std::make_shared<spdlog::details::thread_pool>(max_queued_lines, 1, [] { name_this_thread("shoal-log"); });
    sink_->watch(*pool_);
    // `overrun_oldest` is what makes post_log() wait for nothing but the queue's own mutex.
    front_ =
        std::make_shared<spdlog::async_logger>("shoal", sink_, pool_, spdlog::async_overflow_policy::overrun_oldest);
    front_->set_level(spdlog::level::trace);
  }

  void put(time at, log_level level, std::string_view message) override {
    front_->log(at, spdlog::source_loc{}, to_spdlog(level), spdlog::string_view_t{message.data(), message.size()});
  }

  result<void> reopen() override {
    auto done = output_.reopen();
    front_->flush();  // makes the worker change over
    return done;
  }

  [[nodiscard]] std::size_t lost() const override { return sink_->lost() + pool_->overrun_counter(); }

 private:
  // In this order: the pool goes first and joins its thread after the queue is written.
  log_output output_;
  std::shared_ptr<output_sink> sink_;
  std::shared_ptr<spdlog::async_logger> front_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
};

std::unique_ptr<logger::backend> logger::make_backend(const log_options& options) {
  if (options.collector != nullptr) return std::make_unique<collecting>(options.style, *options.collector);
  return std::make_unique<queued>(options);
}

logger::logger(const log_options& options)
    : level_{options.level}, clock_{options.clock}, backend_{make_backend(options)} {}

logger::~logger() = default;

void logger::write(log_level level, std::string_view message) noexcept {
  if (!enabled(level)) return;
  try {
    backend_->put(clock_ ? clock_() : no_time, level, message.substr(0, max_log_line));
  } catch (...) {
    lost_here_.fetch_add(1, std::memory_order_relaxed);
  }
}

result<void> logger::reopen() { return backend_->reopen(); }

std::size_t logger::lines_lost() const noexcept {
  return lost_here_.load(std::memory_order_relaxed) + backend_->lost();
}

}  // namespace shoal
