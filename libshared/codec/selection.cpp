#include "codec/selection.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "codec/archive.hpp"
#include "codec/pack.hpp"

namespace ddb::codec {

namespace {

std::unexpected<Error> bad() { return fail(Code::bad_data, "a selection of rows makes no sense"); }

bool is_comparison(SelectOp op) { return op >= SelectOp::eq && op <= SelectOp::ge; }
bool reads_column(SelectOp op) { return op >= SelectOp::eq && op <= SelectOp::is_null; }

bool holds(SelectOp op, int order) {
  switch (op) {
    case SelectOp::eq: return order == 0;
    case SelectOp::ne: return order != 0;
    case SelectOp::lt: return order < 0;
    case SelectOp::le: return order <= 0;
    case SelectOp::gt: return order > 0;
    default: return order >= 0;
  }
}

uint64_t magnitude_of(int64_t value) { return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value); }

}  // namespace

Result<Selector> Selector::open(BytesView bytes) {
  auto selection = decode<Selection>(bytes);
  if (!selection) return std::unexpected(selection.error());
  return open(*std::move(selection));
}

Result<Selector> Selector::open(Selection selection) {
  Selector selector{std::move(selection)};
  if (auto ready = selector.prepare(); !ready) return std::unexpected(ready.error());
  return selector;
}

Result<void> Selector::prepare() {
  const Selection& s = selection_;
  const auto known = [&](uint32_t column) { return column < s.columns.size(); };
  if (s.columns.size() > Selection::columns_max || s.condition.size() > Selection::steps_max) return bad();
  if (s.totals.size() > Selection::columns_max || s.group_by.size() > Selection::columns_max) return bad();
  if (!std::ranges::all_of(s.group_by, known) || (s.totals.empty() && !s.group_by.empty())) return bad();
  for (const auto& total : s.totals) {
    if (total.total < SelectTotal::rows || total.total > SelectTotal::max || total.collation > Collation::rtrim) return bad();
    if (total.total != SelectTotal::rows && !known(total.column)) return bad();
  }
  if (s.cells && !std::ranges::is_sorted(*s.cells)) return bad();
  for (const auto& column : s.columns) {
    if (column.part && *column.part >= s.key.size()) return bad();
    if (column.missing.empty()) {
      missing_.emplace_back();
      continue;
    }
    RowReader reader;
    if (!reader.open(column.missing)) return bad();
    const auto cell = reader.cell(0);
    if (!cell) return bad();
    missing_.push_back(to_owned(*cell));
  }
  return check_condition();
}

/// Its steps find what they take, and leave one result.
Result<void> Selector::check_condition() const {
  size_t depth = 0;
  for (const auto& step : selection_.condition) {
    if (step.op < SelectOp::eq || step.op > SelectOp::negate || step.collation > Collation::rtrim) return bad();
    if (reads_column(step.op) && step.column >= selection_.columns.size()) return bad();
    if (is_comparison(step.op) && step.parts.size() != 1) return bad();
    if (step.op == SelectOp::in && !std::ranges::is_sorted(step.parts)) return bad();
    const size_t takes = step.op == SelectOp::negate ? 1 : step.op == SelectOp::both || step.op == SelectOp::either ? 2 : 0;
    if (depth < takes) return bad();
    depth = depth - takes + 1;
  }
  return depth == (selection_.condition.empty() ? 0 : 1) ? Result<void>{} : bad();
}

Result<std::optional<BytesView>> Selector::take(BytesView key, BytesView row) {
  if (auto opened = open_row(key, row); !opened) return std::unexpected(opened.error());
  const auto wanted = condition();
  if (!wanted) return std::unexpected(wanted.error());
  if (*wanted != Truth::yes) return std::nullopt;
  if (has_totals()) {
    if (auto added = add(); !added) return std::unexpected(added.error());
    return std::nullopt;
  }
  if (!selection_.cells) return row;
  auto projected = project();
  if (!projected) return std::unexpected(projected.error());
  return *projected;
}

Result<void> Selector::open_row(BytesView key, BytesView row) {
  key_values_.clear();
  key_ = key;
  if (selection_.columns.empty() && !selection_.cells) return {};
  return row_.open(row);
}

Result<ValueView> Selector::value(uint32_t number) {
  const SelectColumn& column = selection_.columns[number];
  if (column.cell >= row_.cells()) return to_view(missing_[number]);
  auto cell = row_.cell(column.cell);
  if (!cell) return cell;
  const auto* real = std::get_if<double>(&*cell);
  if (real != nullptr && std::isnan(*real)) return fail(Code::bad_data, "a stored row holds what is not a number");
  if (!is_null(*cell) || !column.part) return cell;
  const auto value = key_value(*column.part);
  if (!value) return std::unexpected(value.error());
  return to_view(**value);
}

Result<const Value*> Selector::key_value(uint32_t part) {
  if (key_values_.empty()) {
    uint64_t table = 0;
    uint64_t index = 0;
    if (auto taken = take_key_prefix(key_, table, index); !taken) return std::unexpected(taken.error());
  }
  key_values_.reserve(selection_.key.size());
  while (key_values_.size() <= part) {
    const SelectKeyPart& shape = selection_.key[key_values_.size()];
    auto value = take_key_part(key_, {.collation = Collation::binary, .descending = shape.descending});
    if (!value) return std::unexpected(value.error());
    const auto* integer = std::get_if<int64_t>(&*value);
    if (shape.real && integer != nullptr) value = static_cast<double>(*integer);
    key_values_.push_back(*std::move(value));
  }
  return &key_values_[part];
}

