// SPDX-License-Identifier: Apache-2.0
// connection: a descriptor, an input and an output link_buffer, an optional filter, five hooks, timeouts, one state
// machine. Protocol-neutral, the same for accepted and dialled ones.
//
//  none --on_connect--> open --EOF--> read_closed --+
//   |                    |  \--close_write--> write_closed --EOF--+
//   |                    \--close()/error/timeout--> closing --drain or reset, handler returns, retired--> closed
//   --callbacks--> freed
//   +--close in on_prepare--------------------------^
//
// Thread rule: owner shard only; every method asserts it in checked builds. A `connection&` is valid inside the hook or
//   until the next suspension of code that does not run inside a hook; keep a connection_id, or a pin, for longer.
// Invariants:
//  1. on_connect and on_request never overlap; a handler that makes no progress is not called again until new bytes or
//  EOF.
//  2. One destruction point: finish() runs once, after the handler has returned and the poller has let go.
//  3. Order at the end: waiters woken, on_disconnect, close callbacks (last added first), buffers, close(fd).
//  4. Unread input above its high mark stops receiving, and so does queued output above its own; nothing grows without
//  a limit.
//  5. An idle connection holds no block and, in the message-per-call style, no coroutine frame.
#pragma once

#include <shoal/buffers/callback.hpp>
#include <shoal/buffers/link_buffer.hpp>
#include <shoal/core/fd_operator.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/task.hpp>
#include <shoal/core/timer_wheel.hpp>
#include <shoal/net/address.hpp>
#include <shoal/net/balancer/rebalance_mode.hpp>
#include <shoal/net/connection_id.hpp>
#include <shoal/net/connection_move.hpp>
#include <shoal/net/connection_options.hpp>
#include <shoal/net/connection_post.hpp>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

namespace shoal {

class connection_handle;
class connection_mover;
class connection_owner;
class connection_table;
class detached_socket;
struct filter_stage;
class flush_awaiter;
struct packed_connection;
class read_waiter;
class reader;
class relay;
class writer;

/// drain: send what is queued, FIN, discard input until EOF or the linger time. reset: RST now.
enum class close_how : std::uint8_t { drain, reset };

/// Who watches a connection beside its hooks; the server counts and drains through it.
class connection_observer {
 public:
  /// The connection is about to be destroyed.
  virtual void on_connection_gone(connection& c) noexcept = 0;
  /// The outcome of a dial; called once, in the deliver step.
  virtual void on_connection_established(connection& c, std::error_code outcome) {
    static_cast<void>(c);
    static_cast<void>(outcome);
  }
  // Moves (connection_move.hpp): an observer without successors keeps its connections where they are.
  [[nodiscard]] virtual bool has_successors() const noexcept { return false; }
  /// Who watches on that shard. Called there, so it may look only at what does not change.
  [[nodiscard]] virtual connection_observer* successor(shard& there) const noexcept {
    static_cast<void>(there);
    return nullptr;
  }
  /// What connections that arrive here have in common.
  [[nodiscard]] virtual profile_ptr profile_of_arrivals() const { return {}; }
  /// Whether they may move by load.
  [[nodiscard]] virtual rebalance_mode rebalances() const noexcept { return rebalance_mode::off; }
  virtual void on_connection_left(connection& c) noexcept { static_cast<void>(c); }
  virtual void on_connection_arrived(connection& c) noexcept { static_cast<void>(c); }

 protected:
  ~connection_observer() = default;
};

class connection final : public fd_operator {
 public:
  // ---- buffers: synchronous, errors at once ----

  [[nodiscard]] link_buffer& input() noexcept { return input_; }
  [[nodiscard]] link_buffer& output() noexcept { return output_; }

  /// Commits the output and sends it at the end of the turn. Awaitable: completes when these bytes have been handed to
  /// the kernel, or with an error. May be dropped: the error is then reported by the next call and by on_disconnect.
  flush_awaiter flush();

  // ---- awaitable faces: the same names, they wait ----

  [[nodiscard]] shoal::reader reader() noexcept;
  [[nodiscard]] shoal::writer writer() noexcept;
  /// io-style adapters: read() copies at least one byte into `space` (0 = EOF); write() copies and flushes.
  [[nodiscard]] task<result<std::size_t>> read(std::span<std::byte> space);
  [[nodiscard]] task<result<std::size_t>> write(std::span<const std::byte> bytes);

