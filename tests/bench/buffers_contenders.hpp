// SPDX-License-Identifier: Apache-2.0
// The buffers that link_buffer is measured against, each behind the same six verbs, used the way its users do.
//
// Thread rule: one thread.
//
//   receive(from)   what a socket read costs in user space: space from the buffer, the kernel's copy (a memcpy that all
//                   pay), and the bookkeeping. std::string has no room to receive into, so it goes through the stack.
//   each_line(f)    calls f for each complete line and consumes it
//   next(n)         n contiguous bytes, consumed by done()
//   write(text)     queues a copy for sending
//   forward(to)     all bytes to the output buffer of the same kind
//   send()          asks for the pieces, as sendmsg would, and drops them
//   idle()          gives memory back, for a connection that waits: link_buffer, multi_buffer and evbuffer do it anyway
#pragma once

#include <shoal/buffers/link_buffer.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/multi_buffer.hpp>
#include <event2/buffer.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace shoal::bench {

/// One memory for all contenders that need one, as on a shard.
inline slab& bench_slab() {
  static const slab_ptr home = slab::make();
  return *home;
}

class with_link_buffer {
 public:
  void receive(std::string_view from) {
    while (!from.empty()) {
      const auto space = *buffer_.book();
      const std::size_t n = std::min(from.size(), space.size());
      std::memcpy(space.data(), from.data(), n);
      (void)buffer_.book_ack(n);
      from.remove_prefix(n);
    }
  }
  template <class F>
  void each_line(F f) {
    (void)buffer_.each_until('\n', [&f](link_buffer::bytes line) { f(view(line)); });
    buffer_.release();
  }
  std::string_view next(std::size_t n) { return view(*buffer_.next(n)); }
  void done() { buffer_.release(); }
  void write(std::string_view text) {
    (void)buffer_.write_string(text);
    (void)buffer_.commit();
  }
  void forward(with_link_buffer& to) {
    to.buffer_.append(buffer_.take_all());
    (void)to.buffer_.commit();
  }
  void idle() {}
  std::size_t send() {
    std::array<iovec, 64> pieces;
    std::size_t sent = 0;
    for (const iovec& piece : std::span{pieces}.first(buffer_.get_bytes(pieces))) sent += piece.iov_len;
    (void)buffer_.consume(sent);
    return sent;
  }

 private:
  static std::string_view view(link_buffer::bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
  link_buffer buffer_{bench_slab()};
};

class with_string {
 public:
  void receive(std::string_view from) {
    char stack[16384];
    while (!from.empty()) {
      const std::size_t n = std::min(from.size(), sizeof stack);
      std::memcpy(stack, from.data(), n);
      buffer_.append(stack, n);
      from.remove_prefix(n);
    }
  }
  template <class F>
  void each_line(F f) {
    std::size_t begin = 0;
    for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', begin)) {
      f(std::string_view{buffer_}.substr(begin, end + 1 - begin));
      begin = end + 1;
    }
    buffer_.erase(0, begin);  // once for all lines: erasing each is 100 times slower
  }
  std::string_view next(std::size_t n) {
    next_ = n;
    return std::string_view{buffer_}.substr(0, n);
  }
  void done() { buffer_.erase(0, next_); }
  void write(std::string_view text) { buffer_.append(text); }
  void forward(with_string& to) {
    to.buffer_.append(buffer_);
    buffer_.clear();
  }
  void idle() { buffer_.shrink_to_fit(); }
  std::size_t send() {
    const iovec piece{buffer_.data(), buffer_.size()};
    buffer_.erase(0, piece.iov_len);
    return piece.iov_len;
  }

 private:
  std::string buffer_;
  std::size_t next_ = 0;
};

class with_flat_buffer {
 public:
  void receive(std::string_view from) {
    const auto space = buffer_.prepare(from.size());
    std::memcpy(space.data(), from.data(), from.size());
    buffer_.commit(from.size());
  }
  template <class F>
  void each_line(F f) {
    for (;;) {
      const auto data = buffer_.cdata();
      const auto* begin = static_cast<const char*>(data.data());
      const auto* end = data.size() > 0 ? static_cast<const char*>(std::memchr(begin, '\n', data.size())) : nullptr;
      if (end == nullptr) return;
      const auto n = static_cast<std::size_t>(end + 1 - begin);
      f(std::string_view{begin, n});
      buffer_.consume(n);
    }
  }
  std::string_view next(std::size_t n) {
    next_ = n;
    return {static_cast<const char*>(buffer_.cdata().data()), n};
  }
  void done() { buffer_.consume(next_); }
  void write(std::string_view text) { receive(text); }
  void forward(with_flat_buffer& to) {
    const auto data = buffer_.cdata();
    to.receive({static_cast<const char*>(data.data()), data.size()});
    buffer_.consume(data.size());
  }
  void idle() { buffer_.shrink_to_fit(); }
  std::size_t send() {
    const std::size_t n = buffer_.cdata().size();
    buffer_.consume(n);
    return n;
  }

