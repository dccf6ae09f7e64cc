// The join remedy of read cursors: SQLite asks an inner table for one key per outer row. When each part of that key keeps
// equalling a column of an open cursor (or keeps its value), the keys for the rest of that cursor's page go in one multi-get.
#include <algorithm>
#include <utility>

#include "sql/read_cursor.hpp"

namespace ddb::sql {

namespace {

constexpr size_t keys_max = 1024;  // of one prefetch

/// The parts of a key, one by one.
std::vector<Bytes> split(BytesView key, const std::vector<KeyColumn>& columns) {
  uint64_t ids[2];
  std::vector<Bytes> parts;
  if (!codec::take_key_prefix(key, ids[0], ids[1])) return parts;
  for (const auto& column : columns) parts.emplace_back(codec::skip_key_part(key, column.descending));
  return parts;
}

}  // namespace

ReadCursor* ReadCursor::cursor_by_id(uint64_t id) const {
  const auto at = std::ranges::find(context_.cursors, id, &ReadCursor::id_);
  return at == context_.cursors.end() ? nullptr : *at;
}

/// Every column of every other open cursor's row whose value makes this part, and "as last time".
std::vector<std::vector<JoinGuess::Source>> ReadCursor::sources_of(const std::vector<Bytes>& values) const {
  std::vector<std::vector<JoinGuess::Source>> sources(values.size());
  for (const ReadCursor* other : context_.cursors) {
    if (other == this || other->at_end()) continue;
    std::vector<uint32_t> ids;
    for (const auto& column : other->table().columns) ids.push_back(column.id);
    if (other->table().has_rowid() && other->table().rowid_alias == 0) ids.push_back(rowid_column);
    const auto row = other->peek(other->position_, ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!row[i]) continue;
      for (size_t part = 0; part < values.size(); ++part) {
        Bytes bytes;
        codec::append_key_part(bytes, to_view(*row[i]), plan_->path.parts[part].order());
        if (bytes == values[part]) sources[part].push_back({other->id_, ids[i]});
      }
    }
  }
  return sources;
}

/// The keys that the rest of the outer page will ask for; none when the guess does not hold together.
std::vector<Bytes> ReadCursor::join_keys(const JoinGuess& guess) const {
  uint64_t outer_id = 0;  // the innermost cursor that any part hangs on
  for (const auto& part : guess.parts)
    for (const auto& source : part) outer_id = std::max(outer_id, source.cursor);
  const ReadCursor* outer = outer_id == 0 ? nullptr : cursor_by_id(outer_id);
  if (outer == nullptr) return {};
  std::vector<JoinGuess::Source> chosen;
  std::vector<uint32_t> columns;  // of the outer row
  for (const auto& part : guess.parts) {
    auto best = std::ranges::find(part, outer_id, &JoinGuess::Source::cursor);
    if (best == part.end()) best = std::ranges::find(part, uint64_t{0}, &JoinGuess::Source::cursor);
    if (best == part.end()) return {};
    chosen.push_back(*best);
    if (best->cursor != 0) columns.push_back(best->column);
  }
  std::vector<Bytes> keys;
  for (size_t i = outer->position_ + 1; i < outer->size() && keys.size() < keys_max; ++i) {
    Bytes key = path_prefix(table(), plan_->path);
    const auto row = outer->peek(i, columns);
    auto value = row.begin();
    bool whole = true;
    for (size_t part = 0; part < chosen.size() && whole; ++part) {
      if (chosen[part].cursor == 0) {
        key += guess.values[part];
        continue;
      }
      whole = *value && !codec::is_null(**value);
      if (whole) codec::append_key_part(key, to_view(**value), plan_->path.parts[part].order());
      ++value;
    }
    if (whole && key.size() <= env::user_key_bytes_max) keys.push_back(std::move(key));
  }
  return keys;
}

Result<void> ReadCursor::prefetch_join(const Bytes& key) {
  JoinGuess& guess = context_.guesses[plan_];
  std::vector<Bytes> values = split(key, plan_->path.parts);
  auto sources = sources_of(values);
  const bool first = guess.parts.empty();
  for (size_t part = 0; part < values.size(); ++part) {
    if (first) continue;
    if (guess.values[part] == values[part]) sources[part].push_back({});
    const bool constant = guess.values[part] == values[part];
    // What held before and holds now; a constant may turn into a column and back.
    std::erase_if(sources[part], [&](const JoinGuess::Source& source) {
      return source.cursor != 0 && !constant && std::ranges::find(guess.parts[part], source) == guess.parts[part].end();
    });
  }
  guess.parts = std::move(sources);
  guess.values = std::move(values);
  if (first) return {};
  auto keys = join_keys(guess);
  if (keys.empty()) return {};
  keys.push_back(key);
  if (auto done = reader().prefetch(keys); !done) return done;
  if (index_ == nullptr || !guess.loads_rows) return {};
  std::vector<Bytes> rows;
  const auto entries = reader().get(keys);
  if (!entries) return std::unexpected(entries.error());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!(*entries)[i]) continue;
    auto row = row_key_of_entry(table(), *index_, keys[i], *(*entries)[i]);
    if (!row) return std::unexpected(row.error());
    rows.push_back(std::move(*row));
  }
  return reader().prefetch(rows);
}

}  // namespace ddb::sql
