// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/host/ares_resolver.hpp>

#include <shoal/core/fd_watch.hpp>
#include <shoal/core/host/hosts_file.hpp>
#include <shoal/core/lower_case.hpp>
#include <shoal/core/offload.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/shard.hpp>

#include <boost/intrusive/list.hpp>

#include <ares.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <utility>

namespace shoal {
namespace {

// While questions come, /etc/hosts is looked at this often; so long an answer from it may be used.
constexpr duration hosts_life = std::chrono::seconds{5};

struct channel_closer {
  void operator()(ares_channeldata* channel) const noexcept { ares_destroy(channel); }
};
using channel_ptr = std::unique_ptr<ares_channeldata, channel_closer>;

/// Owned by the shard; on its way through a helper thread a plain pointer, since a call's result is moved about.
struct loaded {
  hosts_table hosts;
  ares_channeldata* channel = nullptr;
  int status = ARES_SUCCESS;
};

errc code_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND: return errc::name_not_found;
    case ARES_ENODATA: return errc::no_address;
    case ARES_ETIMEOUT: return errc::resolve_timeout;
    case ARES_ENOMEM: return errc::no_memory;
    case ARES_EBADNAME: return errc::invalid_argument;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION: return errc::stopped;
    default: return errc::name_server_failed;
  }
}

class ares_resolver final : public resolver {
 public:
  ares_resolver(shard& here, name_service_options options)
      : here_(here), options_(std::move(options)), timer_([](timer& t) noexcept {
          static_cast<channel_timer&>(t).owner->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        }) {
    timer_.owner = this;
  }
  ~ares_resolver() override { ares_resolver::stop(); }

  void stop() noexcept override {
    stopped_ = true;
    while (!waiting_.empty()) {
      name_question& first = waiting_.front();
      waiting_.pop_front();
      finish(first, fail(errc::stopped));
    }
    channel_.reset();  // answers what is under way, and closes its sockets
    here_.timers().cancel(timer_);
  }

 private:
  struct channel_timer : timer {
    using timer::timer;
    ares_resolver* owner = nullptr;
  };
  struct socket_watch final : fd_watch {
    explicit socket_watch(ares_resolver& by) noexcept : owner(by) {}
    void ready(bool readable, bool writable) override {
      owner.process(readable ? fd() : ARES_SOCKET_BAD, writable ? fd() : ARES_SOCKET_BAD);
    }
    void take(int fd) noexcept { set_fd(fd); }
    ares_resolver& owner;
  };
  /// One that c-ares has; freed by its callback, which always comes.
  struct query {
    ares_resolver& owner;
    name_question* asked;  // null: cancelled
    std::string name;
  };
  using question_list = boost::intrusive::list<name_question, boost::intrusive::constant_time_size<false>>;

  void start(name_question& q) override;
  void forget(name_question& q) noexcept override;
  void look_at_files();
  [[nodiscard]] static loaded load(const name_service_options& options, ares_resolver* owner) noexcept;
  [[nodiscard]] task<> load_and_go_on(bool first);
  void begin(name_question& q);
  [[nodiscard]] bool answer_from_hosts(name_question& q);
  void process(int readable, int writable);
  void arm_timer();
  void watch_socket(int fd, bool readable, bool writable);
  static void on_socket(void* self, ares_socket_t fd, int readable, int writable);
  static void on_answer(void* about, int status, int timeouts, ares_addrinfo* found);

  shard& here_;
  const name_service_options options_;
  channel_ptr channel_;
  std::error_code failure_;  // why there is no channel; it is tried again
  hosts_table hosts_;
  instant hosts_seen_;
  bool looked_ = false;
  bool loading_ = false;
  bool stopped_ = false;
  question_list waiting_;                               // for the files
  std::vector<std::unique_ptr<socket_watch>> watches_;  // used again and again
  channel_timer timer_;
  scope files_{[](const std::exception_ptr&) noexcept {}};
};

// ---- questions ----

void ares_resolver::start(name_question& q) {
  if (stopped_) return finish(q, fail(errc::stopped));
  look_at_files();
  if (channel_ == nullptr && loading_) return waiting_.push_back(q);
  begin(q);
}

void ares_resolver::forget(name_question& q) noexcept {
  if (q.is_linked()) {
    waiting_.erase(waiting_.iterator_to(q));
  } else {
    static_cast<query*>(state_of(q))->asked = nullptr;
  }
}

void ares_resolver::begin(name_question& q) {
  if (answer_from_hosts(q)) return;
  if (channel_ == nullptr) return finish(q, fail(failure_));
  auto* const asked = std::make_unique<query>(query{*this, &q, std::string{q.name()}}).release();
  state_of(q) = asked;
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = q.kind() == record_kind::ipv4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel_.get(), asked->name.c_str(), nullptr, &hints, &on_answer, asked);
  arm_timer();
}

bool ares_resolver::answer_from_hosts(name_question& q) {
  const auto found = hosts_.find(lower_case(q.name()));
  if (found == hosts_.end()) return false;
  const auto& list = q.kind() == record_kind::ipv4 ? found->second.ipv4 : found->second.ipv6;
  if (list.empty()) {
    finish(q, fail(errc::no_address));
  } else {
    finish(q, name_answer{.addresses = list, .ttl = hosts_life});
  }
  return true;
}

