#include "sql/integrity.hpp"

#include <map>
#include <utility>

#include "sql/index_entries.hpp"
#include "sql/rewriter.hpp"

namespace ddb::sql {

namespace {

constexpr uint32_t page_rows = 500;

class TableCheck {
 public:
  TableCheck(Reader& reader, const Table& table, RowWriter writer, size_t findings_max)
      : reader_{reader}, table_{table}, writer_{std::move(writer)}, findings_max_{findings_max} {}

  Result<std::vector<std::string>> run() {
    if (auto done = walk(row_prefix(table_), [&](const auto& rows) { return check_rows(rows); }); !done) return std::unexpected(done.error());
    for (const Index& index : table_.indexes) {
      if (!checked(index)) continue;
      uint64_t entries = 0;
      const auto count = [&](const auto& page) {
        entries += page.size();
        return Result<void>{};
      };
      if (auto done = walk(index_prefix(table_, index), count); !done) return std::unexpected(done.error());
      // Every row has its entry: more entries than those are nobody's.
      if (entries != wanted_[index.id]) find("wrong # of entries in index " + index.name);
    }
    return std::move(findings_);
  }

 private:
  static bool checked(const Index& index) { return index.has_entries() && index.state == IndexState::public_; }

  void find(std::string finding) {
    if (findings_.size() < findings_max_) findings_.push_back(std::move(finding));
  }

  template <class Page>
  Result<void> walk(Bytes prefix, const Page& page) {
    Bytes end = prefix_end(prefix);
    std::optional<env::KeySpan> rest{{std::move(prefix), std::move(end)}};
    while (rest && findings_.size() < findings_max_) {
      auto read = reader_.scan({.span = *std::move(rest), .reverse = false, .rows_max = page_rows});
      if (!read) return std::unexpected(read.error());
      if (auto done = page(read->rows); !done) return done;
      rest = std::move(read->rest);
    }
    return {};
  }

  Result<void> check_rows(const std::vector<env::KeyValue>& rows) {
    std::vector<IndexEntry> entries;
    std::vector<uint64_t> numbers;  // of the entries' rows
    for (const auto& stored : rows) {
      ++row_;
      const auto row = decode_row(table_, stored.key, stored.value);
      if (!row) {
        find("row " + std::to_string(row_) + " of " + table_.name + ": " + row.error().message);
        continue;
      }
      const auto values = views(*row);
      check_not_null(values);
      auto all = writer_.entries({row->rowid, values});
      if (!all) return std::unexpected(all.error());
      for (auto& entry : *all) {
        if (!checked(*entry.index)) continue;
        ++wanted_[entry.index->id];
        entries.push_back(std::move(entry));
        numbers.push_back(row_);
      }
    }
    return check_entries(entries, numbers);
  }

  void check_not_null(std::span<const ValueView> values) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (table_.columns[i].not_null && codec::is_null(values[i])) find("NULL value in " + table_.name + "." + table_.columns[i].name);
    }
  }

  Result<void> check_entries(const std::vector<IndexEntry>& entries, const std::vector<uint64_t>& numbers) {
    std::vector<Bytes> keys;
    for (const auto& entry : entries) keys.push_back(entry.key);
    const auto stored = reader_.get(keys);
    if (!stored) return std::unexpected(stored.error());
    for (size_t i = 0; i < entries.size(); ++i) {
      const auto& there = (*stored)[i];
      if (there && *there == entries[i].value) continue;
      find("row " + std::to_string(numbers[i]) + " missing from index " + entries[i].index->name);
    }
    return {};
  }

  Reader& reader_;
  const Table& table_;
  RowWriter writer_;
  const size_t findings_max_;
  std::vector<std::string> findings_;
  std::map<uint64_t, uint64_t> wanted_;  // entries by index id
  uint64_t row_ = 0;                     // counted from 1, as SQLite does
};

}  // namespace

Result<std::vector<std::string>> check_integrity(Reader& reader, const Table& table, size_t findings_max) {
  auto writer = RowWriter::open(table);
  if (!writer) return std::unexpected(writer.error());
  return TableCheck{reader, table, *std::move(writer), findings_max}.run();
}

}  // namespace ddb::sql
