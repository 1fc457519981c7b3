// SPDX-License-Identifier: Apache-2.0
// uring_buffers: the ring of provided buffers that multishot receives fill. Each buffer is a 4 KiB block of the shard's
// slab: a filled one is handed over as it is, and another block takes its place at once.
//
//   slab --block--> place in the ring --the kernel fills it--> take(place) --block_ref--> input of a connection
//                        ^-------------- a fresh block ---------------'
//
// Thread rule: owner shard only.
// Invariants:
//  1. A connection holds none of these before bytes came for it; the ring keeps `target` blocks for all of them.
//  2. The target starts at `blocks_at_first` and doubles each time that a receive found the ring empty, up to
//     `blocks_at_most`. Places whose block could not be replaced stay empty until refill().
#pragma once

#include <shoal/buffers/block_ref.hpp>
#include <shoal/buffers/slab.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

struct io_uring;
struct io_uring_buf_ring;

namespace shoal {

class uring_buffers {
 public:
  static constexpr std::size_t block_bytes = 4096;
  /// 256 KiB to begin with: as many requests of one block as a turn usually finds.
  static constexpr std::size_t blocks_at_first = 64;
  /// 4 MiB: what still fits the caches of a core.
  static constexpr std::size_t blocks_at_most = 1024;
  static constexpr int group = 0;

  explicit uring_buffers(io_uring& ring) noexcept : ring_(&ring) {}
  uring_buffers(const uring_buffers&) = delete;
  uring_buffers& operator=(const uring_buffers&) = delete;
  ~uring_buffers() { release(); }

  void use(slab& memory) noexcept { memory_ = &memory; }
  /// Whether there is a buffer to receive into. Registers and fills the ring on first use.
  [[nodiscard]] bool ready();
  /// The block that the kernel filled, or gave back unfilled.
  [[nodiscard]] block_ref take(unsigned place);
  void give_back(unsigned place);
  /// A receive found no buffer: there will be more.
  void grow();
  /// Tries again to fill the places that are empty.
  void refill();
  /// Unregisters the ring and gives the blocks back; no receive may be armed.
  void release() noexcept;
  [[nodiscard]] std::size_t blocks() const noexcept { return places_.size() - empty_.size(); }

 private:
  struct unmapped {
    void operator()(io_uring_buf_ring* ring) const noexcept;
  };
  [[nodiscard]] bool fill(unsigned place);
  void extend(std::size_t target);
  void publish();

  io_uring* ring_;
  slab* memory_ = nullptr;
  std::unique_ptr<io_uring_buf_ring, unmapped> shared_;  // with the kernel, while registered
  std::vector<block_ref> places_;
  std::vector<std::uint16_t> empty_;
  int added_ = 0;  // and not shown to the kernel yet
  bool impossible_ = false;
};

}  // namespace shoal
