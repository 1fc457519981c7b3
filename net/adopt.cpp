// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection_table.hpp>
#include <shoal/net/detach.hpp>
#include <shoal/net/filter.hpp>
#include <shoal/net/writer.hpp>

namespace shoal {

/// Before start: as if the bytes had been received, and written.
std::error_code connection::take_over(link_buffer& unread, link_buffer& unsent) {
  auto& raw_input = filter_ == nullptr ? input_ : filter_->raw_input;
  auto& raw_output = filter_ == nullptr ? output_ : filter_->raw_output;
  if (!unread.empty()) {
    if (auto moved = raw_input.append(std::move(unread)); !moved) return moved.error();
    static_cast<void>(raw_input.commit());
    new_bytes_ = true;
  }
  if (auto moved = raw_output.append(std::move(unsent)); !moved) return moved.error();
  static_cast<void>(raw_output.commit());
  return {};
}

result<connection_owner> adopt(shard& here, detached_socket socket, profile_ptr profile,
                               connection_observer* observer) {
  const auto peer = here.machine().adopt_stream(socket.fd());
  if (!peer) return fail(peer.error());
  auto remote = address::from_sockaddr(peer->view().data, peer->view().size);
  if (!remote) return fail(remote.error());
  auto made = here.local<connection_table>().create(socket.release(), std::move(profile), observer, *remote);
  if (!made) return fail(made.error());
  connection_owner owner{**made};
  if (const auto error = owner->take_over(socket.unread(), socket.unsent()); error) {
    owner->close(close_how::reset, error);
    return fail(error);
  }
  owner->start_accepted();
  owner->flush();
  here.mark_dirty(*owner);  // what was unsent is queued already, below a filter too
  return owner;
}

result<connection_owner> adopt(shard& here, int fd, profile_ptr profile, connection_observer* observer) {
  link_buffer nothing_read{here.memory()};
  link_buffer nothing_queued{here.memory()};
  detached_socket bare{here.machine(), fd, address{}, std::move(nothing_read), std::move(nothing_queued)};
  return adopt(here, std::move(bare), std::move(profile), observer);
}

}  // namespace shoal
