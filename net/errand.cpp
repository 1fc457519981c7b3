// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/errand.hpp>

#include <shoal/core/shard.hpp>
#include <shoal/net/connection_table.hpp>

namespace shoal {

errand::lane_part::lane_part(errand& e) noexcept
    : message([](message& m) { static_cast<lane_part&>(m).owner.arrive(); },
              [](message& m) { static_cast<lane_part&>(m).owner.returned(); }),
      owner(e) {}

std::error_code errand::send(std::unique_ptr<errand>& work, runtime_link& run, bool from_own_shard, connection_id to,
                             when_full full) {
  work->to_ = to;
  if (!from_own_shard) {
    std::unique_ptr<foreign_item> item = std::move(work);
    if (run.post(to.home, item)) return {};
    work.reset(static_cast<errand*>(item.release()));
    return make_error_code(errc::stopped);
  }
  shard& here = shard::current();
  if (here.id() == to.home) {
    here.schedule(work.release()->here_);
    return {};
  }
  if (!here.mail().try_send(to.home, work->by_lane_)) {
    if (full == when_full::refuse) return make_error_code(errc::would_block);
    here.mail().wait_for_room(to.home, work->again_);
  }
  // Ends in returned().
  static_cast<void>(work.release());
  return {};
}

void errand::send_from_shard(connection_id to) {
  to_ = to;
  shard& here = shard::current();
  here.id() == to.home ? arrive() : send_again(again_);
}

void errand::send_again(run_item& item) {
  errand& self = static_cast<queue_part&>(item).owner;
  mailbox& mail = shard::current().mail();
  if (!mail.try_send(self.to_.home, self.by_lane_)) mail.wait_for_room(self.to_.home, self.again_);
}

void errand::arrive_queued(run_item& item) { static_cast<queue_part&>(item).owner.arrive(); }

void errand::run_posted(std::unique_ptr<foreign_item> self) {
  static_cast<void>(self.release());  // ends in returned()
  arrive();
}

/// At home.
void errand::arrive() { shard::current().local<connection_table>().bring(to_, *this); }

void errand::meet(connection* c) noexcept {
  try {
    open(c);
  } catch (...) {
    // Nobody else runs on this shard meanwhile: it is still there.
    if (c != nullptr) c->handler_threw();
  }
  if (c != nullptr && c->is_active()) c->update_receiving();  // it may have made room
  end_visit();
}

void errand::back_home() noexcept {
  // Sent by a lane it goes back to the sender; else home is where it was made, or it came from a thread.
  by_lane_.sender == no_shard ? returned() : shard::current().mail().reply(by_lane_);
}

}  // namespace shoal
