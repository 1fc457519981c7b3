// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/health_probe.hpp>

#include <shoal/net/proxy_protocol/write_proxy_header.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/upstream/endpoint_fault.hpp>
#include <shoal/net/writer.hpp>

#include <charconv>
#include <utility>

namespace shoal {
namespace {

/// Longest status line that is waited for, in bytes.
constexpr std::size_t max_status_line = 8192;
/// How long the rest of an answer is waited for, so that the endpoint can send it.
constexpr duration linger = std::chrono::seconds{1};

profile_ptr probe_profile() {
  auto made = make_profile();
  made->name = "health_check";
  made->options.max_message = max_status_line;
  made->options.timeouts.linger = linger;
  return made;
}

probe_result bad(std::string why) { return {.why = std::move(why)}; }

std::string request_for(const address& where, const health_check_options& options) {
  std::string host = options.host;
  if (host.empty()) host = where.is_ip() ? to_string(where) : "localhost";
  return "GET " + options.path + " HTTP/1.1\r\nHost: " + host +
         "\r\nUser-Agent: shoal-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

result<void> ask(connection& c, const address& where, const health_check_options& options) {
  if (options.announce) {
    const proxy_header nobody{.version = *options.announce, .is_local = true};
    if (auto written = write_proxy_header(c.output(), nobody); !written) return written;
  }
  if (auto written = c.output().write_string(request_for(where, options)); !written) return fail(written.error());
  c.flush();
  return {};
}

std::string answer_words(std::error_code error) {
  if (error == std::errc::timed_out) return "no answer in time";
  if (error == errc::eof) return "closed without an answer";
  if (error == std::errc::connection_reset || error == std::errc::broken_pipe) return "reset without an answer";
  if (error == errc::message_too_long) return "no HTTP answer";
  return "answer: " + error.message();
}

task<probe_result> ask_for_status(connection& c, const address& where, const health_check_options& options) {
  if (auto asked = ask(c, where, options); !asked && asked.error() == errc::no_memory) {
    co_return probe_result{.says_nothing = true, .why = {}};
  }
  // A connection that has ended already says here how.
  auto line = co_await c.reader().until("\n");
  if (!line) {
    probe_result failed = bad(answer_words(line.error()));
    failed.says_nothing = line.error() == std::errc::operation_canceled || line.error() == errc::no_memory;
    co_return failed;
  }
  const std::string_view text{reinterpret_cast<const char*>(line->data()), line->size()};
  co_return judge_status_line(text, options);
}

}  // namespace

probe_result judge_status_line(std::string_view line, const health_check_options& options) {
  // HTTP/1.1 200 OK (RFC 9112, 4)
  constexpr std::string_view version = "HTTP/1.";
  constexpr std::size_t status_at = 9;
  constexpr std::size_t status_length = 3;
  if (!line.starts_with(version) || line.size() < status_at + status_length || line[status_at - 1] != ' ') {
    return bad("no HTTP answer");
  }
  const std::string_view digits = line.substr(status_at, status_length);
  unsigned status = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
  if (error != std::errc{} || end != digits.data() + digits.size() || status < 100) return bad("no HTTP answer");
  if (status < options.least_status || status > options.most_status) return bad("status " + std::to_string(status));
  return {.good = true, .why = {}};
}

task<probe_result> probe_endpoint(shard& here, const address& where, const health_check_options& options,
                                  std::stop_token stop) {
  const instant deadline = deadline_after(here.now(), options.timeout);
  dialer out{here, probe_profile()};
  const dial_options how{.timeout = options.timeout, .tcp = {}, .source = {}, .stop = stop};
  auto dialled = co_await out.dial(where, how);
  if (!dialled) {
    probe_result failed = bad(connect_words(dialled.error()));
    failed.says_nothing = !is_endpoints_fault(dialled.error());
    co_return failed;
  }
  connection& c = **dialled;
  c.set_read_deadline(deadline);
  const std::stop_callback give_up{stop, [&c] { c.close(close_how::reset, make_error_code(errc::cancelled)); }};
  probe_result outcome{.good = true, .why = {}};
  if (options.kind == health_check_kind::http) {
    auto answer = ask_for_status(c, where, options);
    outcome = co_await answer;
  }
  if (stop.stop_requested()) outcome.says_nothing = true;
  c.close(outcome.good ? close_how::drain : close_how::reset);
  co_return outcome;
}

}  // namespace shoal