  /// Bytes of others, see connection_post.hpp; write_queue and connection_handle bring them here.
  void take_post(connection_post& post);

  // ---- state ----

  [[nodiscard]] connection_id id() const noexcept { return id_; }
  [[nodiscard]] shard& owner() const noexcept { return shard_; }
  /// Its name for other shards, foreign threads and later (connection_handle.hpp).
  [[nodiscard]] connection_handle handle() const;
  /// Neither closed by us nor reset by the peer. A peer that has only finished sending keeps it active.
  [[nodiscard]] bool is_active() const noexcept { return phase_ == phase::open; }
  /// The peer has finished sending; what is buffered is all there will be. In on_request: this call is final.
  [[nodiscard]] bool at_eof() const noexcept { return eof_; }
  [[nodiscard]] const address& remote() const noexcept { return remote_; }
  [[nodiscard]] result<address> local() const;
  [[nodiscard]] bool is_dialled() const noexcept { return dialled_; }
  [[nodiscard]] const connection_profile& profile() const noexcept { return *profile_; }
  /// Why it ended, or no error.
  [[nodiscard]] std::error_code reason() const noexcept { return reason_; }
  /// Plain bytes taken from and handed to the kernel.
  [[nodiscard]] std::uint64_t bytes_received() const noexcept { return input_.commit_position(); }
  [[nodiscard]] std::uint64_t bytes_sent() const noexcept;
  [[nodiscard]] instant opened_at() const noexcept { return opened_at_; }
  [[nodiscard]] instant last_activity() const noexcept { return last_activity_; }

  // ---- ending ----

  /// FIN after the queued output; reading goes on.
  void close_write();
  /// Twice is harmless; reset overrides a drain in progress. `reason` is what on_disconnect is told.
  void close(close_how how = close_how::drain, std::error_code reason = make_error_code(errc::closed));
  /// Requested when the connection closes; a handler that waits elsewhere passes it on.
  [[nodiscard]] std::stop_token stop_token();
  /// Gives up the descriptor: once the poller has let go, `taker` gets it in the "deliver" step, with the bytes that
  /// are in neither hand. No FIN, no RST; on_disconnect and the close callbacks follow, with errc::detached. See
  /// detach.hpp for the awaitable. Errors, `taker` is not called then: the reason of the end; std::errc::not_connected
  /// while it connects; errc::not_supported under a filter or in a pair. An error that `taker` gets: bytes were lost on
  /// the way.
  std::error_code detach(callback<void(result<detached_socket>)> taker);
  /// Last added runs first, once, after on_disconnect. Added after the end it is not run.
  void add_close_callback(callback<void(connection&)> callback);

  // ---- moving to another shard (connection_move.hpp) ----

  /// Goes to live on that shard, at its next safe point: when no handler runs and nobody waits. Its own shard takes
  /// back an earlier wish. Errors: errc::invalid_argument (no such shard); errc::not_supported when something keeps it
  /// here that does not pass by itself, see pinned_by(); std::errc::operation_in_progress while it is on its way; the
  /// reason of its end.
  std::error_code move_to(shard_id to);
  [[nodiscard]] move_obstacle pinned_by() const noexcept;

  // ---- settings; they act on a wait in progress ----

  /// Options of the socket; those left unset stay as they are. The first that the kernel refuses is the error.
  [[nodiscard]] std::error_code set_tcp_options(const tcp_options& options);
  void set_read_timeout(duration timeout);
  void set_write_timeout(duration timeout);
  void set_idle_timeout(duration timeout);
  /// Absolute; overrides the timeout for waits until cleared by `never`.
  void set_read_deadline(instant deadline);
  void set_write_deadline(instant deadline);
  /// Replaces the hook from the next call on, for this connection only.
  void set_on_request(handler hook);
  void set_on_disconnect(callback<void(connection&, std::error_code)> hook);
  /// After EOF the connection stays open for writing until closed (or the half-closed timeout).
  void keep_half_open(bool keep) noexcept { keep_half_open_ = keep; }

  // ---- what the application keeps here ----

  template <class T>
  T& set_context(T value) {
    auto made = std::make_unique<context_holder<T>>(std::move(value));
    T& kept = made->value;
    context_ = std::move(made);
    return kept;
  }
  /// nullptr when nothing of this type was set.
  template <class T>
  [[nodiscard]] T* context() noexcept {
    auto* holder = dynamic_cast<context_holder<T>*>(context_.get());
    return holder == nullptr ? nullptr : &holder->value;
  }

