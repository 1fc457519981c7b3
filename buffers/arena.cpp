// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/arena.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/buffers/poison.hpp>

#include <sys/mman.h>

namespace shoal::detail {

std::byte* map_memory(std::size_t bytes, bool huge_pages) noexcept {
  // The kernel aligns to 4 KiB only: ask for one alignment more and give back what sticks out.
  const std::size_t asked = bytes + arena_bytes;
  void* mapped = ::mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(mapped);
  const auto aligned = (start + arena_bytes - 1) & ~(arena_bytes - 1);
  if (aligned != start) ::munmap(mapped, aligned - start);
  const std::uintptr_t end = aligned + bytes;
  if (end != start + asked) ::munmap(reinterpret_cast<void*>(end), start + asked - end);
  auto* memory = reinterpret_cast<std::byte*>(aligned);
  if (huge_pages) (void)::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: forbidden or unsupported is fine
  return memory;
}

void unmap_memory(std::byte* memory, std::size_t bytes) noexcept {
  unpoison(memory, bytes);  // the addresses may come back to life as somebody else's
  SHOAL_CHECK(::munmap(memory, bytes) == 0, "munmap of slab memory failed");
}

}  // namespace shoal::detail
