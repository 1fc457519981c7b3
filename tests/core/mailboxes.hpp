// SPDX-License-Identifier: Apache-2.0
// Some mailboxes that know each other, without shards around them, and parcels that note where they have been.
//
// Thread rule: one thread drives all of them.
#pragma once

#include <shoal/core/mailbox.hpp>
#include <tests/core/still_poller.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <ranges>
#include <vector>

namespace shoal::test {

/// Does nothing but count how often it is woken.
class wake_counter final : public still_poller {
 public:
  void wake() noexcept override { ++wakes; }
  int wakes = 0;
};

/// What was executed and completed at one mailbox, in order.
struct mailbox_place {
  std::unique_ptr<mailbox> box;
  wake_counter poll;
  std::vector<int> executed;
  std::vector<int> completed;
  std::vector<message*> kept;
  bool keeps = false;
  std::function<void(int)> on_complete;
};

struct parcel : message {
  explicit parcel(int what) : message(&parcel::arrived, &parcel::returned), number(what) {}
  int number;
  /// Where it is handled; set by the mailboxes it is sent through.
  static inline std::vector<std::unique_ptr<mailbox_place>>* places = nullptr;
  static inline std::size_t draining = 0;

 private:
  static void arrived(message& m) {
    auto& here = *(*places)[draining];
    here.executed.push_back(static_cast<parcel&>(m).number);
    if (here.keeps) {
      here.kept.push_back(&m);
    } else {
      here.box->reply(m);
    }
  }
  static void returned(message& m) {
    auto& here = *(*places)[draining];
    const int number = static_cast<parcel&>(m).number;
    here.completed.push_back(number);
    if (here.on_complete) here.on_complete(number);
  }
};

inline std::vector<std::unique_ptr<parcel>> parcels(std::size_t count, int from = 0) {
  std::vector<std::unique_ptr<parcel>> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(std::make_unique<parcel>(from + static_cast<int>(i)));
  return made;
}

class mailboxes {
 public:
  explicit mailboxes(std::size_t count, fence_kind fence = fence_kind::read_modify_write) {
    std::vector<mailbox*> all;
    for (std::size_t i = 0; i < count; ++i) {
      auto& place = places_.emplace_back(std::make_unique<mailbox_place>());
      place->box = std::make_unique<mailbox>(static_cast<shard_id>(i), count, fence);
      all.push_back(place->box.get());
    }
    for (auto& place : places_) place->box->connect(all, place->poll);
    parcel::places = &places_;
  }
  mailboxes(const mailboxes&) = delete;
  mailboxes& operator=(const mailboxes&) = delete;
  ~mailboxes() { parcel::places = nullptr; }

  [[nodiscard]] mailbox& operator[](std::size_t i) noexcept { return *places_[i]->box; }
  unsigned drain(std::size_t i) {
    parcel::draining = i;
    return places_[i]->box->drain();
  }

  [[nodiscard]] std::vector<int>& executed(std::size_t i) { return places_[i]->executed; }
  [[nodiscard]] std::vector<int>& completed(std::size_t i) { return places_[i]->completed; }
  [[nodiscard]] int wakes(std::size_t i) const { return places_[i]->poll.wakes; }
  void on_complete(std::size_t i, std::function<void(int)> what) { places_[i]->on_complete = std::move(what); }

  /// Requests stay with their receiver until reply_kept_backwards().
  void keep_requests(bool on) {
    for (auto& place : places_) place->keeps = on;
  }
  void reply_kept_backwards() {
    for (auto& place : places_) {
      for (message* m : place->kept | std::views::reverse) place->box->reply(*m);
      place->kept.clear();
    }
  }

  /// Publishes and drains everywhere until nothing moves any more.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& place : places_) place->box->publish_all();
      for (std::size_t i = 0; i < places_.size(); ++i) moved |= drain(i) != 0;
    }
  }

 private:
  std::vector<std::unique_ptr<mailbox_place>> places_;
};

}  // namespace shoal::test
