// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/visit.hpp>

#include <shoal/core/shard.hpp>
#include <shoal/net/connection_table.hpp>

namespace shoal {

visit::carrier::carrier(visit& v) noexcept
    : message(
          [](message& m) {
            visit& self = static_cast<carrier&>(m).owner;
            self.meet(shard::current().local<connection_table>().find(self.to_));
          },
          [](message& m) {
            visit& self = static_cast<carrier&>(m).owner;
            self.there_ = no_shard;
            self.back_home();
          }),
      owner(v) {}

visit::lane_wait::lane_wait(visit& v) noexcept
    : run_item([](run_item& item) {
        visit& self = static_cast<lane_wait&>(item).owner;
        self.carry_to(self.there_);
      }),
      owner(v) {}

void visit::carry_to(shard_id there) {
  there_ = there;
  mailbox& mail = shard::current().mail();
  if (!mail.try_send(there, carrier_)) mail.wait_for_room(there, lane_wait_);
}

void visit::end_visit() noexcept {
  if (there_ == no_shard) return back_home();
  shard::current().mail().reply(carrier_);
}

}  // namespace shoal
