// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/errand.hpp>

#include <shoal/core/shard.hpp>
#include <shoal/net/connection_table.hpp>

namespace shoal {

errand::lane_part::lane_part(errand& e) noexcept
    : message(
          [](message& m) {
            static_cast<lane_part&>(m).owner.arrive();
            shard::current().mail().reply(m);
          },
          [](message& m) { const std::unique_ptr<errand> done{&static_cast<lane_part&>(m).owner}; }),
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
  // Comes back through its lane_part.
  static_cast<void>(work.release());
  return {};
}

void errand::send_again(run_item& item) {
  errand& self = static_cast<queue_part&>(item).owner;
  mailbox& mail = shard::current().mail();
  if (!mail.try_send(self.to_.home, self.by_lane_)) mail.wait_for_room(self.to_.home, self.again_);
}

void errand::arrive_queued(run_item& item) {
  const std::unique_ptr<errand> self{&static_cast<queue_part&>(item).owner};
  self->arrive();
}

void errand::run() { arrive(); }

void errand::arrive() noexcept {
  connection* c = shard::current().local<connection_table>().find(to_);
  try {
    open(c);
  } catch (...) {
    // Nobody else runs on this shard meanwhile: it is still there.
    if (c != nullptr) c->handler_threw();
  }
}

}  // namespace shoal