Result<Selector::Truth> Selector::condition() {
  stack_.clear();
  for (const SelectStep& step : selection_.condition) {
    if (step.op < SelectOp::both) {
      const auto truth = compare(step);
      if (!truth) return truth;
      stack_.push_back(*truth);
      continue;
    }
    Truth& first = stack_[stack_.size() - (step.op == SelectOp::negate ? 1 : 2)];
    const Truth second = stack_.back();
    if (step.op == SelectOp::negate) {
      if (first != Truth::unknown) first = first == Truth::yes ? Truth::no : Truth::yes;
      continue;
    }
    const Truth decides = step.op == SelectOp::both ? Truth::no : Truth::yes;
    if (first == decides || second == decides) {
      first = decides;
    } else if (second == Truth::unknown) {
      first = second;
    }
    stack_.pop_back();
  }
  return stack_.empty() ? Truth::yes : stack_.back();
}

/// One column with constants.
Result<Selector::Truth> Selector::compare(const SelectStep& step) {
  const auto truth = [](bool is) { return is ? Truth::yes : Truth::no; };
  if (step.op == SelectOp::unknown) return Truth::unknown;
  const auto value = this->value(step.column);
  if (!value) return std::unexpected(value.error());
  if (step.op == SelectOp::is_null) return truth(is_null(*value));
  if (step.op == SelectOp::in && step.parts.empty() && !step.unknown) return Truth::no;  // IN (), of NULL too
  if (is_null(*value)) return Truth::unknown;
  part_.clear();
  append_key_part(part_, *value, {.collation = step.collation, .descending = false});
  if (step.op != SelectOp::in) return truth(holds(step.op, part_.compare(step.parts.front())));
  if (std::ranges::binary_search(step.parts, part_)) return Truth::yes;
  return step.unknown ? Truth::unknown : Truth::no;
}

/// A row as short as can be: cells up to the last one wanted, NULL for those that are not.
Result<BytesView> Selector::project() {
  const std::vector<uint32_t>& cells = *selection_.cells;
  const auto end = std::ranges::lower_bound(cells, row_.cells());
  const uint32_t count = end == cells.begin() ? 0 : *std::prev(end) + 1;
  scratch_.clear();
  Packer packer{scratch_};
  packer.array(count + 1);
  packer.u64(row_.version());
  auto wanted = cells.begin();
  for (uint32_t id = 0; id < count; ++id) {
    if (*wanted != id) {
      packer.nil();
      continue;
    }
    const auto cell = row_.encoded(id);
    if (!cell) return std::unexpected(cell.error());
    scratch_ += *cell;
    while (wanted != cells.end() && *wanted == id) ++wanted;
  }
  return scratch_;
}

Result<void> Selector::add() {
  const auto group = this->group();
  if (!group) return std::unexpected(group.error());
  for (size_t i = 0; i < selection_.totals.size(); ++i) {
    if (auto added = add(selection_.totals[i], (*group)->tallies[i]); !added) return added;
  }
  return {};
}

Result<Selector::Group*> Selector::group() {
  if (selection_.group_by.empty() && !groups_.empty()) return &groups_.front();
  std::vector<ValueView> values;
  for (const uint32_t column : selection_.group_by) {
    auto value = this->value(column);
    if (!value) return std::unexpected(value.error());
    values.push_back(*value);
  }
  Bytes key = encode_row(0, values);
  if (latest_ < groups_.size() && groups_[latest_].key == key) return &groups_[latest_];
  const auto [at, added] = by_key_.try_emplace(key, groups_.size());
  latest_ = at->second;
  if (added) {
    group_bytes_ += key.size() + 16 * selection_.totals.size();
    groups_.push_back({std::move(key), std::vector<Tally>(selection_.totals.size())});
  }
  return &groups_[latest_];
}

Result<void> Selector::add(const SelectAggregate& total, Tally& tally) {
  if (total.total == SelectTotal::rows) {
    ++tally.count;
    return {};
  }
  const auto value = this->value(total.column);
  if (!value) return std::unexpected(value.error());
  if (is_null(*value)) return {};
  ++tally.count;
  if (total.total == SelectTotal::sum) {
    const auto* integer = std::get_if<int64_t>(&*value);
    tally.inexact |= integer == nullptr || magnitude_of(*integer) > static_cast<uint64_t>(INT64_MAX) - tally.magnitude;
    if (tally.inexact) return {};
    tally.magnitude += magnitude_of(*integer);
    tally.sum += *integer;
  } else if (total.total != SelectTotal::count) {
    part_.clear();
    append_key_part(part_, *value, {.collation = total.collation, .descending = false});
    const bool better = total.total == SelectTotal::min ? part_ < tally.part : part_ > tally.part;
    if (!tally.part.empty() && !better) return {};
    group_bytes_ += part_.size();
    tally.part = part_;
    tally.value = to_owned(*value);
  }
  return {};
}

std::vector<env::KeyValue> Selector::take_groups() {
  std::vector<env::KeyValue> rows;
  rows.reserve(groups_.size());
  for (Group& group : groups_) {
    std::vector<ValueView> cells;
    for (size_t i = 0; i < group.tallies.size(); ++i) {
      const Tally& tally = group.tallies[i];
      const SelectTotal total = selection_.totals[i].total;
      cells.push_back(total >= SelectTotal::min ? to_view(tally.value) : ValueView{tally.count});
      if (total != SelectTotal::sum) continue;
      cells.push_back(tally.sum);
      cells.push_back(tally.inexact ? ValueView{} : ValueView{static_cast<int64_t>(tally.magnitude)});
    }
    Bytes value = encode_row(0, cells);
    rows.push_back({std::move(group.key), std::move(value)});
  }
  groups_.clear();
  by_key_.clear();
  latest_ = 0;
  group_bytes_ = 0;
  return rows;
}

}  // namespace ddb::codec