 private:
  boost::beast::flat_buffer buffer_;
  std::size_t next_ = 0;
};

class with_multi_buffer {
 public:
  void receive(std::string_view from) {
    buffer_.commit(boost::asio::buffer_copy(buffer_.prepare(from.size()), boost::asio::buffer(from)));
  }
  template <class F>
  void each_line(F f) {
    for (;;) {
      std::size_t before = 0;
      const char* end = nullptr;
      const auto data = buffer_.cdata();
      for (const boost::asio::const_buffer piece : boost::beast::buffers_range_ref(data)) {
        end = static_cast<const char*>(std::memchr(piece.data(), '\n', piece.size()));
        if (end != nullptr) {
          before += static_cast<std::size_t>(end + 1 - static_cast<const char*>(piece.data()));
          break;
        }
        before += piece.size();
      }
      if (end == nullptr) return;
      f(next(before));
      buffer_.consume(before);
    }
  }
  std::string_view next(std::size_t n) {
    next_ = n;
    const auto data = buffer_.cdata();
    const boost::asio::const_buffer first = *boost::asio::buffer_sequence_begin(data);
    if (first.size() >= n) return {static_cast<const char*>(first.data()), n};
    across_.resize(n);
    boost::asio::buffer_copy(boost::asio::buffer(across_), data);
    return across_;
  }
  void done() { buffer_.consume(next_); }
  void write(std::string_view text) { receive(text); }
  void forward(with_multi_buffer& to) {
    const auto data = buffer_.cdata();
    to.buffer_.commit(boost::asio::buffer_copy(to.buffer_.prepare(buffer_.size()), data));
    buffer_.consume(buffer_.size());
  }
  void idle() { buffer_.shrink_to_fit(); }
  std::size_t send() {
    std::size_t n = 0;
    const auto data = buffer_.cdata();
    for (const boost::asio::const_buffer piece : boost::beast::buffers_range_ref(data)) n += piece.size();
    buffer_.consume(n);
    return n;
  }

 private:
  boost::beast::multi_buffer buffer_;
  std::string across_;
  std::size_t next_ = 0;
};

class with_evbuffer {
 public:
  void receive(std::string_view from) {
    std::array<evbuffer_iovec, 2> space;
    const int pieces = ::evbuffer_reserve_space(buffer_.get(), static_cast<ev_ssize_t>(from.size()), space.data(), 2);
    int used = 0;
    for (; used < pieces && !from.empty(); ++used) {
      auto& piece = space[static_cast<std::size_t>(used)];
      piece.iov_len = std::min(piece.iov_len, from.size());
      std::memcpy(piece.iov_base, from.data(), piece.iov_len);
      from.remove_prefix(piece.iov_len);
    }
    ::evbuffer_commit_space(buffer_.get(), space.data(), used);
  }
  template <class F>
  void each_line(F f) {
    for (;;) {
      std::size_t eol = 0;
      const evbuffer_ptr end = ::evbuffer_search_eol(buffer_.get(), nullptr, &eol, EVBUFFER_EOL_LF);
      if (end.pos < 0) return;
      const auto n = static_cast<std::size_t>(end.pos) + eol;
      f(next(n));
      done();
    }
  }
  std::string_view next(std::size_t n) {
    next_ = n;
    return {reinterpret_cast<const char*>(::evbuffer_pullup(buffer_.get(), static_cast<ev_ssize_t>(n))), n};
  }
  void done() { ::evbuffer_drain(buffer_.get(), next_); }
  void write(std::string_view text) { ::evbuffer_add(buffer_.get(), text.data(), text.size()); }
  void forward(with_evbuffer& to) { ::evbuffer_add_buffer(to.buffer_.get(), buffer_.get()); }
  void idle() {}
  std::size_t send() {
    std::array<evbuffer_iovec, 64> pieces;
    const int used = ::evbuffer_peek(buffer_.get(), -1, nullptr, pieces.data(), static_cast<int>(pieces.size()));
    std::size_t sent = 0;
    for (int i = 0; i < used; ++i) sent += pieces[static_cast<std::size_t>(i)].iov_len;
    ::evbuffer_drain(buffer_.get(), sent);
    return sent;
  }

 private:
  struct freed {
    void operator()(evbuffer* b) const { ::evbuffer_free(b); }
  };
  std::unique_ptr<evbuffer, freed> buffer_{::evbuffer_new()};
  std::size_t next_ = 0;
};

}  // namespace shoal::bench
