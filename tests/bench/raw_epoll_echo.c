// SPDX-License-Identifier: Apache-2.0
// raw_epoll_echo PORT CPU BUFFER: the kernel's price of an echo by epoll, and the endpoint behind the proxies.
//
// One thread, one edge-triggered registration per connection that is never changed, one buffer for all connections
// (it stays in the cache); what a socket does not take is copied aside until the edge that says it has room.
// Level-triggered measures the same or 2 % worse: the kernel looks at every ready socket once more.
#include "setup.h"

#include <sys/epoll.h>

struct rest {
  char* data;
  size_t begin, end;
};

static struct rest rests[max_fds];
static char* buffer;
static size_t buffer_size;

static void accept_all(int epoll, int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if (fd >= max_fds || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) close(fd);
  }
}

/// Sends what is left over, then echoes until the socket is empty or full; false: the connection is over. A short read
/// means empty (epoll(7)) unless the peer has finished: then only the read that returns 0 says so.
static bool serve(int fd, bool finished) {
  struct rest* rest = &rests[fd];
  for (;;) {
    if (rest->begin < rest->end) {
      const ssize_t sent = send(fd, rest->data + rest->begin, rest->end - rest->begin, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      rest->begin += (size_t)sent;
      if (rest->begin < rest->end) return true;
    }
    const ssize_t got = recv(fd, buffer, buffer_size, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    ssize_t sent = send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < got) {
      if (sent < 0) sent = 0;
      if (!rest->data) rest->data = malloc(buffer_size);
      if (!rest->data) return false;
      rest->begin = 0;
      rest->end = (size_t)(got - sent);
      memcpy(rest->data, buffer + sent, rest->end);
      return true;
    }
    if ((size_t)got < buffer_size && !finished) return true;
  }
}

int main(int argc, char** argv) {
  if (argc != 4) return fputs("usage: raw_epoll_echo PORT CPU BUFFER\n", stderr), 2;
  pin_to((int)number(argv[2], "CPU", 0, CPU_SETSIZE - 1));
  raise_fd_limit();
  buffer_size = (size_t)number(argv[3], "BUFFER", 1, 1 << 26);
  buffer = malloc(buffer_size);
  if (!buffer) return fputs("out of memory\n", stderr), 1;
  const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const int listener = listen_on((int)number(argv[1], "PORT", 0, 65535), SOCK_NONBLOCK);
  struct epoll_event events[256] = {{.events = EPOLLIN, .data.fd = listener}};
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events), "epoll_ctl");
  for (;;) {
    const int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(epoll, listener);
      } else if (!serve(fd, (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)) {
        rests[fd].begin = rests[fd].end = 0;
        close(fd);
      }
    }
  }
}
