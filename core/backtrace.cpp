// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/backtrace.hpp>

#include <shoal/core/thread_semaphore.hpp>

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <execinfo.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <system_error>

namespace shoal {

namespace {

/// Frames of the handler itself and of the kernel's return from it.
constexpr std::size_t own_frames = 2;

/// The one capture under way in this process: a signal's handler has no other way to find it. Whoever asks holds the
/// mutex; `wanted` keeps a handler that comes too late from writing.
struct capture {
  std::mutex one_at_a_time;
  std::atomic<bool> wanted{false};
  std::array<void*, 64> frames{};
  std::atomic<int> count{0};
  thread_semaphore done;
};
capture& the_capture() {
  static capture one;
  return one;
}

void on_signal(int) {
  const int kept = errno;
  capture& here = the_capture();
  if (here.wanted.exchange(false, std::memory_order_acquire)) {
    here.count.store(::backtrace(here.frames.data(), static_cast<int>(here.frames.size())), std::memory_order_release);
    here.done.release();
  }
  errno = kept;
}

}  // namespace

struct backtrace_signal::saved_action {
  struct sigaction action;
};

backtrace_signal::backtrace_signal(int number) : number_(number), before_(std::make_unique<saved_action>()) {
  // The first call loads a library and allocates, which a handler must not.
  std::array<void*, 4> warm_up;
  static_cast<void>(::backtrace(warm_up.data(), static_cast<int>(warm_up.size())));
  static_cast<void>(the_capture());
  struct sigaction ours{};
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_RESTART;
  if (::sigaction(number_, &ours, &before_->action) != 0)
    throw std::system_error(errno, std::system_category(), "stall_signal");
}

backtrace_signal::~backtrace_signal() { ::sigaction(number_, &before_->action, nullptr); }

std::span<void* const> backtrace_signal::of(pthread_t thread, instant deadline) noexcept {
  capture& here = the_capture();
  const std::scoped_lock lock(here.one_at_a_time);
  here.count.store(0, std::memory_order_relaxed);
  here.wanted.store(true, std::memory_order_release);
  if (::pthread_kill(thread, number_) != 0 || !here.done.acquire_until(deadline)) {
    // Too late, unless the handler has just begun: then it will be done at once.
    if (here.wanted.exchange(false)) return {};
    here.done.acquire();
  }
  const auto count = static_cast<std::size_t>(here.count.load(std::memory_order_acquire));
  if (count <= own_frames) return {};
  copy_ = here.frames;
  return std::span{copy_}.subspan(own_frames, count - own_frames);
}

struct symbol_names::session {
  struct finish {
    void operator()(Dwfl* done) const noexcept { ::dwfl_end(done); }
  };
  Dwfl_Callbacks callbacks{};
  char* debug_path = nullptr;  // the usual places
  std::unique_ptr<Dwfl, finish> open;
};

symbol_names::symbol_names() : session_(std::make_unique<session>()) {
  session_->callbacks.find_elf = ::dwfl_linux_proc_find_elf;
  session_->callbacks.find_debuginfo = ::dwfl_standard_find_debuginfo;
  session_->callbacks.debuginfo_path = &session_->debug_path;
  session_->open.reset(::dwfl_begin(&session_->callbacks));
  if (session_->open == nullptr) return;
  ::dwfl_linux_proc_report(session_->open.get(), ::getpid());
  ::dwfl_report_end(session_->open.get(), nullptr, nullptr);
}

symbol_names::~symbol_names() = default;

std::string symbol_names::name_of(const void* return_address) const {
  // One back: the call, not what comes after it, which may be another line or even another function.
  const auto address = static_cast<Dwarf_Addr>(reinterpret_cast<std::uintptr_t>(return_address)) - 1;
  Dwfl_Module* module = session_->open ? ::dwfl_addrmodule(session_->open.get(), address) : nullptr;
  const char* symbol = module != nullptr ? ::dwfl_module_addrname(module, address) : nullptr;
  if (symbol == nullptr) {
    std::array<char, 32> hex{};
    std::snprintf(hex.data(), hex.size(), "0x%llx", static_cast<unsigned long long>(address));
    return hex.data();
  }
  const std::unique_ptr<char, void (*)(void*)> readable{abi::__cxa_demangle(symbol, nullptr, nullptr, nullptr),
                                                        std::free};
  std::string name = readable ? readable.get() : symbol;
  int line = 0;
  if (Dwfl_Line* found = ::dwfl_module_getsrc(module, address); found != nullptr) {
    if (const char* file = ::dwfl_lineinfo(found, nullptr, &line, nullptr, nullptr, nullptr); file != nullptr) {
      const char* slash = std::strrchr(file, '/');
      name += std::string{" ("} + (slash != nullptr ? slash + 1 : file) + ':' + std::to_string(line) + ')';
    }
  }
  return name;
}

}  // namespace shoal
