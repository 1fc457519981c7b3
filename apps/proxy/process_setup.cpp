// SPDX-License-Identifier: Apache-2.0
#include "proxy/process_setup.hpp"

#include <shoal/core/log_format.hpp>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace proxy {
namespace {

using step = std::expected<void, shoal::start_failure>;

std::unexpected<shoal::start_failure> failed(std::error_code error, std::string what) {
  return std::unexpected{shoal::start_failure{error, std::move(what)}};
}
std::unexpected<shoal::start_failure> failed_call(std::string what) {
  return failed({errno, std::system_category()}, std::move(what));
}

std::optional<pid_t> pid_in(const std::string& path) {
  std::ifstream file{path};
  pid_t pid = 0;
  if (!(file >> pid)) return std::nullopt;
  return pid;
}

step write_pid(const std::string& path) {
  // Whoever reads it never sees half of it.
  const std::string beside = path + ".new";
  errno = 0;
  {
    std::ofstream file{beside, std::ios::trunc};
    file << ::getpid() << '\n';
    if (!file.flush()) return failed_call("process.pid_file " + path);
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) return failed_call("process.pid_file " + path);
  return {};
}

/// The kernel's order: groups while the rights to change them are there, the user last (setuid(2)).
step become(const std::string& user, const std::string& group) {
  // NOLINTBEGIN(concurrency-mt-unsafe): no shard runs yet
  const passwd* const who = ::getpwnam(user.c_str());
  if (who == nullptr) return failed(std::make_error_code(std::errc::invalid_argument), "process.user: no user " + user);
  const uid_t uid = who->pw_uid;
  gid_t gid = who->pw_gid;
  if (!group.empty()) {
    const struct group* const named = ::getgrnam(group.c_str());
    if (named == nullptr) {
      return failed(std::make_error_code(std::errc::invalid_argument), "process.group: no group " + group);
    }
    gid = named->gr_gid;
  }
  // NOLINTEND(concurrency-mt-unsafe)
  if (::geteuid() == uid && ::getegid() == gid) return {};
  if (::initgroups(user.c_str(), gid) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0) {
    return failed_call("process.user " + user + " (only root can become somebody else)");
  }
  if (uid != 0 && ::setuid(0) == 0) {
    return failed(std::make_error_code(std::errc::operation_not_permitted),
                  "process.user: root's rights are still there");
  }
  return {};
}

}  // namespace

process_setup::process_setup(shoal::runtime& owner, shoal::config::process_options options)
    : runtime_(owner), options_(std::move(options)) {
  runtime_.add(*this);
}

process_setup::~process_setup() { runtime_.remove(*this); }

std::expected<void, shoal::start_failure> process_setup::prepare(shoal::runtime&) {
  if (!options_.pid_file.empty()) {
    if (auto written = write_pid(options_.pid_file); !written) return written;
  }
  if (options_.user.empty()) return {};
  return become(options_.user, options_.group);
}

void process_setup::finished() noexcept {
  if (options_.pid_file.empty() || pid_in(options_.pid_file) != ::getpid()) return;
  std::error_code refused;
  std::filesystem::remove(options_.pid_file, refused);
  if (refused) log_info(runtime_.log(), "the pid file {} stays: {}", options_.pid_file, refused);
}

}  // namespace proxy
