// SPDX-License-Identifier: Apache-2.0
// raw_uring_relay PORT CPU BUFFER UPSTREAM_PORT: the kernel's price of a TCP proxy by io_uring.
//
// As raw_uring_echo, with one upstream connection per client. A side's queue holds what was received from it, to be
// sent to its peer; its end is handed on when the queue is empty, and a pair is closed when both sides have ended.
#include "uring_setup.h"

struct side {
  int peer;
  struct pool* received;       // where its bytes are
  unsigned short first, last;  // received and not yet sent, in order
  unsigned queued;
  bool over;  // nothing more will be received
};

static struct side sides[max_fds];
// A pool for each direction: with one for both, a burst of requests could take all buffers, and the answers that must
// come before the next request is taken would have none.
static struct pool upward, downward;

static void on_accept(int fd, int upstream_port) {
  if (fd < 0) return;
  const int peer = fd < max_fds ? dial(upstream_port, 0) : -1;
  if (peer < 0) {
    close(fd);
    return;
  }
  sides[fd] = (struct side){.peer = peer, .received = &upward};
  sides[peer] = (struct side){.peer = fd, .received = &downward};
  receive_from(fd, &upward);
  receive_from(peer, &downward);
}

static void hand_on_end(int fd) {
  const int peer = sides[fd].peer;
  if (sides[peer].over && sides[peer].queued == 0) {
    close(fd);
    close(peer);
  } else {
    shutdown(peer, SHUT_WR);
  }
}

static void on_received(int fd, int result, unsigned flags) {
  struct side* side = &sides[fd];
  if (result > 0) {
    const unsigned short buffer = (unsigned short)(flags >> IORING_CQE_BUFFER_SHIFT);
    side->received->length_of[buffer] = (unsigned)result;
    *(side->queued > 0 ? &side->received->next_of[side->last] : &side->first) = buffer;
    side->last = buffer;
    if (++side->queued == 1) send_to(side->peer, fd, side->received, side->first);
    if (!(flags & IORING_CQE_F_MORE)) receive_from(fd, side->received);
  } else if (result == -ENOBUFS) {
    side->received->starved[side->received->starved_count++] = fd;
  } else {
    side->over = true;
    if (side->queued == 0) hand_on_end(fd);
  }
}

static void on_sent(int fd, int result) {
  struct side* side = &sides[fd];
  const bool broken = result < 0;
  if (broken) {  // which ends both receives as well
    shutdown(fd, SHUT_RDWR);
    shutdown(side->peer, SHUT_RDWR);
  }
  do {
    const unsigned short buffer = side->first;
    side->first = side->received->next_of[buffer];
    --side->queued;
    give_back(side->received, buffer);
  } while (broken && side->queued > 0);
  if (side->queued > 0) {
    send_to(side->peer, fd, side->received, side->first);
  } else if (side->over) {
    hand_on_end(fd);
  }
}

int main(int argc, char** argv) {
  if (argc != 5) return fputs("usage: raw_uring_relay PORT CPU BUFFER UPSTREAM_PORT\n", stderr), 2;
  pin_to((int)number(argv[2], "CPU", 0, CPU_SETSIZE - 1));
  raise_fd_limit();
  const int upstream_port = (int)number(argv[4], "UPSTREAM_PORT", 1, 65535);
  const unsigned size = (unsigned)number(argv[3], "BUFFER", 1, 1 << 26);
  set_up_ring();
  set_up_pool(&upward, 0, size);
  set_up_pool(&downward, 1, size);
  accept_from(listen_on((int)number(argv[1], "PORT", 0, 65535), 0));
  for (;;) {
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe* cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      const unsigned op = (unsigned)(cqe->user_data >> 56);
      const int fd = (int)(cqe->user_data & 0xffffffff);
      if (op == op_accept) {
        on_accept(cqe->res, upstream_port);
        if (!(cqe->flags & IORING_CQE_F_MORE)) accept_from(fd);
      }
      if (op == op_receive) on_received(fd, cqe->res, cqe->flags);
      if (op == op_send) on_sent(fd, cqe->res);
      ++seen;
    }
    io_uring_cq_advance(&ring, seen);
  }
}
