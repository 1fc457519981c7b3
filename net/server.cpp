// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/server.hpp>

#include <shoal/net/server_shard.hpp>

namespace shoal {

server::server(runtime& owner, server_options options) : runtime_(owner), options_(std::move(options)) {
  runtime_.add(*this);
}

server::~server() { runtime_.remove(*this); }

server& server::on_prepare(std::function<void(connection&)> hook) {
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
server& server::on_disconnect(std::function<void(connection&, std::error_code)> hook) {
  hooks_.on_disconnect = std::move(hook);
  return *this;
}

std::size_t server::sockets_per_address() const noexcept {
  return options_.distribution == accept_distribution::reuseport ? runtime_.shards() : 1;
}

std::expected<void, start_failure> server::prepare(runtime& owner) {
  addresses_.clear();
  sockets_.assign(owner.shards(), {});
  shards_.clear();
  shards_.resize(owner.shards());
  served_.assign(owner.shards(), 0);
  for (const auto& text : options_.bind) {
    if (auto opened = open_sockets(text); !opened) return opened;
  }
  return {};
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
  const listen_options listen{
      .backlog = options_.backlog, .reuse_port = count > 1, .v6_only = true, .tcp = options_.tcp};
  if (listen.reuse_port && where.port() != 0) {
    if (const auto error = machine.probe_bind(where.view(), listen.v6_only); error) return failed(error);
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto fd = machine.open_listener(where.view(), listen);
    if (!fd && fd.error() == std::errc::address_in_use && machine.is_stale_unix_socket(where.view())) {
      machine.remove_unix_socket(where.view());
      fd = machine.open_listener(where.view(), listen);
    }
    if (!fd) return failed(fd.error());
    sockets_[i].push_back(*fd);
    if (i != 0) continue;
    auto name = machine.local_name(*fd);
    if (!name) return failed(name.error());
    // Port 0: the first socket picks, the others of the group follow.
    if (!shared) where = *address::from_sockaddr(name->view().data, name->view().size);
    addresses_.push_back(where);
  }
  return {};
}

void server::start(shard& here) {
  auto& mine = shards_[here.id()];
  mine = std::make_unique<server_shard>(*this, here);
  mine->start(std::exchange(sockets_[here.id()], {}));
}

task<> server::stop(shard& here, instant deadline) { return shards_[here.id()]->stop(deadline); }

void server::hurry(shard& here) {
  if (auto& mine = shards_[here.id()]; mine != nullptr) mine->hurry();
}

void server::finished() noexcept {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i] != nullptr) served_[i] = shards_[i]->served();
  }
  shards_.clear();
  for (const auto& fds : sockets_) {
    for (const int fd : fds) runtime_.machine().close_socket(fd);
  }
  sockets_.clear();
  for (const address& where : addresses_) {
    if (where.is_unix()) runtime_.machine().remove_unix_socket(where.view());
  }
}

}  // namespace shoal
