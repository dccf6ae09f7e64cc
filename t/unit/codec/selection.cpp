#include "codec/selection.hpp"

#include <doctest/doctest.h>

#include "codec/archive.hpp"

using namespace ddb;
using codec::Collation;
using codec::SelectOp;
using codec::Selection;
using codec::SelectTotal;
using codec::Selector;
using codec::Value;
using codec::ValueView;

namespace {

Bytes part(const Value& value, Collation collation = Collation::binary) {
  Bytes bytes;
  codec::append_key_part(bytes, to_view(value), {.collation = collation, .descending = false});
  return bytes;
}

/// Rows of (id in the key, a, b): cells 1 to 3.
Bytes key(int64_t id) {
  Bytes bytes;
  codec::append_key_prefix(bytes, 7, 0);
  codec::append_key_part(bytes, id);
  return bytes;
}
Bytes row(const std::vector<Value>& values) {
  std::vector<ValueView> cells(2);
  for (const Value& value : values) cells.push_back(to_view(value));
  return codec::encode_row(3, cells);
}

Selection about_rows() {
  Selection selection;
  selection.key = {{}};
  selection.columns = {{.cell = 1, .part = 0, .missing = {}}, {.cell = 2, .part = {}, .missing = {}}, {.cell = 3, .part = {}, .missing = {}}};
  return selection;
}

/// The result of a condition on a = `value`: given out or not.
bool passes(const std::vector<codec::SelectStep>& condition, const Value& value) {
  Selection selection = about_rows();
  selection.condition = condition;
  auto selector = Selector::open(codec::encode(selection));
  REQUIRE(selector);
  const auto taken = selector->take(key(1), row({value}));
  REQUIRE(taken);
  return taken->has_value();
}

/// Steps that ask of column a.
codec::SelectStep is(SelectOp op, const Value& value, Collation collation = Collation::binary) {
  return {.op = op, .column = 1, .collation = collation, .parts = {part(value, collation)}};
}

const Value null{};

}  // namespace

TEST_CASE("comparisons go by SQLite's order of values, and NULL compares with nothing") {
  CHECK(passes({is(SelectOp::eq, Value{int64_t{1}})}, Value{1.0}));
  CHECK(passes({is(SelectOp::lt, Value{std::string{}})}, Value{1e300}));
  CHECK(passes({is(SelectOp::gt, Value{std::string{"zz"}})}, Value{codec::Blob{}}));
  CHECK_FALSE(passes({is(SelectOp::eq, Value{int64_t{1}})}, Value{std::string{"1"}}));
  CHECK(passes({is(SelectOp::eq, Value{std::string{"AbC"}}, Collation::nocase)}, Value{std::string{"aBc"}}));
  CHECK(passes({is(SelectOp::eq, Value{std::string{"a"}}, Collation::rtrim)}, Value{std::string{"a  "}}));
  CHECK(passes({is(SelectOp::lt, Value{int64_t{INT64_MAX}})}, Value{9223372036854774784.0}));
  CHECK(passes({is(SelectOp::gt, Value{int64_t{INT64_MAX}})}, Value{9223372036854775808.0}));
  for (const auto op : {SelectOp::eq, SelectOp::ne, SelectOp::lt, SelectOp::le, SelectOp::gt, SelectOp::ge}) {
    CHECK_FALSE(passes({is(op, Value{int64_t{1}})}, null));
    CHECK_FALSE(passes({is(op, Value{int64_t{1}}), {.op = SelectOp::negate}}, null));
  }
}

TEST_CASE("logic has three values") {
  const codec::SelectStep yes = is(SelectOp::eq, Value{int64_t{5}}), no = is(SelectOp::ne, Value{int64_t{5}}), unknown{.op = SelectOp::unknown};
  const auto result = [&](std::vector<codec::SelectStep> steps) {  // 1, 0, or -1 for unknown
    if (passes(steps, Value{int64_t{5}})) return 1;
    steps.push_back({.op = SelectOp::negate});
    return passes(steps, Value{int64_t{5}}) ? 0 : -1;
  };
  const codec::SelectStep both{.op = SelectOp::both}, either{.op = SelectOp::either};
  CHECK(result({yes, yes, both}) == 1);
  CHECK(result({yes, unknown, both}) == -1);
  CHECK(result({unknown, yes, both}) == -1);
  CHECK(result({no, unknown, both}) == 0);
  CHECK(result({unknown, no, both}) == 0);
  CHECK(result({unknown, yes, either}) == 1);
  CHECK(result({yes, unknown, either}) == 1);
  CHECK(result({no, unknown, either}) == -1);
  CHECK(result({unknown, no, either}) == -1);
  CHECK(result({no, no, either}) == 0);
}

