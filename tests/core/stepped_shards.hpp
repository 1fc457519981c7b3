// SPDX-License-Identifier: Apache-2.0
// Some shards that a test steps by hand, one after the other on one thread, with one clock for all.
//
// Thread rule: one thread, from construction to destruction.
// Invariant: between calls no shard is current; enter() one to make tasks on it.
#pragma once

#include <tests/core/solo_shard.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <vector>

namespace shoal::test {

class stepped_shards {
 public:
  explicit stepped_shards(std::size_t count) : owner_(quiet_options(), machine_) {
    std::vector<mailbox*> all;
    for (std::size_t i = 0; i < count; ++i) {
      shard_options options;
      options.id = static_cast<shard_id>(i);
      options.shards = count;
      options.memory.owner = options.id;
      auto io = std::make_unique<clock_poller>(*machine_);
      shards_.push_back(std::make_unique<shard>(options, owner_, *machine_, std::move(io), owner_.log()));
      all.push_back(&shards_.back()->mail());
    }
    for (auto& s : shards_) s->mail().connect(all, s->io());
  }

  [[nodiscard]] shard& operator[](std::size_t i) noexcept { return *shards_[i]; }
  [[nodiscard]] manual_host& machine() noexcept { return *machine_; }
  [[nodiscard]] shard::entered enter(std::size_t i) noexcept { return shard::entered{*shards_[i]}; }
  [[nodiscard]] std::uint64_t nodes(std::size_t i) const noexcept {
    return shards_[i]->memory().counters().nodes_in_use;
  }

  /// A turn of each.
  void round() {
    for (auto& s : shards_) s->turn(true);
  }

  /// Runs the task that `make` gives, on shard `on`, to its end; steps all shards meanwhile.
  template <std::invocable Make>
  auto run(std::size_t on, Make make) {
    auto work = start_on(on, make);
    end_note end;
    if (!start(on, work, end)) {
      while (end.count == 0) round();
    }
    const auto here = enter(on);
    auto finished = std::move(work);  // its frame goes on its own shard
    return finished.take();
  }

  /// Until no message is under way and nothing is ready to run anywhere.
  void settle() {
    const auto quiet = [this] {
      for (auto& s : shards_) {
        if (!s->is_quiet()) return false;
      }
      return true;
    };
    do round();
    while (!quiet());
  }

 private:
  template <class Make>
  auto start_on(std::size_t on, Make& make) {
    const auto here = enter(on);
    return make();
  }
  template <class T>
  bool start(std::size_t on, task<T>& work, end_note& end) {
    const auto here = enter(on);
    return work.start(end);
  }

  std::shared_ptr<manual_host> machine_ = std::make_shared<manual_host>();
  runtime owner_;
  std::vector<std::unique_ptr<shard>> shards_;
};

}  // namespace shoal::test
