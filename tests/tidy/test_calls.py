# SPDX-License-Identifier: Apache-2.0
import unittest

import calls
from tree import Tree


def banned(text, path="net/x.cpp"):
    return [finding.what for finding in calls.check_banned(Tree({path: text}))]


def copies(text, path="net/x.cpp"):
    return [finding.what for finding in calls.check_copies(Tree({path: text}))]


class Sockets(unittest.TestCase):
    def test_global_calls_are_banned(self):
        for name in ("recv", "send", "read", "write", "socket", "connect", "accept", "bind", "listen", "shutdown"):
            self.assertEqual(banned(f"void f() {{ auto n = ::{name}(fd, a, b); }}"), [f"::{name}"])

    def test_names_that_only_the_system_has_are_banned_without_colons(self):
        for name in ("recvmsg", "sendmsg", "readv", "writev", "accept4", "epoll_ctl", "epoll_wait", "epoll_create1"):
            self.assertEqual(banned(f"void f() {{ return {name}(fd); }}"), [name])

    def test_the_seam_and_the_tests_may(self):
        self.assertEqual(banned("void f() { ::recv(fd, a, b, 0); }", "core/host/real_host.cpp"), [])
        self.assertEqual(banned("void f() { epoll_wait(fd, a, b, 0); }", "core/poller/epoll_poller.cpp"), [])
        self.assertEqual(banned("void f() { ::recv(fd, a, b, 0); }", "tests/net/x_test.cpp"), [])

    def test_other_core_files_and_apps_may_not(self):
        self.assertEqual(banned("void f() { ::recv(fd, a, b, 0); }", "core/shard.cpp"), ["::recv"])
        self.assertEqual(banned("void f() { ::recv(fd, a, b, 0); }", "apps/echo/main.cpp"), ["::recv"])

    def test_our_own_methods_of_the_same_name_may(self):
        self.assertEqual(banned("void f() { c.read(p); c->write(q); send(); net::connect(a); shoal::listen(b); }"), [])
        self.assertEqual(banned("struct s { result<int> accept4(int fd); void eventfd(); };"), [])
        self.assertEqual(banned("int f() { return machine.getsockopt(fd) + machine->readv(fd); }"), [])
        self.assertEqual(banned("int connection::read(int n) { return n; }"), [])

    def test_the_replacement_is_named(self):
        finding = calls.check_banned(Tree({"net/x.cpp": "int n = ::recv(1, p, 2, 0);"}))[0]
        self.assertEqual(str(finding), "net/x.cpp:1: banned-call: ::recv (use net/socket or an fd_operator:"
                                       " only core/host and core/poller make socket calls)")


class TimeAndChance(unittest.TestCase):
    def test_clocks(self):
        self.assertEqual(banned("auto t = std::chrono::steady_clock::now();"), ["steady_clock::now"])
        self.assertEqual(banned("auto t = system_clock::now();"), ["system_clock::now"])
        self.assertEqual(banned("void f() { clock_gettime(1, &t); }"), ["clock_gettime"])
        self.assertEqual(banned("auto t = std::time(nullptr);"), ["std::time"])
        self.assertEqual(banned("auto t = shard.now(); auto d = steady_clock::duration(1);"), [])

    def test_randomness(self):
        self.assertEqual(banned("std::random_device d;"), ["random_device"])
        self.assertEqual(banned("int f() { return rand(); }"), ["rand"])
        self.assertEqual(banned("std::mt19937_64 g(seed); int operand(int);"), [])

    def test_sleeping(self):
        self.assertEqual(banned("void f() { std::this_thread::sleep_for(d); }"), ["sleep_for"])
        self.assertEqual(banned("task<> f() { co_await sleep_for(d); }"), [])


class Sharing(unittest.TestCase):
    def test_locks_and_threads_in_net(self):
        self.assertEqual(banned("std::mutex m; std::thread t;"), ["std::mutex in net", "std::thread in net"])
        self.assertEqual(banned("std::mutex m;", "buffers/slab.cpp"), ["std::mutex in buffers"])
        self.assertEqual(banned("std::thread t;", "core/runtime.cpp"), [])
        self.assertEqual(banned("std::thread::id owner;"), [])

    def test_raw_allocation_in_net(self):
        self.assertEqual(banned("auto p = new int; void f() { delete p; }"), ["raw new in net", "raw delete in net"])
        self.assertEqual(banned("s(const s&) = delete; auto p = new (place) s; void operator delete(void*);"), [])

    def test_thread_local(self):
        tree = Tree({"net/x.cpp": "// thread_local\nthread_local int x;", "tests/y.cpp": "thread_local int x;"})
        found = calls.check_thread_local(tree)
        self.assertEqual([(finding.path, finding.line) for finding in found], [("net/x.cpp", 2)])


class Copies(unittest.TestCase):
    def test_copies_are_found(self):
        text = "void f() { std::memcpy(a, b, n); memmove(a, b, n); std::copy(a, b, c); std::ranges::copy(a, b); }"
        names = ("memcpy", "memmove", "copy", "copy")
        self.assertEqual(copies(text), [f"{name} outside buffers/copy" for name in names])

    def test_the_counted_function_may(self):
        self.assertEqual(copies("void f() { std::memcpy(a, b, n); }", "buffers/copy.hpp"), [])

    def test_other_things_called_copy(self):
        self.assertEqual(copies("void f() { x.copy(a, b); copy(a); my::copy(b); auto copy = a; }"), [])
        self.assertEqual(copies("void f() { std::memcpy(a, b, n); }", "tests/x.cpp"), [])


if __name__ == "__main__":
    unittest.main()
