// SPDX-License-Identifier: Apache-2.0
// connection_post: bytes for a connection from somebody who is not its handler.
//
//   made elsewhere --travels--> connection::take_post(): put() --output below its high mark--> settle()
//                                                              \--above: held until it has fallen to the low one--/
//
// So whoever counts the bytes that have not settled yet is slowed down by the peer, wherever it is.
//
// Thread rule: put() and settle() on the connection's shard.
#pragma once

#include <shoal/buffers/link_buffer.hpp>

#include <boost/intrusive/slist.hpp>

namespace shoal {

class connection_post : public boost::intrusive::slist_base_hook<> {
 public:
  /// Moves the bytes behind what is written to `output`.
  [[nodiscard]] virtual result<void> put(link_buffer& output) = 0;
  /// Once, last: the bytes count as taken, or the error that lost them. May end *this.
  virtual void settle(std::error_code outcome) noexcept = 0;

 protected:
  ~connection_post() = default;
};

/// First come, first settled.
using connection_posts = boost::intrusive::slist<connection_post, boost::intrusive::cache_last<true>,
                                                 boost::intrusive::constant_time_size<false>>;

}  // namespace shoal
