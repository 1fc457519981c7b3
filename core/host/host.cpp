// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/host/host.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/resolver.hpp>

namespace shoal {
namespace {

class no_names final : public resolver {
 public:
  void stop() noexcept override {}

 private:
  void start(name_question& q) override { finish(q, fail(errc::not_supported)); }
  void forget(name_question&) noexcept override {}
};

}  // namespace

std::unique_ptr<resolver> host::make_resolver(shard&) { return std::make_unique<no_names>(); }

void host::adopt(stepped_loop&, poller&) { SHOAL_CHECK(false, "this host runs its shards on threads"); }
void host::step_until(const callback<bool()>&) { SHOAL_CHECK(false, "this host runs its shards on threads"); }

}  // namespace shoal
