// The state of a store in memory: ordered tables, as env::State describes them.
#pragma once

#include <array>
#include <map>

#include "base/assert.hpp"
#include "env/state.hpp"

namespace ddb::test {

class MemoryState final : public env::State {
 public:
  using Rows = std::map<Bytes, Bytes, std::less<>>;

  std::optional<BytesView> get(env::Table table, BytesView key) override {
    const Rows& rows = (*this)[table];
    const auto found = rows.find(key);
    if (found == rows.end()) return std::nullopt;
    return found->second;
  }
  std::unique_ptr<env::Cursor> cursor(env::Table table) override { return std::make_unique<RowCursor>((*this)[table]); }
  void apply(const env::WriteBatch& batch) override {
    for (const env::StateOp& op : batch.ops) {
      DDB_ASSERT(op.key.size() <= env::table_key_bytes_max);
      if (op.value) {
        (*this)[op.table].insert_or_assign(op.key, *op.value);
      } else {
        (*this)[op.table].erase(op.key);
      }
    }
  }

  Rows& operator[](env::Table table) { return tables_[static_cast<size_t>(table)]; }
  bool operator==(const MemoryState& other) const { return tables_ == other.tables_; }

 private:
  class RowCursor final : public env::Cursor {
   public:
    explicit RowCursor(const Rows& rows) : rows_{rows}, at_{rows.end()} {}
    bool seek(BytesView key) override {
      at_ = rows_.lower_bound(key);
      return valid();
    }
    bool seek_before(BytesView key) override {
      at_ = rows_.lower_bound(key);
      return prev();
    }
    bool next() override {
      ++at_;
      return valid();
    }
    bool prev() override {
      at_ = at_ == rows_.begin() ? rows_.end() : std::prev(at_);
      return valid();
    }
    bool valid() const override { return at_ != rows_.end(); }
    BytesView key() const override { return at_->first; }
    BytesView value() const override { return at_->second; }

   private:
    const Rows& rows_;
    Rows::const_iterator at_;
  };

  std::array<Rows, env::table_count> tables_;
};

}  // namespace ddb::test
