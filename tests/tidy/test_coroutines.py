# SPDX-License-Identifier: Apache-2.0
import unittest

import coroutines
from tree import Tree


def what(body):
    """What the rule says of a coroutine with this body."""
    return [finding.what.split(" in an")[0] for finding in whole("task<> f() {\n" + body + "\n}\n")]


def whole(text):
    return coroutines.check(Tree({"core/x.cpp": text}))


class Rejected(unittest.TestCase):
    def test_capturing_lambda_as_argument(self):
        self.assertEqual(what("co_await g(1, [s = std::move(s)] { use(s); });"), ["a capturing lambda"])
        self.assertEqual(what("auto r = co_await g([&] { return 1; });"), ["a capturing lambda"])
        self.assertEqual(what("if (!co_await g([this](int) -> bool { return ok_; })) return;"), ["a capturing lambda"])

    def test_capturing_lambda_called_on_the_spot(self):
        self.assertEqual(what("co_await [x]() -> task<> { co_return; }();"), ["a capturing lambda"])

    def test_capturing_lambda_left_of_the_co_await(self):
        self.assertEqual(what("g([x] { return x; }, co_await h());"), ["a capturing lambda"])

    def test_braced_options(self):
        self.assertEqual(what('co_await dial({.bind = "a long string"});'), ["a braced temporary"])
        self.assertEqual(what('co_await dial(1, {.bind = "a long string"});'), ["a braced temporary"])
        self.assertEqual(what("co_await dial(options{1});"), ["a braced temporary"])
        self.assertEqual(what("co_await g(std::vector<int>{1, 2});"), ["a braced temporary"])
        self.assertEqual(what("co_await awaitable{1};"), ["a braced temporary"])

    def test_conditional_operator(self):
        self.assertEqual(what('co_await (c ? f("x") : f("y"));'), ["?:"])
        self.assertEqual(what("auto r = c ? co_await f() : 0;"), ["?:"])

    def test_conditional_operator_in_a_control_expression(self):
        self.assertEqual(what("while (co_await f(a ? b : c)) g();"), ["?:"])

    def test_co_yield(self):
        self.assertEqual(what("co_yield g([x] { return x; });"), ["a capturing lambda"])

    def test_co_return_of_an_awaited_value(self):
        self.assertEqual(what("co_return co_await g({1});"), ["a braced temporary"])

    def test_inside_the_body_of_a_lambda_coroutine(self):
        self.assertEqual(what("spawn([](int x) -> task<> { co_await g({x}); }, 1);"), ["a braced temporary"])

    def test_several_are_each_named_once_with_their_line(self):
        text = "task<> f() {\n  co_await g({1},\n      [x] { return x; },\n      co_await h());\n}\n"
        self.assertEqual([(finding.line, finding.what.split(" in an")[0]) for finding in whole(text)],
                         [(2, "a braced temporary"), (3, "a capturing lambda")])

    def test_after_an_attribute(self):
        self.assertEqual(what("[[maybe_unused]] auto r = co_await g({1});"), ["a braced temporary"])

    def test_the_message_says_what_to_do(self):
        finding = str(whole("task<> f() {\n  co_await g({1});\n}\n")[0])
        self.assertEqual(finding, "core/x.cpp:2: coroutine-expression: a braced temporary in an expression"
                                  " that co_awaits (name the value in a line before)")


class Accepted(unittest.TestCase):
    def test_captureless_lambda(self):
        self.assertEqual(what("co_await submit_to(shard, [](int x) { return x; }, 1);"), [])
        self.assertEqual(what("co_await submit_to(shard, []<class T>(T x) noexcept -> int { return x; }, 1);"), [])

    def test_what_a_captureless_lambda_does_inside(self):
        self.assertEqual(what("co_await f([](int x) { auto l = [x] { return x ? 1 : 2; }; return g({l()}); }, 1);"), [])

    def test_statements_before_and_after(self):
        self.assertEqual(what("auto l = [&] { return 1; };\nco_await f(l);\nauto x = c ? 1 : 2;\nint y{3};"), [])
        self.assertEqual(what("if (c ? a : b) co_await f();"), [])
        self.assertEqual(what("for (int i : {1, 2, 3}) co_await f(i);"), [])
        self.assertEqual(what("if (a) { g({1}); } co_await f();"), [])
        self.assertEqual(what("if (a) g({1}); else co_await f();"), [])
        self.assertEqual(what("do co_await f(); while (a ? b : c);"), [])

    def test_the_block_of_a_control_statement(self):
        self.assertEqual(what("while (auto r = co_await f()) { g({1}, [r] { return r; }); }"), [])
        self.assertEqual(what("for (auto& x : co_await f()) { g(x ? 1 : 2); }"), [])
        self.assertEqual(what("switch (co_await f()) { case 1: g({1}); }"), [])
        self.assertEqual(what("if constexpr (a) { co_await f(); } else { g({1}); }"), [])

    def test_the_parts_of_a_for_are_expressions_of_their_own(self):
        self.assertEqual(what("for (auto i = g({1}); co_await f(i); i = h({2})) {}"), [])

    def test_parentheses_and_named_values(self):
        self.assertEqual(what("co_await sleep(std::chrono::milliseconds(10));"), [])
        self.assertEqual(what("co_await sleep(std::chrono::milliseconds{10});"), [])
        self.assertEqual(what("co_await c.write(std::span{room}.first(n));"), [])
        self.assertEqual(what("const options o{.bind = x};\nco_await dial(o);"), [])

    def test_structured_bindings_subscripts_and_arrays(self):
        self.assertEqual(what("auto [a, b] = co_await f();"), [])
        self.assertEqual(what("auto& [a, b] = co_await f();"), [])
        self.assertEqual(what("x[i] = co_await f(y[j], z()[k]);"), [])

    def test_co_return_without_co_await(self):
        self.assertEqual(what("co_return {1, 2};"), [])
        self.assertEqual(what("co_return c ? a : b;"), [])

    def test_co_await_inside_a_declaration_with_braces(self):
        self.assertEqual(what("auto x{co_await f()};"), [])

    def test_a_lambda_coroutine_that_captures_but_is_not_awaited_with(self):
        self.assertEqual(what("spawn([x]() -> task<> { co_await g(x); });"), [])

    def test_words_in_comments_strings_and_directives(self):
        text = '// co_await f({1});\nconst char* s = "co_await f({1})";\n#define M co_await f({1})\n'
        self.assertEqual(whole(text), [])


if __name__ == "__main__":
    unittest.main()
