// SPDX-License-Identifier: Apache-2.0
// What the measuring programs (C and C++) share before their loop begins: one core, descriptors, sockets on 127.0.0.1.
// Nothing here runs per request. An error ends the program with a line that names the call.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/// Descriptors index the programs' tables; a connection whose descriptor lies above this is refused.
enum { max_fds = 65536 };

static inline int must(int result, const char* what) {
  if (result < 0) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
  }
  return result;
}

/// As must, for calls that return the error itself: 0, or -errno.
static inline void must_not(int error, const char* what) {
  errno = -error;
  must(error ? -1 : 0, what);
}

static inline long number(const char* text, const char* name, long least, long most) {
  char* end = NULL;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
    fprintf(stderr, "%s: a number from %ld to %ld, not \"%s\"\n", name, least, most, text);
    exit(2);
  }
  return value;
}

static inline void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  must(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

static inline void raise_fd_limit(void) {
  struct rlimit limit;
  must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max < (rlim_t)max_fds ? limit.rlim_max : (rlim_t)max_fds;
  must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A listening socket; says where on standard output, so that port 0 is of use and a script knows when to begin.
/// TCP_NODELAY is set here because Linux hands it on to every accepted socket: one system call instead of one each.
static inline int listen_on(int port, int type) {
  const int on = 1;
  const int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0), "socket");
  must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  struct sockaddr_in address = loopback(port);
  socklen_t length = sizeof address;
  must(bind(fd, (struct sockaddr*)&address, length), "bind");
  must(listen(fd, 4096), "listen");
  must(getsockname(fd, (struct sockaddr*)&address, &length), "getsockname");
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  must(fflush(stdout), "fflush");
  return fd;
}

/// A connected socket to 127.0.0.1:port, or -1. It blocks, which on loopback means: it is done at once.
static inline int dial(int port, int type) {
  const int on = 1;
  const struct sockaddr_in address = loopback(port);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || fd >= max_fds || connect(fd, (const struct sockaddr*)&address, sizeof address) < 0) {
    if (fd >= 0) close(fd);
    return -1;
  }
  must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  if (type == SOCK_NONBLOCK) must(ioctl(fd, FIONBIO, &on), "FIONBIO");
  return fd;
}
