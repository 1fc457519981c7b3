// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/write_queue.hpp>

#include <shoal/buffers/foreign_slice.hpp>
#include <shoal/core/frame_memory.hpp>
#include <shoal/core/mailbox.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/visit.hpp>

#include <memory>
#include <utility>
#include <variant>

namespace shoal {

/// Outlives the queue while posts are under way.
struct write_queue::state {
  state(connection_id target, std::size_t most) noexcept : to(target), max_under_way(most) {}
  static void* operator new(std::size_t size) { return detail::allocate_frame(size); }
  static void operator delete(void* node, std::size_t size) noexcept { detail::free_frame(node, size); }

  [[nodiscard]] bool full() const noexcept { return under_way >= max_under_way; }
  void finished(std::size_t bytes, std::error_code outcome) noexcept {
    under_way -= bytes;
    if (outcome && !error) error = outcome;
    if (!full() || error) wake_all();
  }
  /// They look again, in their order; who finds no room waits again.
  void wake_all() noexcept {
    while (!waiting.empty()) {
      run_item& first = waiting.front();
      waiting.pop_front();
      shard::current().schedule(first);
    }
  }

  const connection_id to;
  const std::size_t max_under_way;
  std::size_t under_way = 0;
  std::error_code error;
  run_queue waiting;
  std::uint32_t references = 0;
};

void intrusive_ptr_add_ref(write_queue::state* s) noexcept { ++s->references; }
void intrusive_ptr_release(write_queue::state* s) noexcept {
  if (--s->references == 0) std::default_delete<write_queue::state>{}(s);
}

/// One post: a message to another shard, or at once a post to the connection of this one.
struct write_queue::parcel final : message, connection_post, visit {
  parcel(state& queue, link_buffer&& own, std::size_t bytes) noexcept
      : message(&arrive, &come_back), of(&queue), contents(std::move(own)), size(bytes) {}
  parcel(state& queue, foreign_slice&& departed, std::size_t bytes) noexcept
      : message(&arrive, &come_back), of(&queue), contents(std::move(departed)), size(bytes) {}
  static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
  static void operator delete(void* node, std::size_t bytes) noexcept { detail::free_frame(node, bytes); }

  void arrive_home() { shard::current().local<connection_table>().bring(of_id, *this); }
  void meet(connection* c) noexcept override {
    c == nullptr ? settle(make_error_code(errc::stale_connection)) : c->take_post(*this);
  }
  static void arrive(message& m) { static_cast<parcel&>(m).arrive_home(); }
  static void come_back(message& m) {
    const std::unique_ptr<parcel> done{&static_cast<parcel&>(m)};
    done->of->finished(done->size, done->outcome);
  }

  result<void> put(link_buffer& output) override {
    return std::visit([&](auto& bytes) { return output.append(std::move(bytes)); }, contents);
  }
  void settle(std::error_code error) noexcept override {
    outcome = error;
    end_visit();
  }
  void back_home() noexcept override {
    if (sender == no_shard) return come_back(*this);
    // Bytes that were not put are freed by the sender; those that were come home by themselves.
    shard::current().mail().reply(*this);
  }

  counted_ptr<state> of;  // counted at home only
  connection_id of_id = of->to;
  std::variant<link_buffer, foreign_slice> contents;
  std::size_t size;
  std::error_code outcome;
};

/// In the queue's order until something has changed.
class write_queue::wait : public resume_item {
 public:
  explicit wait(state& of) noexcept : of_(of) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    waiting = handle;
    of_.waiting.push_back(*this);
  }
  void await_resume() const noexcept {}

 private:
  state& of_;
};

write_queue::write_queue(connection_id to, std::size_t max_under_way)
    : state_(std::make_unique<state>(to, max_under_way).release()) {}

write_queue::~write_queue() {
  SHOAL_CHECK(state_ == nullptr || state_->waiting.empty(), "a write_queue was destroyed while somebody waits for it");
}

std::size_t write_queue::under_way() const noexcept { return state_->under_way; }

std::error_code write_queue::try_post(link_buffer&& bytes) { return offer(bytes); }

/// Takes the bytes or, refused, leaves them.
std::error_code write_queue::offer(link_buffer& bytes) {
  state& queue = *state_;
  shard& here = shard::current();
  SHOAL_ASSERT(&bytes.home() == &here.memory());
  if (queue.error) return queue.error;
  if (const auto committed = bytes.commit(); !committed) return committed.error();
  const std::size_t size = bytes.len();
  if (size == 0) return {};
  if (queue.full()) return make_error_code(errc::would_block);
  const bool from_home = queue.to.home == here.id();
  if (from_home && here.local<connection_table>().find_settled(queue.to) != nullptr) {
    queue.under_way += size;
    std::make_unique<parcel>(queue, std::move(bytes), size).release()->arrive_home();
    return {};
  }
  auto departed = foreign_slice::depart(std::move(bytes));
  if (!departed) return departed.error();
  auto sent = std::make_unique<parcel>(queue, std::move(*departed), size);
  if (from_home) {
    queue.under_way += size;
    sent.release()->arrive_home();
    return {};
  }
  if (!here.mail().try_send(queue.to.home, *sent)) {
    bytes = std::move(std::get<foreign_slice>(sent->contents)).come_home(here.memory());
    return make_error_code(errc::would_block);
  }
  queue.under_way += size;
  static_cast<void>(sent.release());  // comes back through come_back()
  return {};
}

task<result<void>> write_queue::post(link_buffer bytes) {
  const counted_ptr<state> queue = state_;
  for (;;) {
    const auto error = offer(bytes);
    if (!error) co_return {};
    if (error != errc::would_block) co_return fail(error);
    if (queue->full()) {
      wait room{*queue};
      co_await room;
    } else {
      detail::room_awaiter lane{static_cast<shard_id>(queue->to.home)};
      co_await lane;
    }
  }
}

task<result<void>> write_queue::drained() {
  const counted_ptr<state> queue = state_;
  while (queue->under_way != 0 && !queue->error) {
    wait change{*queue};
    co_await change;
  }
  if (queue->error) co_return fail(queue->error);
  co_return {};
}

}  // namespace shoal
