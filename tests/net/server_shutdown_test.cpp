// SPDX-License-Identifier: Apache-2.0
// One server ends while its runtime, and other servers, go on.
#include <shoal/net/server.hpp>
#include <tests/net/net_rig.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>

using shoal::connection;
using shoal::task;
using shoal::test::event_log;
using shoal::test::gate;
using shoal::test::get;
using shoal::test::net_rig;
using shoal::test::peer;
using shoal::test::wire;
using shoal::test::word_of;
using namespace std::chrono_literals;

namespace {

void note_ends(net_rig& rig, event_log& events) {
  rig.server().on_disconnect([&](connection&, std::error_code reason) { events.add("end:" + word_of(reason)); });
}

bool is_refused(const net_rig& rig) { return rig.connect().error() == ECONNREFUSED; }

/// Answers with what it got once the gate is open.
task<> answer_later(connection& c, event_log& events, gate& answers) {
  events.add("asked");
  co_await answers;
  static_cast<void>(c.output().append(c.input().take_all()));
  c.flush();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server_shutdown)

SHOAL_WIRE_TEST(idle_ones_are_closed_and_busy_ones_finish) {
  event_log events;
  gate answers;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([&](connection& c) { return answer_later(c, events, answers); });
  rig.start();
  peer idle = rig.connect();
  peer busy = rig.connect();
  BOOST_TEST(busy.send("question"));
  BOOST_TEST(events.wait_for("asked"));
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 2; }));

  auto done = rig.server().shutdown(60s);
  BOOST_TEST(idle.wait_for_end() == 0);
  idle.close();
  BOOST_TEST(rig.until([] { return net_rig::open_here() == 1; }));
  BOOST_TEST(is_refused(rig));
  BOOST_TEST((done.wait_for(0s) == std::future_status::timeout));
  rig.on_shard([&] { answers.open(); });
  BOOST_TEST(busy.receive_all() == "question");
  busy.close();
  get(std::move(done));
  BOOST_TEST(events.all() == "asked end:stopped end:stopped ");
  // The shards go on.
  BOOST_TEST(rig.on_shard([] { return 5; }) == 5);
  get(rig.server().shutdown(60s));  // again is harmless
}

SHOAL_WIRE_TEST(what_does_not_finish_is_reset_at_the_deadline) {
  event_log events;
  gate answers;
  net_rig rig{on};
  note_ends(rig, events);
  rig.server().on_request([&](connection& c) { return answer_later(c, events, answers); });
  rig.start();
  peer busy = rig.connect();
  BOOST_TEST(busy.send("question"));
  BOOST_TEST(events.wait_for("asked"));
  auto later = rig.server().shutdown(3600s);
  auto sooner = rig.server().shutdown(20ms);  // the sooner deadline counts
  BOOST_TEST(busy.wait_for_end() == ECONNRESET);
  rig.on_shard([&] { answers.open(); });
  get(std::move(sooner));
  get(std::move(later));
  BOOST_TEST(events.all() == "asked end:stopped ");
}

BOOST_AUTO_TEST_CASE(another_server_of_the_runtime_is_not_touched) {
  shoal::runtime_options options;
  options.shards.shards = 2;
  options.shards.pin = shoal::pin_mode::off;
  shoal::runtime runtime{options, shoal::test::stage_host()};
  const auto describe = [] {
    shoal::server_options described;
    described.bind = "127.0.0.1:0";
    return described;
  };
  shoal::server going{runtime, describe()};
  shoal::server staying{runtime, describe()};
  staying.on_request([](connection& c) {
    static_cast<void>(c.output().append(c.input().take_all()));
    c.flush();
  });
  BOOST_TEST(runtime.start().has_value());
  peer client{staying.addresses().front(), wire::plain};
  BOOST_TEST(client.send("before "));
  get(going.shutdown(10s));
  BOOST_TEST(client.send("after"));
  BOOST_TEST(client.receive(12) == "before after");
  BOOST_TEST((peer{going.addresses().front(), wire::plain}.error() == ECONNREFUSED));
  client.close();
  runtime.stop();
  runtime.wait();
  get(staying.shutdown(10s));  // nothing runs: done at once
}

BOOST_AUTO_TEST_SUITE_END()
