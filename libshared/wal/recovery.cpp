#include "wal/recovery.hpp"

#include <algorithm>

#include "codec/archive.hpp"

namespace ddb::wal {

namespace {

constexpr size_t number_digits = 16;

std::unexpected<Error> damage(const std::string& path, const std::string& what) {
  return fail(Code::bad_data, path + " " + what,
              "the store cannot start: replace it by an empty one and let it be rebuilt");
}

std::string at(uint64_t offset) { return " at offset " + std::to_string(offset); }

Result<Bytes> read_file(env::FileSystem& files, const std::string& path) {
  auto file = files.open_existing(path);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  return (*file)->read(0, *size);
}

/// The segments from the first one needed on. A hole among them is damage (W7).
Result<std::vector<uint64_t>> list_segments(env::FileSystem& files, const std::string& directory,
                                            const Position& position, std::vector<uint64_t>& rubbish) {
  const auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  std::vector<uint64_t> numbers;
  for (const auto& name : *names)
    if (const auto number = segment_number(name))
      (*number < position.first_segment ? rubbish : numbers).push_back(*number);
  std::sort(numbers.begin(), numbers.end());
  std::sort(rubbish.begin(), rubbish.end());

  uint64_t expected = std::max<uint64_t>(position.first_segment, 1);
  for (const uint64_t number : numbers) {
    if (number != expected) return damage(directory + "/" + segment_name(expected), "is missing");
    ++expected;
  }
  if (expected <= position.last_segment) return damage(directory + "/" + segment_name(expected), "is missing");
  return numbers;
}

/// One segment on its way from bytes to batches.
class Reader {
 public:
  Reader(std::string path, Bytes contents) : path_{std::move(path)}, contents_{std::move(contents)} {}

  Result<SegmentHeader> header(StoreId store, uint64_t number) {
    auto header = decode_header(contents_);
    if (!header) return damage(path_, header.error().message);
    if (header->store != store)
      return fail(Code::refused, path_ + " belongs to store " + std::to_string(header->store.value),
                  "a log and a state of two stores were mixed: put back the right one");
    if (header->number != number) return damage(path_, "says it is segment " + std::to_string(header->number));
    if (contents_.size() < header->size) return damage(path_, "was cut short");
    header_ = *header;
    return header_;
  }

  /// Batches up to the first invalid one, or up to `end`.
  Result<std::vector<proto::LogBatch>> batches(uint64_t end) {
    std::vector<proto::LogBatch> out;
    BatchNumber expected = header_.first_batch;
    while (offset_ < end) {
      const auto found = find_batch(contents_, place(offset_));
      if (!found) break;
      if (found->number != expected)
        return damage(path_, "has batch " + std::to_string(found->number.value) + at(offset_) + " where batch " +
                                 std::to_string(expected.value) + " belongs");
      auto records = codec::decode<std::vector<proto::LogRecord>>(found->records);
      if (!records) return damage(path_, "has a batch of an unknown shape" + at(offset_));
      out.push_back({found->number, std::move(*records)});
      last_start_ = offset_;
      last_records_ = found->records;
      offset_ = found->end;
      expected = expected.next();
    }
    return out;
  }

  /// W2: a batch is not torn if another came after it, for that was written once this one was proven.
  bool valid_batch_after_end() const {
    for (uint64_t offset = offset_ + block_bytes; offset < contents_.size(); offset += block_bytes)
      if (find_batch(contents_, place(offset))) return true;
    return false;
  }

  uint64_t end() const { return offset_; }
  uint64_t last_start() const { return last_start_; }
  BytesView last_records() const { return last_records_; }
  std::unexpected<Error> damaged_batch() const { return damage(path_, "has a damaged batch" + at(offset_)); }

 private:
  BatchPlace place(uint64_t offset) const { return {header_.store, header_.number, offset}; }

  std::string path_;
  Bytes contents_;
  SegmentHeader header_;
  uint64_t offset_ = block_bytes;
  uint64_t last_start_ = block_bytes;
  BytesView last_records_;
};

/// A segment that is not the last: its end is known, and everything below it was proven.
Result<void> read_whole(Reader& reader, ReadSegment& segment, const SegmentHeader& next) {
  auto batches = reader.batches(next.previous_end);
  if (!batches) return std::unexpected(batches.error());
  const auto following = segment.header.first_batch.plus(batches->size());
  if (reader.end() != next.previous_end || following != next.first_batch) return reader.damaged_batch();
  segment.batches = std::move(*batches);
  return {};
}

/// The last segment ends at its first invalid batch, if nothing says that this one was proven (W2).
Result<void> read_tail(Reader& reader, ReadSegment& segment, const Position& position) {
  auto batches = reader.batches(segment.header.size);
  if (!batches) return std::unexpected(batches.error());
  const auto following = segment.header.first_batch.plus(batches->size());
  const bool proven = reader.end() < segment.header.proven_end || following <= position.last_batch;
  if (proven || reader.valid_batch_after_end()) return reader.damaged_batch();
  segment.batches = std::move(*batches);
  return {};
}

}  // namespace

std::string segment_name(uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(number_digits - std::min(number_digits, digits.size()), '0') + digits + ".log";
}

std::optional<uint64_t> segment_number(const std::string& name) {
  if (name.size() != number_digits + 4 || !name.ends_with(".log")) return std::nullopt;
  uint64_t number = 0;
  for (size_t i = 0; i < number_digits; ++i) {
    if (name[i] < '0' || name[i] > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return number;
}

Result<ReadLog> read_log(env::FileSystem& files, const std::string& directory, StoreId store,
                         const Position& position) {
  ReadLog log;
  const auto numbers = list_segments(files, directory, position, log.rubbish);
  if (!numbers) return std::unexpected(numbers.error());

  std::optional<Reader> reader;  // of the last segment found: it is read once the header of the next one is known
  for (const uint64_t number : *numbers) {
    const std::string path = directory + "/" + segment_name(number);
    auto contents = read_file(files, path);
    if (!contents) return std::unexpected(contents.error());
    Reader next{path, std::move(*contents)};
    const auto header = next.header(store, number);
    if (!header) return std::unexpected(header.error());
    if (reader) {
      auto read = read_whole(*reader, log.segments.back(), *header);
      if (!read) return std::unexpected(read.error());
    }
    log.segments.push_back({*header, {}});
    reader.emplace(std::move(next));
  }
  if (!reader) return log;
  auto read = read_tail(*reader, log.segments.back(), position);
  if (!read) return std::unexpected(read.error());
  log.end = reader->end();
  log.last_records = reader->last_records();
  log.last_start = log.segments.back().batches.empty() ? log.end : reader->last_start();
  return log;
}

}  // namespace ddb::wal
