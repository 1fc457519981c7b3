// SPDX-License-Identifier: Apache-2.0
// Writes a PROXY header in front of what goes to an endpoint.
//
//   write_proxy_header(endpoint.output(), {.version = proxy_version::v2, .source = client, .destination = asked_for});
//   endpoint.flush();
//
// Thread rule: that of the buffer.
#pragma once

#include <shoal/buffers/link_buffer.hpp>
#include <shoal/net/proxy_protocol/proxy_header.hpp>

namespace shoal {

/// Writes it as header.version says, uncommitted. Addresses that are unset, or not of one family, become UNKNOWN
/// (version 1: those of unix sockets, too) or UNSPEC; is_local becomes UNKNOWN or LOCAL, without addresses. TLVs and
/// the checksum exist in version 2 only. Errors: errc::no_memory, errc::closed; errc::invalid_argument if addresses and
/// TLVs pass 64 KiB, the format's limit.
result<void> write_proxy_header(link_buffer& to, const proxy_header& header);

}  // namespace shoal
