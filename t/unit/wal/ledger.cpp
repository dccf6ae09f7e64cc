// What still needs a segment (W7), and who pins the oldest (W8).
#include "wal/ledger.hpp"

#include <doctest/doctest.h>

using namespace ddb;

namespace {

constexpr proto::ReplicaKey one{RangeId{1}, ReplicaId{1}};
constexpr proto::ReplicaKey two{RangeId{2}, ReplicaId{1}};

/// A ledger whose every batch opens a segment of its own: segment n holds batch n.
struct Book {
  wal::Ledger ledger;
  uint64_t number = 0;

  void add(proto::LogRecord record) {
    ++number;
    ledger.open_segment(number, 4096);
    ledger.add({BatchNumber{number}, {std::move(record)}});
  }
  void entries(proto::ReplicaKey key, uint64_t from, uint64_t to) {
    proto::LogRecord record{.key = key, .begin = {}, .entries = {}, .hard_state = {}};
    for (uint64_t i = from; i <= to; ++i) record.entries.push_back({Term{1}, LogIndex{i}, proto::EntryKind::noop, {}});
    add(std::move(record));
  }
  void begin(proto::ReplicaKey key, uint64_t index) {
    add({.key = key, .begin = proto::Base{LogIndex{index}, Term{1}}, .entries = {}, .hard_state = {}});
  }
  void hard(proto::ReplicaKey key) {
    add({.key = key, .begin = {}, .entries = {}, .hard_state = proto::HardState{}});
  }
  void flushed(proto::ReplicaKey key, uint64_t base) { ledger.flushed(BatchNumber{number}, {{key, LogIndex{base}}}); }
};

}  // namespace

TEST_CASE("entries are needed until a flushed base reaches the segment's last") {
  Book book;
  book.entries(one, 1, 5);
  book.entries(one, 6, 9);
  book.entries(two, 1, 1);
  CHECK(book.ledger.first_needed() == 1);
  book.flushed(one, 4);
  CHECK(book.ledger.first_needed() == 1);
  book.flushed(one, 5);
  CHECK(book.ledger.first_needed() == 2);
  book.flushed(one, 9);
  CHECK(book.ledger.first_needed() == 3);  // the newest always is
}

TEST_CASE("hard states are needed until a flush that was cut after their batch") {
  Book book;
  book.hard(one);
  book.hard(one);
  book.entries(two, 1, 1);
  book.ledger.flushed(BatchNumber{0}, {});
  CHECK(book.ledger.first_needed() == 1);
  book.ledger.flushed(BatchNumber{1}, {});
  CHECK(book.ledger.first_needed() == 2);
}

TEST_CASE("W5: voided entries are needed no more, down to the flushed base") {
  Book book;
  book.entries(one, 1, 5);
  book.entries(one, 6, 9);
  book.flushed(one, 5);
  CHECK(book.ledger.first_needed() == 2);
  book.entries(one, 6, 6);  // voids all that segment 2 holds
  CHECK(book.ledger.first_needed() == 3);
  book.entries(one, 3, 3);  // and part of segment 1's, whose rest is flushed
  book.entries(one, 4, 4);
  book.flushed(one, 3);
  CHECK(book.ledger.first_needed() == 5);
}

TEST_CASE("BEGIN voids all before it, and is itself needed until its base is flushed") {
  Book book;
  book.entries(one, 1, 9);
  book.begin(one, 20);
  book.entries(two, 1, 1);
  CHECK(book.ledger.first_needed() == 2);
  book.flushed(one, 20);
  CHECK(book.ledger.first_needed() == 3);
  book.begin(one, 20);  // W8: of a base that is flushed already
  book.entries(two, 2, 2);
  book.flushed(two, 2);
  CHECK(book.ledger.first_needed() == 5);
}

TEST_CASE("a tombstone ends the need for a replica's records, and the memory of its base") {
  Book book;
  book.entries(one, 1, 9);
  book.entries(two, 1, 1);
  book.ledger.flushed(BatchNumber{2}, {{one, {}, true}});
  CHECK(book.ledger.first_needed() == 2);
}

TEST_CASE("W8: those are named whose records keep more segments than there should be") {
  Book book;
  book.entries(one, 1, 9);
  for (uint64_t i = 1; i <= 5; ++i) book.entries(two, i, i);
  CHECK(book.ledger.pins(6).empty());
  CHECK(book.ledger.pins(5) == std::vector{one});
  CHECK(book.ledger.pins(4) == std::vector{one, two});
  const auto gone = book.ledger.drop_before(3);
  CHECK(gone.size() == 2);
  CHECK(book.ledger.segments().front().number == 3);
  CHECK(book.ledger.drop_before(100).size() == 3);  // never the newest
}
