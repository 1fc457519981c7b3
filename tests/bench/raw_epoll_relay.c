// SPDX-License-Identifier: Apache-2.0
// raw_epoll_relay PORT CPU BUFFER UPSTREAM_PORT: the kernel's price of a TCP proxy by epoll.
//
// As raw_epoll_echo, with one upstream connection per client. A side is a descriptor and what its peer did not take;
// spurious events are harmless, so a descriptor that is closed and used again within one batch does no damage.
#include "setup.h"

#include <sys/epoll.h>

struct side {
  int peer;       // 0: closed
  bool ending;    // the kernel has reported the sender's end, perhaps with bytes still before it
  bool finished;  // that end has been read and handed on
  char* rest;
  size_t begin, end;
};

static struct side sides[max_fds];
static char* buffer;
static size_t buffer_size;

static void end(int fd) {
  const int both[] = {fd, sides[fd].peer};
  for (int i = 0; i < 2; ++i) {
    struct side* side = &sides[both[i]];
    side->peer = 0;
    side->ending = side->finished = false;
    side->begin = side->end = 0;
    close(both[i]);
  }
}

static void accept_all(int epoll, int listener, int upstream_port) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    const int peer = fd < max_fds ? dial(upstream_port, SOCK_NONBLOCK) : -1;
    if (peer < 0) {
      close(fd);
      continue;
    }
    sides[fd].peer = peer;
    sides[peer].peer = fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    event.data.fd = peer;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, peer, &event), "epoll_ctl");
  }
}

/// Moves what `fd` has to its peer until one is empty or the other full; false: the pair is over. A short read means
/// empty (epoll(7)) unless the sender is ending: then the read that returns 0 says so, and is handed on.
static bool pump(int fd) {
  struct side* side = &sides[fd];
  while (!side->finished) {
    if (side->begin < side->end) {
      const ssize_t sent = send(side->peer, side->rest + side->begin, side->end - side->begin, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      side->begin += (size_t)sent;
      if (side->begin < side->end) return true;
    }
    const ssize_t got = recv(fd, buffer, buffer_size, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) {
      side->finished = true;
      shutdown(side->peer, SHUT_WR);
      return !sides[side->peer].finished;
    }
    ssize_t sent = send(side->peer, buffer, (size_t)got, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < got) {
      if (sent < 0) sent = 0;
      if (!side->rest) side->rest = malloc(buffer_size);
      if (!side->rest) return false;
      side->begin = 0;
      side->end = (size_t)(got - sent);
      memcpy(side->rest, buffer + sent, side->end);
      return true;
    }
    if ((size_t)got < buffer_size && !side->ending) return true;
  }
  return true;
}

static void handle(int fd, unsigned events) {
  struct side* side = &sides[fd];
  if (side->peer && (events & ~(unsigned)EPOLLOUT)) {
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) side->ending = true;
    if (!pump(fd)) end(fd);
  }
  if (side->peer && (events & EPOLLOUT) && sides[side->peer].begin < sides[side->peer].end) {
    if (!pump(side->peer)) end(fd);
  }
}

int main(int argc, char** argv) {
  if (argc != 5) return fputs("usage: raw_epoll_relay PORT CPU BUFFER UPSTREAM_PORT\n", stderr), 2;
  pin_to((int)number(argv[2], "CPU", 0, CPU_SETSIZE - 1));
  raise_fd_limit();
  buffer_size = (size_t)number(argv[3], "BUFFER", 1, 1 << 26);
  const int upstream_port = (int)number(argv[4], "UPSTREAM_PORT", 1, 65535);
  buffer = malloc(buffer_size);
  if (!buffer) return fputs("out of memory\n", stderr), 1;
  const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const int listener = listen_on((int)number(argv[1], "PORT", 0, 65535), SOCK_NONBLOCK);
  struct epoll_event events[256] = {{.events = EPOLLIN, .data.fd = listener}};
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events), "epoll_ctl");
  for (;;) {
    const int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == listener) {
        accept_all(epoll, listener, upstream_port);
      } else {
        handle(events[i].data.fd, events[i].events);
      }
    }
  }
}
