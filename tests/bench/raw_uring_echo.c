// SPDX-License-Identifier: Apache-2.0
// raw_uring_echo PORT CPU BUFFER: the kernel's price of an echo by io_uring.
//
// One thread, one ring, one system call per turn. Multishot accept; one multishot receive per connection that fills
// buffers of a shared ring; each is sent from where it lies, one send per connection at a time, and then given back.
#include "uring_setup.h"

struct connection {
  unsigned short first, last;  // received and not yet sent, in order
  unsigned queued;
  bool over;  // nothing more will be received
};

static struct connection connections[max_fds];
static struct pool pool;

static void on_accept(int fd) {
  if (fd < 0) return;
  if (fd >= max_fds) {
    close(fd);
    return;
  }
  connections[fd] = (struct connection){0};
  receive_from(fd, &pool);
}

static void on_received(int fd, int result, unsigned flags) {
  struct connection* c = &connections[fd];
  if (result > 0) {
    const unsigned short buffer = (unsigned short)(flags >> IORING_CQE_BUFFER_SHIFT);
    pool.length_of[buffer] = (unsigned)result;
    *(c->queued > 0 ? &pool.next_of[c->last] : &c->first) = buffer;
    c->last = buffer;
    if (++c->queued == 1) send_to(fd, fd, &pool, c->first);
    if (!(flags & IORING_CQE_F_MORE)) receive_from(fd, &pool);
  } else if (result == -ENOBUFS) {
    pool.starved[pool.starved_count++] = fd;
  } else {
    c->over = true;
    if (c->queued == 0) close(fd);
  }
}

static void on_sent(int fd, int result) {
  struct connection* c = &connections[fd];
  const bool broken = result < 0;
  if (broken) shutdown(fd, SHUT_RDWR);  // which ends the receive as well
  do {
    const unsigned short buffer = c->first;
    c->first = pool.next_of[buffer];
    --c->queued;
    give_back(&pool, buffer);
  } while (broken && c->queued > 0);
  if (c->queued > 0) {
    send_to(fd, fd, &pool, c->first);
  } else if (c->over) {
    close(fd);
  }
}

int main(int argc, char** argv) {
  if (argc != 4) return fputs("usage: raw_uring_echo PORT CPU BUFFER\n", stderr), 2;
  pin_to((int)number(argv[2], "CPU", 0, CPU_SETSIZE - 1));
  raise_fd_limit();
  set_up_ring();
  set_up_pool(&pool, 0, (unsigned)number(argv[3], "BUFFER", 1, 1 << 26));
  accept_from(listen_on((int)number(argv[1], "PORT", 0, 65535), 0));
  for (;;) {
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe* cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      const unsigned op = (unsigned)(cqe->user_data >> 56);
      const int fd = (int)(cqe->user_data & 0xffffffff);
      if (op == op_accept) {
        on_accept(cqe->res);
        if (!(cqe->flags & IORING_CQE_F_MORE)) accept_from(fd);
      }
      if (op == op_receive) on_received(fd, cqe->res, cqe->flags);
      if (op == op_send) on_sent(fd, cqe->res);
      ++seen;
    }
    io_uring_cq_advance(&ring, seen);
  }
}
