// SPDX-License-Identifier: Apache-2.0
// message: an intrusive node that one shard sends to another and always gets back.
//
//   sender: mailbox::send(to, m) --request lane--> receiver: m.execute(m)
//   sender: m.complete(m)        <--reply lane---  receiver: mailbox::reply(m), at once or later
//
// Thread rule: exactly one shard owns a message at a time; sending hands it over.
// Invariant: memory belongs to the sender's shard; the receiver never frees it.
#pragma once

#include <shoal/buffers/check.hpp>

namespace shoal {

struct message {
  using function = void (*)(message&);

  message(function on_receiver, function on_return) noexcept : execute(on_receiver), complete(on_return) {}
  message(const message&) = delete;
  message& operator=(const message&) = delete;

  function execute;   ///< runs on the receiving shard; must lead to exactly one mailbox::reply(*this) there
  function complete;  ///< runs back on the sending shard; may free the node
  shard_id sender = no_shard;

 protected:
  ~message() = default;
};

}  // namespace shoal