void ares_resolver::on_answer(void* about, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<query> answered{static_cast<query*>(about)};
  struct freed {
    void operator()(ares_addrinfo* info) const noexcept { ares_freeaddrinfo(info); }
  };
  const std::unique_ptr<ares_addrinfo, freed> info{found};
  if (answered->asked == nullptr) return;
  if (status != ARES_SUCCESS) return finish(*answered->asked, fail(code_of(status)));
  name_answer answer;
  int ttl = INT32_MAX;
  for (const auto* cname = info->cnames; cname != nullptr; cname = cname->next) ttl = std::min(ttl, cname->ttl);
  for (const auto* node = info->nodes; node != nullptr; node = node->ai_next) {
    const bool is_v4 = node->ai_family == AF_INET;
    if (is_v4 != (answered->asked->kind() == record_kind::ipv4)) continue;
    ttl = std::min(ttl, node->ai_ttl);
    ip_bytes& bytes = answer.addresses.emplace_back();
    if (is_v4) {
      const auto& v4 = reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr;
      std::ranges::copy_n(reinterpret_cast<const std::uint8_t*>(&v4), sizeof(v4), bytes.begin());
    } else {
      const auto& v6 = reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr;
      std::ranges::copy_n(v6.s6_addr, sizeof(v6.s6_addr), bytes.begin());
    }
  }
  if (answer.addresses.empty()) return finish(*answered->asked, fail(errc::no_address));
  answer.ttl = std::chrono::seconds{std::max(ttl, 0)};
  finish(*answered->asked, answer);
}

// ---- files, on a helper thread ----

void ares_resolver::look_at_files() {
  if (loading_ || (looked_ && here_.now() - hosts_seen_ < hosts_life)) return;
  looked_ = loading_ = true;
  files_.spawn(load_and_go_on(channel_ == nullptr));
}

/// `owner` is null when the channel is there already; here it is only noted.
loaded ares_resolver::load(const name_service_options& options, ares_resolver* owner) noexcept {
  loaded made;
  made.hosts = read_hosts(options.hosts_path);
  if (owner == nullptr) return made;
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  made.status = library;
  if (library != ARES_SUCCESS) return made;
  ::ares_options wanted{};
  std::string only_servers = "b";
  wanted.flags = ARES_FLAG_NOALIASES;  // or each question would look for a file that HOSTALIASES names
  wanted.timeout = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
  wanted.tries = options.tries;
  wanted.lookups = only_servers.data();
  wanted.sock_state_cb = &on_socket;
  wanted.sock_state_cb_data = owner;
  made.status = ares_init_options(
      &made.channel, &wanted,
      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
  if (made.status != ARES_SUCCESS || options.servers.empty()) return made;
  made.status = ares_set_servers_ports_csv(made.channel, options.servers.c_str());
  return made;
}

task<> ares_resolver::load_and_go_on(bool first) {
  ares_resolver* const owner = first ? this : nullptr;
  loaded files = co_await offload(&ares_resolver::load, options_, owner);
  channel_ptr made{files.channel};
  loading_ = false;
  if (stopped_) co_return;
  hosts_ = std::move(files.hosts);
  hosts_seen_ = here_.now();
  if (!first) co_return;
  if (files.status == ARES_SUCCESS) {
    channel_ = std::move(made);
  } else {
    failure_ = code_of(files.status);
  }
  while (!waiting_.empty()) {
    name_question& next = waiting_.front();
    waiting_.pop_front();
    begin(next);
  }
}

// ---- sockets and time-outs ----

void ares_resolver::process(int readable, int writable) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_.get(), readable, writable);
  arm_timer();
}

void ares_resolver::arm_timer() {
  timeval left{};
  if (channel_ == nullptr || ares_timeout(channel_.get(), nullptr, &left) == nullptr) {
    return here_.timers().cancel(timer_);
  }
  here_.timers().arm(timer_, here_.now() + std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec});
}

void ares_resolver::on_socket(void* self, ares_socket_t fd, int readable, int writable) {
  static_cast<ares_resolver*>(self)->watch_socket(fd, readable != 0, writable != 0);
}

void ares_resolver::watch_socket(int fd, bool readable, bool writable) {
  auto place = std::ranges::find_if(watches_, [fd](const auto& w) { return w->is_watched() && w->fd() == fd; });
  if (!readable && !writable) {
    if (place != watches_.end()) here_.io().unwatch(**place);
    return;
  }
  if (place == watches_.end()) {
    place = std::ranges::find_if(watches_, [](const auto& w) { return !w->is_watched(); });
    if (place == watches_.end()) place = watches_.insert(place, std::make_unique<socket_watch>(*this));
    (*place)->take(fd);
  }
  // One that can't be watched answers nothing: c-ares finds out by its time-out and tries the next server.
  static_cast<void>(here_.io().watch(**place, readable, writable));
}

}  // namespace

std::unique_ptr<resolver> make_ares_resolver(shard& here, name_service_options options) {
  return std::make_unique<ares_resolver>(here, std::move(options));
}

}  // namespace shoal