TEST_CASE("lists: NULL in them is unknown, and nothing is in an empty one") {
  codec::SelectStep in{.op = SelectOp::in, .column = 1, .collation = Collation::binary, .parts = {part(Value{int64_t{1}}), part(Value{int64_t{3}})}};
  const codec::SelectStep negate{.op = SelectOp::negate};
  CHECK(passes({in}, Value{3.0}));
  CHECK(passes({in, negate}, Value{int64_t{2}}));
  CHECK_FALSE(passes({in, negate}, null));
  in.unknown = true;
  CHECK(passes({in}, Value{int64_t{1}}));
  CHECK_FALSE(passes({in, negate}, Value{int64_t{2}}));
  in = {.op = SelectOp::in, .column = 1, .collation = Collation::binary};
  CHECK(passes({in, negate}, null));
}

TEST_CASE("values come from the cell, from the key, or from before the column") {
  Selection selection = about_rows();
  const ValueView missing = int64_t{42};
  selection.columns[2].missing = codec::encode_row(0, {&missing, 1});
  selection.condition = {{.op = SelectOp::eq, .column = 0, .collation = Collation::binary, .parts = {part(Value{int64_t{9}})}},
                         {.op = SelectOp::eq, .column = 2, .collation = Collation::binary, .parts = {part(Value{int64_t{42}})}},
                         {.op = SelectOp::both}};
  auto selector = Selector::open(selection);
  REQUIRE(selector);
  CHECK(selector->take(key(9), row({Value{int64_t{1}}}))->has_value());
  CHECK_FALSE(selector->take(key(8), row({Value{int64_t{1}}}))->has_value());
  CHECK_FALSE(selector->take(key(9), row({Value{int64_t{1}}, null}))->has_value());
}

TEST_CASE("cells that are not wanted go, and the row stays one") {
  Selection selection = about_rows();
  selection.cells = {2, 9};
  auto selector = Selector::open(selection);
  REQUIRE(selector);
  const auto taken = selector->take(key(1), row({Value{std::string(300, 'x')}, Value{std::string{"unwanted"}}}));
  REQUIRE(taken);
  codec::RowReader reader;
  REQUIRE(reader.open(**taken));
  CHECK(reader.version() == 3);
  CHECK(reader.cells() == 3);
  CHECK(codec::is_null(*reader.cell(0)));
  CHECK(std::get<std::string_view>(*reader.cell(2)).size() == 300);
  selection.cells.emplace();
  selector = Selector::open(selection);
  CHECK((*selector->take(key(1), row({Value{int64_t{1}}})))->size() == 2);
}

