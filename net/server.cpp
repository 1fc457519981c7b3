// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/server.hpp>

#include <shoal/core/host/inherited_sockets.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/net/handed_sockets.hpp>
#include <shoal/net/server_shard.hpp>

#include <algorithm>
#include <string_view>

namespace shoal {
namespace {

constexpr std::string_view inherited_prefix = "fd://";

}  // namespace

/// shutdown() on its way to a shard. One that is thrown away because the shard has ended is done too.
class server::shutdown_call final : public foreign_item {
 public:
  shutdown_call(server& s, duration within, std::function<void()> done)
      : server_(s), within_(within), done_(std::move(done)) {}
  ~shutdown_call() override {
    if (done_) done_();
  }
  void run() override {
    shard& here = shard::current();
    server_.shards_[here.id()]->shut_down(here.now() + within_, std::exchange(done_, nullptr));
  }

 private:
  server& server_;
  duration within_;
  std::function<void()> done_;
};

server::server(runtime& owner, server_options options)
    : runtime_(owner), options_(std::move(options)), max_connections_(options_.max_connections) {
  runtime_.add(*this);
}

server::~server() { runtime_.remove(*this); }

server& server::on_prepare(callback<void(connection&)> hook) {
  hooks_.on_prepare = std::move(hook);
  return *this;
}
server& server::on_connect(handler hook) {
  hooks_.on_connect = std::move(hook);
  return *this;
}
server& server::on_request(handler hook) {
  hooks_.on_request = std::move(hook);
  return *this;
}
server& server::on_leave(callback<bool(connection&)> hook) {
  hooks_.on_leave = std::move(hook);
  return *this;
}
server& server::on_arrive(callback<void(connection&)> hook) {
  hooks_.on_arrive = std::move(hook);
  return *this;
}
server& server::on_disconnect(callback<void(connection&, std::error_code)> hook) {
  hooks_.on_disconnect = std::move(hook);
  return *this;
}

std::size_t server::sockets_per_address() const noexcept {
  return options_.distribution.kernel_chooses() ? runtime_.shards() : 1;
}

/// One shard accepts for all: several that watch one socket would all wake for each connection. It is the first, but
/// for `fixed`, which hands nothing on.
shard_id server::acceptor() const noexcept {
  return options_.distribution.how == accept_distribution::policy::fixed ? options_.distribution.shard : shard_id{0};
}

std::expected<void, start_failure> server::check_distribution() {
  const accept_distribution& how = options_.distribution;
  if (acceptor() >= runtime_.shards()) {
    return std::unexpected(start_failure{make_error_code(errc::invalid_argument),
                                         "listener " + options_.name + ": distribution " + to_string(how) +
                                             " (there is no such shard, only 0 to " +
                                             std::to_string(runtime_.shards() - 1) + ")"});
  }
  const bool pinned = std::ranges::all_of(runtime_.plan().shards, &placement::pinned);
  if (how.how == accept_distribution::policy::incoming_cpu && !pinned) {
    log_warning(runtime_.log(), "listener {}: distribution incoming_cpu needs pinned shards; it does as reuseport here",
                options_.name);
  }
  return {};
}

std::expected<void, start_failure> server::prepare(runtime& owner) {
  addresses_.clear();
  unix_paths_.clear();
  bound_.clear();
  sockets_.assign(owner.shards(), {});
  shards_.clear();
  shards_.resize(owner.shards());
  served_.assign(owner.shards(), 0);
  accepting_ = 0;
  life_ = life::serving;
  open_on_.reset(owner.shards());
  if (auto checked = check_distribution(); !checked) return checked;
  for (const auto& text : options_.bind) {
    if (options_.handed != nullptr) {
      const auto fds = options_.handed->take(handed_name(text));
      if (auto adopted = adopt_sockets(text, fds); !adopted) return adopted;
      if (!fds.empty()) continue;
    }
    auto opened = text.starts_with(inherited_prefix) ? open_inherited(text) : open_sockets(text);
    if (!opened) return opened;
  }
  return {};
}

/// Several servers may ask for any port.
std::string server::handed_name(const std::string& text) const {
  return text.ends_with(":0") ? options_.name + ' ' + text : text;
}

std::expected<void, start_failure> server::open_sockets(const std::string& text) {
  const auto failed = [&](std::error_code error) {
    return std::unexpected(start_failure{error, "listener " + options_.name + ": " + text});
  };
  auto parsed = parse_address(text);
  if (!parsed) return failed(parsed.error());
  address where = *parsed;
  host& machine = runtime_.machine();
  // A unix socket has no SO_REUSEPORT: one descriptor, shared with the other shards by handing connections over.
  const bool shared = where.is_unix();
  const std::size_t count = shared ? 1 : sockets_per_address();
  listen_options listen{.backlog = options_.backlog, .reuse_port = count > 1, .v6_only = true, .tcp = options_.tcp};
  if (listen.reuse_port && where.port() != 0) {
    if (const auto error = machine.probe_bind(where.view(), listen.v6_only); error) return failed(error);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const placement& at = runtime_.plan().shards[i];
    if (options_.distribution == accept_distribution::incoming_cpu && listen.reuse_port && at.pinned) {
      listen.incoming_cpu = at.cpu;
    }
    auto fd = machine.open_listener(where.view(), listen);
    if (!fd && fd.error() == std::errc::address_in_use && machine.is_stale_unix_socket(where.view())) {
      machine.remove_unix_socket(where.view());
      fd = machine.open_listener(where.view(), listen);
    }
    if (!fd) return failed(fd.error());
    sockets_[count == 1 ? acceptor() : i].push_back({*fd, count == 1});
    bound_.push_back({handed_name(text), *fd});
    if (i != 0) continue;
    auto name = machine.local_name(*fd);
    if (!name) return failed(name.error());
    // Port 0: the first socket picks, the others of the group follow.
    if (!shared) where = *address::from_sockaddr(name->view().data, name->view().size);
    addresses_.push_back(where);
    if (shared) unix_paths_.push_back(where);
  }
  return {};
}

void server::start(shard& here) {
  auto& mine = shards_[here.id()];
  mine = std::make_unique<server_shard>(*this, here);
  mine->start(std::exchange(sockets_[here.id()], {}));
}

std::expected<void, start_failure> server::open_inherited(const std::string& text) {
  const auto failed = [&](std::error_code error, const char* why) {
    return std::unexpected(start_failure{error, "listener " + options_.name + ": " + text + why});
  };
  const auto fds = resolve_inherited(std::string_view{text}.substr(inherited_prefix.size()), find_inherited());
  if (!fds) return failed(fds.error(), " (the parent process passed no socket of that number or name)");
  for (const int fd : *fds) {
    if (!runtime_.claim_inherited(fd)) {
      return failed(make_error_code(errc::address_in_use), " (another listener has this descriptor)");
    }
  }
  return adopt_sockets(text, *fds);
}

/// Each is watched by one shard, whatever their number is, and none is left out.
std::expected<void, start_failure> server::adopt_sockets(const std::string& text, std::span<const int> fds) {
  const auto failed = [&](std::error_code error, const char* why) {
    return std::unexpected(start_failure{error, "listener " + options_.name + ": " + text + why});
  };
  host& machine = runtime_.machine();
  for (std::size_t i = 0; i < fds.size(); ++i) {
    const int fd = fds[i];
    const auto name = machine.adopt_listener(fd);
    if (!name) return failed(name.error(), " (not a stream socket that listens)");
    auto where = address::from_sockaddr(name->view().data, name->view().size);
    if (!where) return failed(where.error(), "");
    const bool is_fixed = options_.distribution.how == accept_distribution::policy::fixed;
    sockets_[is_fixed ? acceptor() : i % sockets_.size()].push_back(
        {fd, fds.size() < sockets_.size() || !options_.distribution.kernel_chooses()});
    bound_.push_back({handed_name(text), fd});
    if (where->is_unix() && !text.starts_with(inherited_prefix)) unix_paths_.push_back(*where);
    if (std::ranges::find(addresses_, *where) == addresses_.end()) addresses_.push_back(std::move(*where));
  }
  return {};
}

std::future<void> server::shutdown(duration within) {
  struct countdown {
    std::promise<void> done;
    std::atomic<std::size_t> left;
  };
  auto shards = std::make_shared<countdown>();
  auto all_done = shards->done.get_future();
  const auto one_done = [shards] {
    if (shards->left.fetch_sub(1) == 1) shards->done.set_value();
  };
  shards->left = runtime_.shards() + 1;
  for (std::size_t i = 0; i < runtime_.shards(); ++i) {
    std::unique_ptr<foreign_item> item = std::make_unique<shutdown_call>(*this, within, one_done);
    static_cast<void>(runtime_.link()->post(static_cast<shard_id>(i), item));
  }
  one_done();
  return all_done;
}

void server::stopping(shard& here) {
  if (!options_.outlasts_others) shards_[here.id()]->take_no_more();
}

task<> server::stop(shard& here, instant deadline) { return shards_[here.id()]->end(deadline); }

void server::hurry(shard& here) {
  if (auto& mine = shards_[here.id()]; mine != nullptr) mine->hurry();
}

void server::finished() noexcept {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i] != nullptr) served_[i] = shards_[i]->served();
  }
  shards_.clear();
  for (const auto& fds : sockets_) {
    for (const listening_socket& one : fds) runtime_.machine().close_socket(one.fd);
  }
  sockets_.clear();
  remove_unix_paths();
  when_over_ = nullptr;
}