 private:
  friend class connection_table;
  friend class connection_mover;
  friend struct packed_connection;
  friend class read_waiter;
  friend class rebalancer;
  friend class errand;
  friend class flush_awaiter;
  friend class relay;
  friend class writer;
  friend class connection_owner;
  friend class dial_attempt;
  friend class server_shard;

  /// connecting: dialled, outcome not known. open: data flows. flushing, lingering: close(drain) at work. retiring:
  /// waiting for the poller. closed: waiting for the handler. finished: callbacks have run.
  enum class phase : std::uint8_t { idle, connecting, open, flushing, lingering, retiring, closed, finished };

  struct context_base {
    virtual ~context_base() = default;
  };
  template <class T>
  struct context_holder final : context_base {
    explicit context_holder(T v) : value(std::move(v)) {}
    T value;
  };
  /// What few connections need, made when the first of it is asked for.
  struct rare {
    std::stop_source stop{std::nostopstate};  // until somebody asks for its token
    std::vector<callback<void(connection&)>> close_callbacks;
    instant read_deadline = never;
    instant write_deadline = never;
    callback<void(result<detached_socket>)> taker;  // of detach()
    connection_posts posts;                         // not settled: the output is above its mark
    profile_ptr running_profile;  // the one a running handler came from, when it was replaced meanwhile
    shard_id move_to = no_shard;
    instant moved_at = never;   // the last time
    bool move_asked = false;    // home was asked, and has not answered
    bool own_timeouts = false;  // set for this connection alone
    bool own_hooks = false;
  };
  struct handler_done final : run_item {
    explicit handler_done(connection& c) noexcept;
    connection& owner;
  };

  connection(shard& here, int fd, profile_ptr profile, connection_observer* observer, const address& remote);
  ~connection() override;

  // Life, by connection_table, server and dial_attempt.
  void start_accepted();
  void start_dialled(socket_name_view target);
  void begin_shutdown();
  void end_with_shard();
  void make_filter();
  friend result<connection_owner> adopt(shard& here, detached_socket socket, profile_ptr profile,
                                        connection_observer* observer);
  [[nodiscard]] std::error_code take_over(link_buffer& unread, link_buffer& unsent);

  // fd_operator: reports (bookkeeping only) and steps.
  std::span<std::byte> inputs() override;
  void input_ack(std::size_t filled) override;
  [[nodiscard]] bool takes_blocks() const noexcept override;
  void input_block(block_ref&& filled_block, std::size_t filled) override;
  std::size_t outputs(std::span<iovec> pieces) override;
  std::size_t outputs_held(std::span<iovec> pieces, std::span<block_ref> holds) override;
  void output_ack(std::size_t sent) override;
  void hung_up(std::error_code reason) override;
  void retired() override;
  void connected(std::error_code outcome) override;
  void deliver() override;
  void flush_dirty() override;

  // Input side (connection_input.cpp).
  [[nodiscard]] result<std::span<std::byte>> book_input();
  void note_input();
  void decode_input();
  void wake_reader();
  void update_receiving();
  [[nodiscard]] std::size_t unread() const noexcept;

  // Output side (connection_output.cpp).
  [[nodiscard]] std::size_t unsent() const noexcept;  // plain bytes
  [[nodiscard]] bool output_is_empty() const noexcept;
  [[nodiscard]] flush_awaiter wait_for_room();
  void wake_writer();
  void settle_posts(std::error_code outcome) noexcept;
  void say_fin();

  // Hooks (connection_hooks.cpp).
  void run_prepare();
  void run_application();
  void begin_handlers();
  void run_handlers();
  bool run_once(const handler& hook, const char* name);
  void on_handler_done() noexcept;
  void after_handler() noexcept;
  void handler_threw() noexcept;

  // End (connection_close.cpp).
  void fail_with(std::error_code reason);
  /// Ended by a reset of either side: what was queued did not all arrive.
  [[nodiscard]] bool was_cut() const noexcept { return broken_ || how_ == close_how::reset; }
  void advance_close();
  void drop_relay();
  /// The descriptor goes on elsewhere: bytes that still come are kept.
  [[nodiscard]] bool gives_away() const noexcept { return detaching_ || moving_; }
  void close_if_over();
  void begin_retire();
  void hand_over();
  void finish();
  void end_waits(std::error_code error);
  void run_last_hooks() noexcept;

