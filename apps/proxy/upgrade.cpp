// SPDX-License-Identifier: Apache-2.0
#include "proxy/upgrade.hpp"

#include <shoal/core/log_format.hpp>

#include <fmt/format.h>

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

namespace proxy {
namespace {

// For reading its file and opening what it needs. A process that takes longer is taken for one that hangs.
constexpr shoal::duration patience = std::chrono::seconds{60};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> made;
  for (auto& text : texts) made.push_back(text.data());
  made.push_back(nullptr);
  return made;
}

std::vector<std::string> environment_with(std::string more) {
  std::vector<std::string> made;
  for (char** one = environ; *one != nullptr; ++one) made.emplace_back(*one);
  made.push_back(std::move(more));
  return made;
}

std::string in_words(int status) {
  if (WIFEXITED(status)) return fmt::format("it ended with status {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return fmt::format("it was ended by signal {}", WTERMSIG(status));
  return "it ended";
}

}  // namespace

command_line command_of(int argc, const char* const* argv) {
  command_line made{.program = {}, .arguments = {argv, argv + argc}};
  std::error_code unknown;
  const std::filesystem::path called = made.arguments.front();
  // As it was called, so that a link that points to a newer program is followed again.
  made.program = called.has_parent_path() ? std::filesystem::absolute(called, unknown).string()
                                          : std::filesystem::read_symlink("/proc/self/exe", unknown).string();
  return made;
}

upgrade::upgrade(shoal::runtime& runtime, deployment& serving, admin* states, systemd_link& manager,
                 command_line command)
    : runtime_(runtime), serving_(serving), states_(states), manager_(manager), command_(std::move(command)) {}

upgrade::~upgrade() {
  if (!watcher_.joinable()) return;
  link_.end();  // whom it waits for is not needed any more
  watcher_.join();
}

void upgrade::run() {
  const auto refuse = [this](std::string_view why) { log_warning(runtime_.log(), "SIGUSR2: no upgrade: {}", why); };
  if (::getpid() == 1) return refuse("this is process 1, and its end would end everything; start a new container");
  if (runtime_.is_stopping()) return refuse("stopping");
  if (std::exchange(under_way_, true)) return refuse("one is under way");
  auto ends = shoal::process_link::make();
  if (!ends) return concluded(-1, {.words = ends.error().message()});
  link_ = std::move(ends->first);
  const auto child = spawn(ends->second.fd());
  if (!child) return concluded(-1, {.words = child.error().message()});
  hand_over(*child);
}

shoal::result<pid_t> upgrade::spawn(int link) {
  auto arguments = command_.arguments;
  auto environment = environment_with(fmt::format("{}={}", upgrade_variable, link));
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&how);
  ::posix_spawn_file_actions_adddup2(&files, link, link);  // the same number: it stays open in the new program
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&how, &none);  // ours are blocked: a thread takes them
  ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
  pid_t child = -1;
  const int error = ::posix_spawn(&child, command_.program.c_str(), &files, &how, pointers_to(arguments).data(),
                                  pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&how);
  if (error != 0) return std::unexpected(std::error_code{error, std::system_category()});
  return child;
}

void upgrade::hand_over(pid_t child) {
  std::vector<shoal::bound_socket> sockets = serving_.sockets();
  if (states_ != nullptr) sockets.insert(sockets.end(), states_->sockets().begin(), states_->sockets().end());
  log_info(runtime_.log(), "upgrade: process {} ({}) takes over {} sockets", child, command_.program, sockets.size());
  // What it cannot take it does not answer.
  if (const auto sent = send_sockets(link_, sockets); !sent) {
    log_warning(runtime_.log(), "upgrade: handing sockets to process {}: {}", child, sent.error());
  }
  watcher_ = std::thread{[this, child] {
    const outcome how = watch(child);
    runtime_.call([this, child, how] { concluded(child, how); });
  }};
}

upgrade::outcome upgrade::watch(pid_t child) {
  const successor became = wait_for_successor(link_, patience);
  if (became == successor::serves) return {.serves = true, .words = {}};
  // With the sockets, one that hangs could still begin to serve.
  if (became == successor::is_silent) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return {.serves = false, .words = in_words(status)};
}

void upgrade::concluded(pid_t child, const outcome& how) {
  if (watcher_.joinable()) watcher_.join();
  link_ = {};
  under_way_ = false;
  if (!how.serves) {
    log_error(runtime_.log(), "upgrade: the new process does not serve ({}); this one goes on", how.words);
    return;
  }
  log_info(runtime_.log(), "upgrade: process {} serves; draining {} connections", child, serving_.connections());
  manager_.is_succeeded_by(child);
  serving_.leave_unix_paths();
  if (states_ != nullptr) states_->end();
  runtime_.stop();
}

}  // namespace proxy
