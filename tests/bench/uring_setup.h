// SPDX-License-Identifier: Apache-2.0
// The ring that both raw io_uring programs run on, by the API's best practice: one issuer, completions run only when
// the thread asks (DEFER_TASKRUN), a registered ring, and rings of provided buffers for multishot receives. One system
// call per turn: io_uring_submit_and_wait. Included by one source file per program, so its state is simply static.
#pragma once

#include "setup.h"

#include <liburing.h>

#include <sys/mman.h>

enum { op_accept, op_receive, op_send };
enum { ring_entries = 4096, max_buffers = 4096, pool_memory = 4 << 20 };  // few enough that the caches hold them

/// Buffers that the kernel chooses from when it receives. A buffer is busy from then until its bytes are sent.
struct pool {
  struct io_uring_buf_ring* ring;
  char* memory;
  unsigned buffer_size, buffer_count;
  unsigned short group;
  unsigned length_of[max_buffers];      // bytes received into each buffer
  unsigned short next_of[max_buffers];  // the buffer behind it in its connection's queue
  int starved[max_fds], starved_count;  // receives that ended because no buffer was left
};

static struct io_uring ring;

static inline void set_up_ring(void) {
  struct io_uring_params params = {0};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
  params.cq_entries = 4 * ring_entries;
  must_not(io_uring_queue_init_params(ring_entries, &ring, &params), "io_uring_queue_init");
  must(io_uring_register_ring_fd(&ring), "io_uring_register_ring_fd");
}

static inline struct io_uring_sqe* entry(unsigned op, int fd) {
  struct io_uring_sqe* sqe;
  while (!(sqe = io_uring_get_sqe(&ring))) io_uring_submit(&ring);
  sqe->user_data = (unsigned long long)op << 56 | (unsigned)fd;
  return sqe;
}

static inline void accept_from(int listener) {
  io_uring_prep_multishot_accept(entry(op_accept, listener), listener, NULL, NULL, 0);
}

static inline void receive_from(int fd, const struct pool* pool) {
  struct io_uring_sqe* sqe = entry(op_receive, fd);
  io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = pool->group;
}

/// Sends all of a received buffer (MSG_WAITALL: the kernel goes on after a short send). Completes as `owner`'s.
static inline void send_to(int fd, int owner, const struct pool* pool, unsigned short buffer) {
  const char* data = pool->memory + (size_t)buffer * pool->buffer_size;
  io_uring_prep_send(entry(op_send, owner), fd, data, pool->length_of[buffer], MSG_WAITALL | MSG_NOSIGNAL);
}

static inline void give_back(struct pool* pool, unsigned short buffer) {
  char* address = pool->memory + (size_t)buffer * pool->buffer_size;
  const int mask = io_uring_buf_ring_mask(pool->buffer_count);
  io_uring_buf_ring_add(pool->ring, address, pool->buffer_size, buffer, mask, 0);
  io_uring_buf_ring_advance(pool->ring, 1);
  if (pool->starved_count > 0) receive_from(pool->starved[--pool->starved_count], pool);
}

static inline void set_up_pool(struct pool* pool, unsigned short group, unsigned size) {
  unsigned count = max_buffers;
  while (count > 64 && count * (size_t)size > pool_memory) count /= 2;
  const int protection = PROT_READ | PROT_WRITE, flags = MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE;
  pool->ring = mmap(NULL, count * sizeof(struct io_uring_buf), protection, flags, -1, 0);
  pool->memory = mmap(NULL, count * (size_t)size, protection, flags, -1, 0);
  must(pool->ring == MAP_FAILED || pool->memory == MAP_FAILED ? -1 : 0, "mmap");
  pool->buffer_size = size;
  pool->buffer_count = count;
  pool->group = group;
  struct io_uring_buf_reg registration = {0};
  registration.ring_addr = (unsigned long long)(uintptr_t)pool->ring;
  registration.ring_entries = count;
  registration.bgid = group;
  must_not(io_uring_register_buf_ring(&ring, &registration, 0), "io_uring_register_buf_ring");
  io_uring_buf_ring_init(pool->ring);
  for (unsigned i = 0; i < count; ++i) give_back(pool, (unsigned short)i);
}
