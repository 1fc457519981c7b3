// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/config/document.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/net/config/source_text.hpp>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <istream>
#include <map>
#include <streambuf>
#include <utility>

namespace shoal::config {
namespace {

// Some editors begin UTF-8 files with it; positions count from behind it.
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// Ends the parse from inside one of yaml-cpp's events; the report already has the reason.
struct parse_stopped : std::exception {};

position to_position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {.line = static_cast<unsigned>(mark.line) + 1, .column = static_cast<unsigned>(mark.column) + 1};
}

// The text of a parse, without the copy that istringstream makes.
class text_buffer final : public std::streambuf {
 public:
  explicit text_buffer(std::string& text) { setg(text.data(), text.data(), text.data() + text.size()); }
};

// Builds the tree from yaml-cpp's events. One frame for each map or list that is open.
class tree_builder final : public YAML::EventHandler {
 public:
  tree_builder(std::string_view text, report& to) : text_(text), to_(to) {}

  [[nodiscard]] node take() { return std::move(root_); }
  /// Of what is being read; between two keys of a map, of the one before.
  [[nodiscard]] std::string path() const;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(node::kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(node::kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct frame {
    node value;
    bool has_key = false;  // of a map: the next event is the value of `key`
    bool repeated = false;
    map_entry key;
    std::map<std::string, position, std::less<>> seen;
  };

  [[nodiscard]] bool wants_key() const { return !open_.empty() && is_map(open_.back()) && !open_.back().has_key; }
  [[nodiscard]] static bool is_map(const frame& f) { return f.value.what == node::kind::map; }
  void count(position at);
  void refuse_extras(position at, const std::string& tag, YAML::anchor_t anchor);
  void open(node::kind what, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor);
  void close();
  void set_key(position at, std::string name);
  void attach(node value);
  void refuse_key(position at);
  void require_closing_quote(const YAML::Mark& mark);

  std::string_view text_;
  report& to_;
  node root_;
  std::vector<frame> open_;
  std::size_t nodes_ = 0;
};

std::string tree_builder::path() const {
  std::string path;
  for (const frame& f : open_) {
    if (!is_map(f)) {
      path += fmt::format("[{}]", f.value.items.size());
    } else if (f.has_key || !f.value.entries.empty()) {
      const std::string& name = f.has_key ? f.key.name : f.value.entries.back().name;
      path += path.empty() ? name : '.' + name;
    }
  }
  return path;
}

void tree_builder::count(position at) {
  if (++nodes_ > most_nodes) {
    to_.add(at, path(), {fmt::format("more than {} keys and values", most_nodes), "is it a configuration?"});
    throw parse_stopped{};
  }
}

void tree_builder::refuse_extras(position at, const std::string& tag, YAML::anchor_t anchor) {
  if (anchor != 0) to_.add(at, path(), {"anchors are not supported", "write the value out where it is needed"});
  // yaml-cpp says "?" for plain, "!" for quoted and "" for nothing.
  if (!tag.empty() && tag != "?" && tag != "!") {
    to_.add(at, path(), {fmt::format("the tag {} is not supported", in_quotes(tag)), "remove it, or quote the value"});
  }
}

void tree_builder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const position at = to_position(mark);
  refuse_extras(at, {}, anchor);
  if (wants_key()) {
    refuse_key(at);
    return;
  }
  count(at);
  attach({.at = at});
}

void tree_builder::OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) {
  const position at = to_position(mark);
  if (wants_key()) {
    refuse_key(at);
    return;
  }
  to_.add(at, path(), {"aliases are not supported", "write the value out where it is needed"});
  throw parse_stopped{};
}

void tree_builder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                            const std::string& value) {
  const position at = to_position(mark);
  refuse_extras(at, tag, anchor);
  require_closing_quote(mark);
  count(at);
  if (wants_key()) {
    set_key(at, value);
  } else {
    attach({.what = node::kind::scalar, .at = at, .text = value});
  }
}

void tree_builder::open(node::kind what, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
  const position at = to_position(mark);
  refuse_extras(at, tag, anchor);
  count(at);
  if (wants_key()) refuse_key(at);
  if (open_.size() == deepest_node) {
    to_.add(at, path(), {fmt::format("more than {} levels deep", deepest_node), "is it a configuration?"});
    throw parse_stopped{};
  }
  frame& f = open_.emplace_back();
  f.value.what = what;
  f.value.at = at;
}

void tree_builder::close() {
  SHOAL_CHECK(!open_.empty(), "yaml-cpp closes what it opened");
  node value = std::move(open_.back().value);
  open_.pop_back();
  attach(std::move(value));
}

// After a key that is no text its value can't be told from the next key.
void tree_builder::refuse_key(position at) {
  to_.add(at, path(), {"a key that is not plain text", "a `]` or `}` may be missing; or quote it"});
  throw parse_stopped{};
}

