#include "sql/write_buffer.hpp"

#include <doctest/doctest.h>

#include "env/random.hpp"

using namespace ddb;
using namespace ddb::sql;
using env::WriteKind;

TEST_CASE("insert stays insert until the key was there") {
  WriteBuffer buffer;
  buffer.insert("a", "1");
  CHECK(buffer.find("a")->kind == WriteKind::insert);
  buffer.put("a", "2");  // an UPDATE of the new row
  CHECK(buffer.find("a")->kind == WriteKind::insert);
  CHECK(buffer.find("a")->value == "2");

  buffer.put("b", "1");
  buffer.erase("b");
  buffer.insert("b", "2");  // the row was there before: nothing to check
  CHECK(buffer.find("b")->kind == WriteKind::put);
  CHECK_FALSE(buffer.take_clash());
}

TEST_CASE("an erased insert still has to be checked") {
  WriteBuffer buffer;
  buffer.insert("a", "1");
  buffer.erase("a");
  CHECK(buffer.find("a")->kind == WriteKind::erase);
  CHECK(buffer.unchecked_erased() == std::vector<Bytes>{"a"});
  buffer.insert("a", "2");
  CHECK(buffer.find("a")->kind == WriteKind::insert);
  buffer.erase("a");
  buffer.set_checked("a");
  CHECK(buffer.unchecked_erased().empty());
}

TEST_CASE("inserting over a live entry is a clash") {
  WriteBuffer buffer;
  buffer.put("a", "1");
  buffer.insert("a", "2");
  CHECK(buffer.take_clash() == std::optional<Bytes>{"a"});
  CHECK_FALSE(buffer.take_clash());
}

TEST_CASE("unchecked keys since a mark, each once") {
  WriteBuffer buffer;
  buffer.insert("old", "1");
  const auto mark = buffer.mark();
  buffer.insert("x", "1");
  buffer.put("x", "2");
  buffer.insert("y", "1");
  buffer.erase("y");
  buffer.put("z", "1");
  CHECK(buffer.unchecked_since(mark) == std::vector<Bytes>{"x", "y"});
  buffer.set_checked("x");
  CHECK(buffer.unchecked_since(mark) == std::vector<Bytes>{"y"});
  CHECK(buffer.find("x")->kind == WriteKind::put);
}

TEST_CASE("undo gives back what was there: random changes against copies") {
  Random random{7};
  struct Copy {
    WriteBuffer::Mark mark;
    std::map<Bytes, std::pair<WriteKind, Bytes>> entries;
    size_t bytes;
  };
  const auto copy = [](const WriteBuffer& buffer) {
    Copy out{buffer.mark(), {}, buffer.bytes()};
    for (const auto& [key, entry] : buffer.entries()) out.entries[key] = {entry.kind, entry.value};
    return out;
  };
  WriteBuffer buffer;
  std::vector<Copy> marks{copy(buffer)};
  for (int step = 0; step < 5000; ++step) {
    const Bytes key(1 + random.below(2), static_cast<char>('a' + random.below(8)));
    const Bytes value(random.below(5), 'v');
    switch (random.below(8)) {
      case 0: marks.push_back(copy(buffer)); break;
      case 1: {
        const size_t at = random.below(marks.size());
        buffer.undo_to(marks[at].mark);
        const Copy now = copy(buffer);
        CHECK(now.entries == marks[at].entries);
        CHECK(now.bytes == marks[at].bytes);
        marks.resize(at + 1);
        break;
      }
      case 2:
      case 3: buffer.insert(key, value); break;
      case 4:
      case 5: buffer.erase(key); break;
      default: buffer.put(key, value);
    }
    size_t bytes = 0;
    for (const auto& [k, entry] : buffer.entries()) bytes += k.size() + entry.value.size();
    REQUIRE(buffer.bytes() == bytes);
  }
}
