// SPDX-License-Identifier: Apache-2.0
// Everything an application needs: the runtime, servers, dialers, connections and their awaitable faces.
#pragma once

#include <shoal/core/channel.hpp>
#include <shoal/core/condition.hpp>
#include <shoal/core/gate.hpp>
#include <shoal/core/leased_limit.hpp>
#include <shoal/core/linked_stop.hpp>
#include <shoal/core/maybe_yield.hpp>
#include <shoal/core/mutex.hpp>
#include <shoal/core/offload.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/semaphore.hpp>
#include <shoal/core/sharded.hpp>
#include <shoal/core/sharded_service.hpp>
#include <shoal/core/signal_events.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/core/task.hpp>
#include <shoal/core/when_all.hpp>
#include <shoal/core/when_any.hpp>
#include <shoal/core/with_timeout.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_handle.hpp>
#include <shoal/net/detach.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/filter.hpp>
#include <shoal/net/proxy_protocol/read_proxy_header.hpp>
#include <shoal/net/proxy_protocol/write_proxy_header.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/relay.hpp>
#include <shoal/net/resolve.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/write_queue.hpp>
#include <shoal/net/writer.hpp>