void server::remove_unix_paths() noexcept {
  for (const address& where : std::exchange(unix_paths_, {})) runtime_.machine().remove_unix_socket(where.view());
}

void server::renew(std::string name, std::uint64_t max_connections, connection_options connections) {
  options_.name = std::move(name);
  options_.connections = std::move(connections);
  options_.max_connections = max_connections;
  max_connections_ = max_connections;
  runtime_.stop_first(*this);  // what the hooks hold may be newer than this
  runtime_.on_every_shard([this](shard& here) { shards_[here.id()]->renew(); });
}

void server::stop_accepting(std::function<void()> then) {
  when_over_ = std::move(then);
  bound_.clear();
  accepting_ = runtime_.shards();
  life_ = life::leaving;
  runtime_.on_every_shard([this](shard& here) { shards_[here.id()]->stop_accepting(); });
}

/// On any shard, like all that follows.
void server::shard_accepts_nothing() {
  if (accepting_ == 0 || accepting_.fetch_sub(1) != 1) return;
  // Somebody may bind the path again, long before the last connection ends.
  runtime_.call([this] { remove_unix_paths(); });
  tell_if_over();
}

void server::gave_place_back() {
  if (open_.fetch_sub(1) == 1) tell_if_over();
}

/// Nothing is open, and nothing will come: said once, whoever sees it first.
void server::tell_if_over() {
  if (life_ != life::leaving || accepting_ != 0 || open_ != 0) return;
  if (life_.exchange(life::over) == life::leaving) runtime_.call(when_over_);
}

}  // namespace shoal