  // Moves (connection_move.cpp).
  [[nodiscard]] move_obstacle pinned_alone() const noexcept;
  [[nodiscard]] std::uint64_t work_that_moves() const noexcept;
  [[nodiscard]] bool decides_on_moves() const noexcept;
  void move_if_wanted();
  [[nodiscard]] bool leave();
  [[nodiscard]] bool agrees_to_leave();
  void start_leaving();
  [[nodiscard]] bool leave_for_good();
  void end_move(std::error_code reason);
  void stay_after_all();
  [[nodiscard]] std::error_code pack(packed_connection& out);
  [[nodiscard]] std::error_code take_back(packed_connection& from);
  void unpack_here(packed_connection& from);
  bool settle_in(packed_connection& from);
  void go_on_here();
  void greet();
  void has_left();

  // Timers (connection_timers.cpp).
  void arm_timer();
  void on_timer() noexcept;
  void close_idle();
  [[nodiscard]] instant earliest_deadline() const noexcept;
  [[nodiscard]] instant idle_deadline() const noexcept;
  [[nodiscard]] instant write_limit() const noexcept;
  [[nodiscard]] instant read_limit() const noexcept;

  void assert_owner() const noexcept { SHOAL_ASSERT(shard::current_or_null() == &shard_); }
  connection_profile& own_profile();
  [[nodiscard]] rare& rarely();

  struct life_timer final : timer {
    explicit life_timer(connection& c) noexcept;
    connection& owner;
  };

  shard& shard_;
  link_buffer input_;
  link_buffer output_;
  std::unique_ptr<filter_stage> filter_;
  profile_ptr profile_;
  connection_observer* observer_;

  connection_id id_;
  std::uint32_t slot_ = 0;  // in this shard's table
  std::uint32_t work_ = 0;  // nanoseconds, while the shard samples work (rebalancer.hpp)
  phase phase_ = phase::idle;
  close_how how_ = close_how::drain;
  bool dialled_ : 1 = false;
  bool eof_ : 1 = false;              // the peer finished sending
  bool broken_ : 1 = false;           // reset or a socket error: nothing can be sent
  bool retired_ : 1 = false;          // the poller has let go
  bool receiving_ : 1 = false;        // what the poller was last told
  bool new_bytes_ : 1 = false;        // since on_request last ran
  bool final_call_made_ : 1 = false;  // on_request has seen the bytes left at EOF
  bool in_handler_ : 1 = false;       // a plain hook is on the stack, or a coroutine hook is suspended
  bool connect_ran_ : 1 = false;      // on_connect (or the place where it would) was passed
  bool keep_half_open_ : 1 = false;
  bool fin_wanted_ : 1 = false;
  bool fin_sent_ : 1 = false;
  bool shutting_down_ : 1 = false;     // close as soon as nothing is going on
  bool paused_by_relay_ : 1 = false;   // the partner's output is full
  bool paused_by_output_ : 1 = false;  // our own output is full, and what we read would only make it fuller
  bool announced_ : 1 = false;         // the dial's outcome was delivered
  bool owned_ : 1 = false;             // a connection_owner keeps the object
  bool detaching_ : 1 = false;         // retiring, so that detach() can give the descriptor away
  bool move_wanted_ : 1 = false;       // to rare_->move_to, at the next safe point
  bool moving_ : 1 = false;            // retiring, so that the connection can go to another shard

  std::error_code reason_;
  instant opened_at_;
  instant last_activity_;
  instant write_progress_ = never;  // when queued output last moved; never: nothing queued
  instant close_deadline_ = never;  // of the phase close() is in

  read_waiter* read_waiter_ = nullptr;
  flush_awaiter* write_waiter_ = nullptr;
  relay* relay_ = nullptr;
  std::uint64_t consumed_at_start_ = 0;  // of a suspended on_request
  task<> handler_;
  handler_done handler_done_{*this};
  std::unique_ptr<rare> rare_;
  std::unique_ptr<context_base> context_;
  life_timer timer_{*this};
  address remote_;
};

static_assert(sizeof(connection) <= 512, "the budget of an idle connection");

}  // namespace shoal