TEST_CASE("totals by group, in order of first appearance") {
  Selection selection = about_rows();
  selection.totals = {{.total = SelectTotal::rows}, {.total = SelectTotal::count, .column = 2}, {.total = SelectTotal::sum, .column = 2},
                      {.total = SelectTotal::min, .column = 2}, {.total = SelectTotal::max, .column = 2, .collation = Collation::nocase}};
  selection.group_by = {1};
  auto selector = Selector::open(selection);
  REQUIRE(selector);
  const auto add = [&](const Value& group, const Value& value) { CHECK_FALSE(selector->take(key(1), row({group, value}))->has_value()); };
  add(Value{std::string{"b"}}, Value{int64_t{5}});
  add(Value{std::string{"a"}}, Value{std::string{"X"}});
  add(Value{std::string{"b"}}, null);
  add(Value{std::string{"b"}}, Value{int64_t{-7}});
  add(Value{std::string{"a"}}, Value{std::string{"x"}});
  const auto groups = selector->take_groups();
  REQUIRE(groups.size() == 2);
  const auto cells = [](BytesView bytes) {
    codec::RowReader reader;
    REQUIRE(reader.open(bytes));
    std::vector<Value> values;
    for (uint32_t id = 0; id < reader.cells(); ++id) values.push_back(codec::to_owned(*reader.cell(id)));
    return values;
  };
  using Values = std::vector<Value>;
  CHECK(cells(groups[0].key) == Values{Value{std::string{"b"}}});
  CHECK(cells(groups[0].value) ==
        Values{Value{int64_t{3}}, Value{int64_t{2}}, Value{int64_t{2}}, Value{int64_t{-2}}, Value{int64_t{12}}, Value{int64_t{-7}}, Value{int64_t{5}}});
  // TEXT has no exact sum; equal under the collation: the first stays.
  CHECK(cells(groups[1].value) ==
        Values{Value{int64_t{2}}, Value{int64_t{2}}, Value{int64_t{2}}, Value{int64_t{0}}, null, Value{std::string{"X"}}, Value{std::string{"X"}}});
  CHECK(selector->groups() == 0);
}

TEST_CASE("sums that would depend on the order of adding are not exact") {
  Selection selection = about_rows();
  selection.totals = {{.total = SelectTotal::sum, .column = 1}};
  const auto exact = [&](const std::vector<Value>& values) {
    auto selector = Selector::open(selection);
    REQUIRE(selector);
    for (const Value& value : values) REQUIRE(selector->take(key(1), row({value})));
    codec::RowReader reader;
    const auto groups = selector->take_groups();
    REQUIRE(reader.open(groups.front().value));
    return !codec::is_null(*reader.cell(2));
  };
  CHECK(exact({Value{int64_t{INT64_MAX}}}));
  CHECK_FALSE(exact({Value{int64_t{INT64_MAX}}, Value{int64_t{1}}, Value{int64_t{-5}}}));
  CHECK_FALSE(exact({Value{int64_t{INT64_MIN}}}));
  CHECK_FALSE(exact({Value{1.0}}));
}

TEST_CASE("a selection that makes no sense is refused") {
  const auto refused = [](const auto& spoil) {
    Selection selection = about_rows();
    spoil(selection);
    return !Selector::open(codec::encode(selection));
  };
  CHECK_FALSE(refused([](Selection&) {}));
  CHECK(refused([](Selection& s) { s.condition = {{.op = SelectOp::both}}; }));
  CHECK(refused([](Selection& s) { s.condition = {{.op = SelectOp::unknown}, {.op = SelectOp::unknown}}; }));
  CHECK(refused([](Selection& s) { s.condition = {{.op = SelectOp::is_null, .column = 3}}; }));
  CHECK(refused([](Selection& s) { s.condition = {{.op = SelectOp::eq, .column = 1}}; }));
  CHECK(refused([](Selection& s) { s.condition = {{.op = SelectOp::in, .column = 1, .collation = Collation::binary, .parts = {"b", "a"}}}; }));
  CHECK(refused([](Selection& s) { s.condition.assign(Selection::steps_max + 1, {.op = SelectOp::unknown}); }));
  CHECK(refused([](Selection& s) { s.columns[0].part = 1; }));
  CHECK(refused([](Selection& s) { s.columns[0].missing = "?"; }));
  CHECK(refused([](Selection& s) { s.cells = {5, 2}; }));
  CHECK(refused([](Selection& s) { s.group_by = {0}; }));
  CHECK(refused([](Selection& s) { s.totals = {{.total = SelectTotal::min, .column = 3}}; }));
  CHECK(refused([](Selection& s) { s.totals = {{.total = static_cast<SelectTotal>(9)}}; }));
  CHECK_FALSE(Selector::open(BytesView{"nonsense"}));
  Selection selection = about_rows();
  selection.condition = {is(SelectOp::eq, Value{int64_t{1}})};
  auto selector = Selector::open(selection);
  CHECK(selector->take(key(1), "damaged").error().code == Code::bad_data);
  selection.condition.front().column = 0;
  CHECK(Selector::open(selection)->take("", row({})).error().code == Code::bad_data);
}
