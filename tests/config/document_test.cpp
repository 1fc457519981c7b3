// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/document.hpp>

#include "tests/config/fixtures.hpp"
#include <shoal/net/config/source_text.hpp>
#include <shoal/net/config/yaml_text.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace shoal::config {
namespace {

using test::shown;

// The tree of `text`, or its errors.
std::string tree(std::string_view text) {
  report faults("x");
  const auto root = parse_document(text, faults);
  if (!faults.empty()) return to_text(faults.take());
  return root ? shown(*root) : "nothing";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(document)

BOOST_AUTO_TEST_CASE(reads_maps_lists_and_scalars) {
  BOOST_TEST(tree("a: 1\nb:\n  - x\n  - { c: \"y z\" }\n") == "{a: 1, b: [x, {c: y z}]}");
  BOOST_TEST(tree("{\"a\": [1, 2], \"b\": null}") == "{a: [1, 2], b: ~}");
  BOOST_TEST(tree("a: |\n  two\n  lines\n") == "{a: two\nlines\n}");
  BOOST_TEST(tree("a: off\nb: 0x10\nc: 1e3\n") == "{a: off, b: 0x10, c: 1e3}");
  BOOST_TEST(tree("--- # one document\na: 1\n...\n") == "{a: 1}");
}

BOOST_AUTO_TEST_CASE(knows_the_place_of_everything) {
  report faults("x");
  const auto root = parse_document("a: 1\nb:\n  - {c: \xc3\xa9, d: 2}\n", faults);
  BOOST_TEST_REQUIRE(root.has_value());
  BOOST_TEST((root->entries[1].at == position{.line = 2, .column = 1}));
  const node& item = root->entries[1].value.items[0];
  BOOST_TEST((item.at == position{.line = 3, .column = 5}));
  BOOST_TEST((item.entries[1].at == position{.line = 3, .column = 13}));
  BOOST_TEST((item.entries[1].value.at == position{.line = 3, .column = 16}));
}

BOOST_AUTO_TEST_CASE(takes_what_editors_write) {
  BOOST_TEST(tree("\xef\xbb\xbf"
                  "a: \"b\"\n") == "{a: b}");
  BOOST_TEST(tree("a: 1\r\nb:\r\n  - 2\r\n") == "{a: 1, b: [2]}");
  BOOST_TEST(tree("") == "~");
  BOOST_TEST(tree("# nothing but a comment\n") == "~");
}

BOOST_AUTO_TEST_CASE(refuses_keys_written_twice) {
  BOOST_TEST(tree("a: 1\nb: { c: 1, c: 2 }\na: 3\n") == "x:2:12: b.c: duplicate key (the first is on line 2)\n"
                                                        "x:3:1: a: duplicate key (the first is on line 1)\n");
}

BOOST_AUTO_TEST_CASE(refuses_what_makes_one_text_many_trees) {
  BOOST_TEST(tree("a: &x 1\n") == "x:1:4: a: anchors are not supported (write the value out where it is needed)\n");
  BOOST_TEST(tree("a: &x 1\nb: *x\n").contains("x:2:4: b: aliases are not supported"));
  BOOST_TEST(tree("a: &x { b: 1 }\nc: { <<: *x }\n").contains("aliases are not supported"));
  BOOST_TEST(tree("a: !!int 1\n").contains("the tag `tag:yaml.org,2002:int` is not supported"));
  BOOST_TEST(tree("a: !mine { b: 1 }\n").contains("the tag `!mine` is not supported"));
  BOOST_TEST(tree("? [ a ]\n: 1\n").contains("a key that is not plain text"));
  BOOST_TEST(tree("? \n: 1\n").contains("a key that is not plain text"));
  BOOST_TEST(tree("a: 1\n---\nb: 2\n").contains("more than one document"));
  BOOST_TEST(tree("- a\nb: 1\n").contains("more than one document"));
}

BOOST_AUTO_TEST_CASE(names_the_tab) {
  BOOST_TEST(tree("a:\n\tb: 1\n") == "x:2:1: (file): a tab in the indentation (YAML indents with spaces)\n");
  BOOST_TEST(tree("a:\n  - b\n  \t- c\nd: [ 1\n").starts_with("x:3:3: (file): a tab in the indentation"));
  BOOST_TEST(tree("a: |\n  x\n  \ty\nb: 1\t# after a value\n") == "{a: x\n\ty\n, b: 1}");
}

BOOST_AUTO_TEST_CASE(names_the_usual_cause_of_what_is_no_yaml) {
  BOOST_TEST(tree("a: b: c\n") ==
             "x:1:5: a: not valid YAML: illegal map value (a `:` inside a value needs quotes; keys of one map "
             "start in one column)\n");
  BOOST_TEST(tree("a: { b: 1\n").contains("a `}` is missing"));
  BOOST_TEST(tree("a: [ 1\n").contains("a `]` is missing"));
  BOOST_TEST(tree("a: 1\n}\n").contains("a `]` or `}` too many"));
  BOOST_TEST(tree("a: @x\n").contains("needs quotes"));
  BOOST_TEST(tree("a: *x\n").contains("a value that starts with * needs quotes"));
  BOOST_TEST(tree("a: \"\\q\"\n").contains("write `\\\\` for a backslash"));
}

BOOST_AUTO_TEST_CASE(finds_the_missing_quote) {
  BOOST_TEST(tree("a: 1\nb: \"x\nc: 2\n") == "x:2:4: b: a closing quote is missing (the value starts here)\n");
  BOOST_TEST(tree("b: 'it''s\n") == "x:1:4: b: a closing quote is missing (the value starts here)\n");
  BOOST_TEST(tree("b: \"x\\\"\n").contains("a closing quote is missing"));
  BOOST_TEST(tree("a: 'it''s'\nb: \"\\\"\\\\\"\n") == "{a: it's, b: \"\\}");
  BOOST_TEST(tree("\xef\xbb\xbf"
                  "a: \"b\n")
                 .contains("x:1:4: a: a closing quote is missing"));
}

BOOST_AUTO_TEST_CASE(refuses_bytes_that_are_no_text) {
  BOOST_TEST(tree("a: \xff\n") == "x:1:4: (file): byte 0xff is not UTF-8 (save the file as UTF-8)\n");
  BOOST_TEST(tree("a: 1\nb: \xc3") == "x:2:4: (file): byte 0xc3 is not UTF-8 (save the file as UTF-8)\n");
  BOOST_TEST(tree("\xff\xfe"
                  "a\0:\0")
                 .contains("not UTF-8"));
  BOOST_TEST(tree("a: \xed\xa0\x80\n").contains("not UTF-8"));  // a surrogate
  BOOST_TEST(tree("a: \xc0\xaf\n").contains("not UTF-8"));      // an overlong slash
  BOOST_TEST(tree("a: \xf4\x90\x80\x80\n").contains("not UTF-8"));
  BOOST_TEST(tree("a: \xf0\x9f\x90\x9f\n") == "{a: \xf0\x9f\x90\x9f}");
  // yaml-cpp would take what stands before a 0x04 for the whole file.
  BOOST_TEST(tree("a: 1\n\x04"
                  "b: 2\n") == "x:2:1: (file): control byte 0x04 (remove it, or write it escaped in double quotes)\n");
  BOOST_TEST(tree(std::string_view("a: \0\n", 5)).contains("control byte 0x00"));
}

BOOST_AUTO_TEST_CASE(has_limits) {
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  BOOST_TEST(tree(deep + std::string(40, ' ') + "a: 1\n").contains("more than 32 levels deep"));
  BOOST_TEST(tree("a: " + std::string(100'000, '[') + std::string(100'000, ']')).contains("more than 32 levels deep"));
  BOOST_TEST(tree("a: " + std::string(100'000, '[')).contains("may be missing"));
  std::string many = "a: [ ";
  for (std::size_t i = 0; i < most_nodes; ++i) many += "x, ";
  BOOST_TEST(tree(many + "x ]\n").contains("more than 200000 keys and values"));
  BOOST_TEST(tree(std::string(longest_file + 1, '#')).contains("is longer than 4 MiB"));
}

BOOST_AUTO_TEST_CASE(counts_more_errors_than_anybody_reads) {
  report faults("x");
  for (unsigned i = 0; i < 600; ++i) faults.add({.line = 600 - i, .column = 1}, "a", {"wrong", ""});
  const auto errors = faults.take();
  BOOST_TEST(errors.size() == report::most_errors + 1);
  BOOST_TEST(errors.front().at.line < errors[1].at.line);
  BOOST_TEST(errors.back().message == "100 more errors are not shown");
}

BOOST_AUTO_TEST_CASE(is_written_as_yaml_that_reads_back) {
  for (const char* const text : {"{a: {b: c}}", "{a: [1, {b: 2, c: [x, y]}, [z]]}", "{a: [], b: \"\"}",
                                 "{a: \"null\", b: \"~\", c: \"- x\", d: \"a: b\", e: \"#\", f: \"x #y\", g: \"'\", h: "
                                 "'\"\\', i: \"\\x07\\n\\t\"}",
                                 "{\"a b\": \"\xc3\xa9\", \"\": \"*x\"}"}) {
    report faults("x");
    const auto first = parse_document(text, faults);
    BOOST_TEST_REQUIRE(first.has_value());
    const std::string yaml = to_yaml(*first);
    const auto second = parse_document(yaml, faults);
    BOOST_TEST_REQUIRE(second.has_value(), yaml);
    BOOST_TEST(shown(*second) == shown(*first), yaml);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(source)

BOOST_AUTO_TEST_CASE(a_file_that_can_not_be_read_is_an_error_of_the_file) {
  report faults("nosuch.yaml");
  BOOST_TEST(!read_source("nosuch.yaml", faults).has_value());
  BOOST_TEST(to_text(faults.take()).starts_with("nosuch.yaml:1:1: (file): can't be read: No such file or directory ("));
  BOOST_TEST(!read_source(std::filesystem::temp_directory_path().string(), faults).has_value());
  BOOST_TEST(to_text(faults.take()).contains("is a directory"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
