// SPDX-License-Identifier: Apache-2.0
// The machinery, on a description of its own: what the proxy's happens to use today must not decide what is tested.
#include "tests/config/fixtures.hpp"
#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/key_table.hpp>
#include <shoal/net/config/reading.hpp>
#include <shoal/net/config/scalar_types.hpp>
#include <shoal/net/config/schema.hpp>
#include <shoal/net/config/yaml_text.hpp>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <string>

namespace shoal::config {
namespace {

enum class mode { plain, fancy, off };

struct wing {
  unsigned length = 3;
  unsigned feathers = 7;
};

struct bird {
  std::string name;
  mode how = mode::plain;
  bool loud = true;
  std::optional<std::uint64_t> weight;
  std::optional<wing> left;
  std::vector<wing> wings;
  std::vector<std::string> songs;
  named_values<unsigned> eggs;
  duration nap = std::chrono::seconds{5};
  std::string beak;
};

type<wing> wing_type() {
  return shorthand("length",
                   object<wing>("wing", {field("length", &wing::length, number<unsigned>(1, 9), "How long"),
                                         field("feathers", &wing::feathers, number<unsigned>(1, 9), "How many")}));
}

const type<bird>& bird_type() {
  using b = bird;
  static const auto kind = one_of<mode>({{"plain", mode::plain}, {"fancy", mode::fancy}, {"off", mode::off}});
  static const auto description = scoped_object<b>(
      "bird",
      {field("name", &b::name, name_text("name", "tit"), "Its name").required(),
       field("how", &b::how, kind, "Its look").today_only({"plain", "off"}),
       field("loud", &b::loud, one_of<bool>({{"on", true}, {"off", false}}), "Whether it is heard | or not"),
       field("weight", &b::weight, word_or("auto", size_between(1, 4096, "10")), "How heavy"),
       field("left", &b::left, word_or("off", wing_type()), "Its left wing").not_yet(),
       field("wings", &b::wings, list(wing_type(), 0, 2), "All of them"),
       field("songs", &b::songs, one_or_list(text("song", "tweet"), 3), "What it sings"),
       field("eggs", &b::eggs, map(number<unsigned>(0, 9)), "How many of each colour"),
       field("nap", &b::nap, duration_between(std::chrono::seconds{0}, std::chrono::hours{1}, "5s"), "Its nap"),
       field("beak", &b::beak, text("colour", "red"), "Its beak").only_for("off", "plain birds have no beak")},
      "how", [](const b& value) { return std::string(value.how == mode::off ? "off" : "plain"); });
  return description;
}

constexpr foreign_key fingers[] = {{"gefieder plumage", "Finch", "bird", "wings"}, {"chirp", "Finch", "", "songs"}};

struct outcome {
  bird value;
  std::string errors;
};

outcome read(std::string_view text, bool accept_not_yet = false) {
  outcome out;
  report faults("x");
  surroundings around = test::made_up();
  around.accept_not_yet = accept_not_yet;
  reading in(faults, around, *bird_type().impl, fingers);
  const auto root = parse_document(text, faults);
  BOOST_TEST_REQUIRE(root.has_value());
  bird_type().impl->read(in, *root, &out.value);
  out.errors = to_text(faults.take());
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(description)

BOOST_AUTO_TEST_CASE(fills_a_struct_and_leaves_the_rest_at_its_defaults) {
  const auto [value, errors] = read(
      "{ name: tit, how: off, loud: false, weight: 2KiB, wings: [ 4, { feathers: 2 } ], songs: tweet, eggs: { red: 1, "
      "blue: 2 }, "
      "nap: 0, beak: red }");
  BOOST_TEST(errors == "");
  BOOST_TEST((value.how == mode::off && !value.loud && value.weight == 2048U && value.nap == duration::zero()));
  BOOST_TEST_REQUIRE(value.wings.size() == 2U);
  BOOST_TEST((value.wings[0].length == 4 && value.wings[0].feathers == 7));
  BOOST_TEST((value.wings[1].length == 3 && value.wings[1].feathers == 2));
  BOOST_TEST((value.songs == std::vector<std::string>{"tweet"}));
  BOOST_TEST((value.eggs == named_values<unsigned>{{"red", 1}, {"blue", 2}}));
  const bird plain = read("{ name: tit }").value;
  BOOST_TEST((plain.how == mode::plain && plain.loud && !plain.weight && plain.nap == std::chrono::seconds{5}));
}

BOOST_AUTO_TEST_CASE(off_has_the_spellings_of_yaml_1_1) {
  for (const char* const word : {"off", "false", "no", "\"off\""}) {
    BOOST_TEST(!read("{ name: a, loud: " + std::string(word) + " }").value.loud, word);
    BOOST_TEST((read("{ name: a, how: " + std::string(word) + " }").value.how == mode::off), word);
  }
  for (const char* const word : {"on", "true", "yes"}) {
    BOOST_TEST(read("{ name: a, loud: " + std::string(word) + " }").value.loud, word);
  }
  BOOST_TEST(!read("{ name: a, weight: auto }").value.weight.has_value());
}

BOOST_AUTO_TEST_CASE(finds_every_fault_of_a_file) {
  BOOST_TEST(
      read(
          "how: plian\nloud: maybe\nweight: 1m\nwings: [ 10, ~, 3 ]\nsongs: { a: 1 }\neggs: [ 1 ]\nnap: ~\nbeek: red\n")
          .errors == "x:1:1: (file): `name` is missing (write `name: tit`)\n"
                     "x:1:6: how: `plian` is none of the words for this key (did you mean `plain`?)\n"
                     "x:2:7: loud: `maybe` is none of the words for this key (one of `on`, `off`)\n"
                     "x:3:9: weight: `1m` has no unit of size (write `1MiB`)\n"
                     "x:4:8: wings: 3 items (from 0 to 2)\n"
                     "x:5:8: songs: expected song, found a map (write `tweet`)\n"
                     "x:6:7: eggs: expected a map, found a list (write `{ name: value }`)\n"
                     "x:7:1: nap: has no value (write one, or remove the key)\n"
                     "x:8:1: beek: unknown key (did you mean `beak`?)\n");
  BOOST_TEST(read("{ name: a, wings: [ 10, ~ ] }").errors ==
             "x:1:21: wings[0].length: `10` is too large (write a number from 1 to 9)\n"
             "x:1:25: wings[1]: an empty item (remove the `-`, or write something after it)\n");
  BOOST_TEST(read("[ a ]").errors == "x:1:1: (file): expected a map of keys, found a list (write `{ name: ... }`)\n");
}

BOOST_AUTO_TEST_CASE(helps_with_unknown_keys) {
  const auto hint = [](std::string_view key) { return read("{ name: a, " + std::string(key) + ": 1 }").errors; };
  BOOST_TEST(hint("Loud").contains("did you mean `loud`?"));
  BOOST_TEST(hint("plumage").contains("Finch's `plumage` is `wings` here"));
  BOOST_TEST(hint("chirp").contains("Finch's `chirp` is `songs` here"));
  BOOST_TEST(hint("feathers").contains("did you mean `left.feathers`?"));
  BOOST_TEST(hint("<<").contains("merge keys are not supported"));
  BOOST_TEST(hint("zzzzz").contains("known here: name, how, loud, weight"));
  BOOST_TEST(read("{ nam: a }").errors == "x:1:3: nam: unknown key (did you mean `name`?)\n");
}

BOOST_AUTO_TEST_CASE(refuses_what_comes_later_and_still_checks_it) {
  BOOST_TEST(read("{ name: a, how: fancy, left: { length: 10 } }").errors ==
             "x:1:17: how: `fancy` is not yet supported (today: `plain`, `off`)\n"
             "x:1:24: left: not yet supported (remove the key)\n"
             "x:1:40: left.length: `10` is too large (write a number from 1 to 9)\n");
  const auto [value, errors] = read("{ name: a, how: fancy, left: { length: 9 } }", true);
  BOOST_TEST(errors == "");
  BOOST_TEST((value.how == mode::fancy && value.left && value.left->length == 9));
}

BOOST_AUTO_TEST_CASE(refuses_keys_of_another_scope) {
  BOOST_TEST(read("{ beak: red, name: a, how: plain }").errors ==
             "x:1:3: beak: needs `how: off`, and this is plain (plain birds have no beak)\n");
  BOOST_TEST(read("{ beak: red, name: a, how: off }").errors == "");
  // What decides is itself wrong: one error, not two.
  BOOST_TEST(!read("{ beak: red, name: a, how: nonsense }").errors.contains("beak"));
}

BOOST_AUTO_TEST_CASE(prints_what_counts_and_reads_it_back) {
  const bird value =
      read("{ name: a, how: fancy, left: 9, weight: 2KiB, wings: [ 4 ], eggs: { \"x y\": 1 } }", true).value;
  BOOST_TEST(to_yaml(bird_type().impl->write(&value, {})) ==
             "name: a\nhow: fancy\nloud: on\nweight: 2KiB\nwings:\n  - length: 4\n    feathers: 7\neggs:\n  \"x y\": "
             "1\nnap: 5s\n");
  const std::string all = to_yaml(bird_type().impl->write(&value, {.with_not_yet = true}));
  BOOST_TEST(all.contains("left:\n  length: 9\n  feathers: 7\n"));
  const auto [again, errors] = read(all, true);
  BOOST_TEST(errors == "");
  BOOST_TEST(to_yaml(bird_type().impl->write(&again, {.with_not_yet = true})) == all);
}

BOOST_AUTO_TEST_CASE(becomes_a_schema) {
  const auto schema = nlohmann::json::parse(to_json_schema(*bird_type().impl, "bird"));
  const auto& keys = schema["properties"];
  BOOST_TEST(schema["required"].dump() == R"(["name"])");
  BOOST_TEST(schema["additionalProperties"] == false);
  BOOST_TEST(keys["how"]["anyOf"][0]["enum"].dump() == R"(["plain","fancy","off",false])");
  BOOST_TEST(keys["how"]["default"] == "plain");
  BOOST_TEST(keys["loud"]["anyOf"][0]["enum"].dump() == R"(["on",true,"off",false])");
  BOOST_TEST(keys["how"]["description"] == "Its look. Supported today: `plain`, `off`.");
  BOOST_TEST(keys["left"]["deprecationMessage"] == "not yet supported");
  BOOST_TEST(keys["wings"]["items"]["anyOf"][0]["maximum"] == 9);
  BOOST_TEST(keys["songs"]["anyOf"][1]["type"] == "array");
  BOOST_TEST(keys["eggs"]["additionalProperties"]["minimum"] == 0);
}

BOOST_AUTO_TEST_CASE(becomes_a_table) {
  const std::string table = key_table(*bird_type().impl, "").value();
  BOOST_TEST(table.starts_with(
      "| Key | Value | Default | What it does |\n|---|---|---|---|\n| `name` | name | required | Its name. |\n"));
  BOOST_TEST(
      table.contains("| `how` | `plain`, `fancy`, `off` | `plain` | Its look. *Supported today: `plain`, `off`.* |\n"));
  BOOST_TEST(table.contains("| `loud` | `on`, `off` | `on` | Whether it is heard \\| or not. |\n"));
  BOOST_TEST(table.contains("| `weight` | `auto` or size | `auto` | How heavy. |\n"));
  BOOST_TEST(table.contains("| `left.length` | number, 1 to 9 | `3` | How long. |\n"));
  BOOST_TEST(table.contains("| `wings[].feathers` | number, 1 to 9 | `7` | How many. |\n"));
  BOOST_TEST(!key_table(*bird_type().impl, "nowhere").has_value());
  BOOST_TEST(!key_table(*bird_type().impl, "name").has_value());
}

BOOST_AUTO_TEST_CASE(fills_the_tables_of_a_manual) {
  const auto& root = *bird_type().impl;
  const auto page = with_key_tables(root, "a\n<!-- keys: left -->\nold\n<!-- end of keys -->\nb\n");
  BOOST_TEST_REQUIRE(page.has_value());
  BOOST_TEST(*page == "a\n<!-- keys: left -->\n\n" + key_table(root, "left").value() + "\n<!-- end of keys -->\nb\n");
  BOOST_TEST(with_key_tables(root, *page).value() == *page);
  BOOST_TEST(with_key_tables(root, "no marks").value() == "no marks");
  BOOST_TEST(!with_key_tables(root, "<!-- keys: nowhere -->\n<!-- end of keys -->").has_value());
  BOOST_TEST(!with_key_tables(root, "<!-- keys: left -->\nno end").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shoal::config
