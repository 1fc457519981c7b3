// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/helper_pool.hpp>

#include <shoal/core/affinity.hpp>
#include <shoal/core/thread_semaphore.hpp>

#include <boost/lockfree/queue.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace shoal {

struct helper_pool::crew {
  explicit crew(std::size_t most) : queue(most) {}

  void run(unsigned number) {
    name_this_thread(("shoal-help-" + std::to_string(number)).c_str());
    for (;;) {
      queued.acquire();
      blocking_call* call = nullptr;
      if (!queue.pop(call)) return;  // a wake-up without work: the end
      mailbox& home = *call->home_;
      call->execute();
      home.give_back(*call);
      if (unfinished.fetch_sub(1, std::memory_order_release) == 1) unfinished.notify_all();
    }
  }

  boost::lockfree::queue<blocking_call*> queue;
  thread_semaphore queued;
  std::atomic<std::size_t> unfinished{0};
  std::vector<std::thread> threads;
};

helper_pool::helper_pool() = default;

helper_pool::~helper_pool() { stop(); }

void helper_pool::start(unsigned threads, std::size_t shards) {
  SHOAL_CHECK(crew_ == nullptr && threads > 0, "helper threads are started once, and at least one");
  crew_ = std::make_unique<crew>(shards * offloads_per_shard);
  for (unsigned i = 0; i < threads; ++i) {
    crew_->threads.emplace_back([crew = crew_.get(), i] { crew->run(i); });
  }
}

void helper_pool::submit(blocking_call& call, mailbox& home) noexcept {
  home.lend(call);
  call.home_ = &home;
  crew_->unfinished.fetch_add(1, std::memory_order_relaxed);
  const bool queued = crew_->queue.bounded_push(&call);
  SHOAL_CHECK(queued, "a shard offloads more calls at once than its share");
  crew_->queued.release();
}

void helper_pool::wait_idle() noexcept {
  if (crew_ == nullptr) return;
  auto& unfinished = crew_->unfinished;
  for (auto left = unfinished.load(std::memory_order_acquire); left != 0;
       left = unfinished.load(std::memory_order_acquire)) {
    unfinished.wait(left, std::memory_order_acquire);
  }
}

void helper_pool::stop() noexcept {
  if (crew_ == nullptr) return;
  for (std::size_t i = 0; i < crew_->threads.size(); ++i) crew_->queued.release();
  for (auto& thread : crew_->threads) thread.join();
  crew_.reset();
}

}  // namespace shoal