// yaml-cpp 0.7 takes the end of the file for the closing quote and says nothing.
void tree_builder::require_closing_quote(const YAML::Mark& mark) {
  if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= text_.size()) return;
  std::string_view rest = text_.substr(static_cast<std::size_t>(mark.pos));
  const char quote = rest.front();
  if (quote != '"' && quote != '\'') return;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (quote == '"' && rest[i] == '\\') {
      ++i;
    } else if (rest[i] == quote) {
      if (quote == '"' || i + 1 == rest.size() || rest[i + 1] != quote) return;
      ++i;
    }
  }
  to_.add(to_position(mark), path(), {"a closing quote is missing", "the value starts here"});
  throw parse_stopped{};
}

void tree_builder::set_key(position at, std::string name) {
  frame& f = open_.back();
  f.has_key = true;
  f.key.name = std::move(name);
  f.key.at = at;
  const auto [first, is_new] = f.seen.emplace(f.key.name, at);
  f.repeated = !is_new;
  if (f.repeated) {
    to_.add(at, path(), {"duplicate key", fmt::format("the first is on line {}", first->second.line)});
  }
}

void tree_builder::attach(node value) {
  if (open_.empty()) {
    root_ = std::move(value);
    return;
  }
  frame& f = open_.back();
  if (!is_map(f)) {
    f.value.items.push_back(std::move(value));
    return;
  }
  SHOAL_CHECK(f.has_key, "a value in a map follows its key");
  // yaml-cpp places a value that isn't there at the next thing that is.
  if (value.what == node::kind::empty) value.at = f.key.at;
  f.has_key = false;
  f.key.value = std::move(value);
  if (!f.repeated) f.value.entries.push_back(std::move(f.key));
  f.key = {};
}

// yaml-cpp's words, with what usually caused them.
std::string_view cause_of(std::string_view message) {
  static constexpr std::pair<std::string_view, std::string_view> causes[] = {
      {"illegal map value", "a `:` inside a value needs quotes; keys of one map start in one column"},
      {"end of map flow not found", "a `}` is missing"},
      {"end of sequence flow not found", "a `]` is missing"},
      {"illegal flow end", "a `]` or `}` too many"},
      {"end of map not found", "keys of one map start in one column"},
      {"end of sequence not found", "the `-` of one list stand in one column"},
      {"illegal block entry", "a `-` starts a line"},
      {"illegal EOF in scalar", "a closing quote is missing"},
      {"illegal document indicator in scalar", "a closing quote is missing"},
      {"unknown escape character", "write `\\\\` for a backslash, or use single quotes"},
      {"unknown token", "a value that starts with one of @ ` % needs quotes"},
      {"illegal character in scalar", "put the value in quotes"},
      {"anchor not found", "a value that starts with & needs quotes"},
      {"alias not found", "a value that starts with * needs quotes"},
      {"the referenced anchor is not defined", "a value that starts with * needs quotes"},
  };
  for (const auto& [says, cause] : causes) {
    if (message.starts_with(says)) return cause;
  }
  return "look at the indentation and the quotes around it";
}

bool has_tab_in_indentation(std::string_view text, unsigned line) {
  for (; line > 1 && !text.empty(); --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.find('\t') < text.find_first_not_of(" \t");
}

void report_syntax(const YAML::Exception& error, std::string_view text, const std::string& path, report& to) {
  const position at = to_position(error.mark);
  report_tabs(text, to);
  if (has_tab_in_indentation(text, at.line)) return;
  to.add(at, path, {fmt::format("not valid YAML: {}", error.msg), std::string(cause_of(error.msg))});
}

}  // namespace

node node::scalar(std::string text) { return {.what = kind::scalar, .at = {}, .text = std::move(text)}; }

std::string_view name_of(node::kind what) noexcept {
  switch (what) {
    case node::kind::empty: return "nothing";
    case node::kind::scalar: return "a single value";
    case node::kind::list: return "a list";
    case node::kind::map: return "a map";
  }
  return "nothing";
}

std::optional<node> parse_document(std::string_view text, report& to) {
  if (!check_source(text, to)) return std::nullopt;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::string copy(text);
  text_buffer buffer(copy);
  std::istream in(&buffer);
  tree_builder builder(text, to);
  try {
    YAML::Parser parser(in);
    parser.HandleNextDocument(builder);
    if (parser) {
      to.add({}, whole_file,
             {"more than one document", "remove the `---`, or indent what belongs to the lines above it"});
    }
  } catch (const parse_stopped&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    report_syntax(error, text, builder.path(), to);
    return std::nullopt;
  }
  return builder.take();
}

}  // namespace shoal::config
