#include "at.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "codec/archive.hpp"
#include "proto/meta_keys.hpp"
#include "quantiles.hpp"
#include "sql/key_literal.hpp"
#include "sql/rows.hpp"

namespace ddb::split {

namespace {

Result<Bytes> parse_hex(const std::string& text) {
  if (text.empty() || text.size() % 2 != 0 || text.find_first_not_of("0123456789abcdefABCDEF") != text.npos)
    return fail(Code::usage, text + " is no key in hexadecimal");
  Bytes key;
  for (size_t i = 0; i < text.size(); i += 2) key.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return key;
}

/// The keys to split at.
class Keys {
 public:
  explicit Keys(Session& session) : session_{session} {}

  Result<void> add(const std::string& table, const std::string& literals) {
    const auto found = session_.table(table);
    if (!found) return std::unexpected(found.error());
    const auto key = sql::key_of_literals(**found, literals);
    if (!key) return std::unexpected(key.error());
    keys.push_back(*key);
    return {};
  }

  /// Lines of keys, or, without a table, of table and key.
  Result<void> add_lines(const std::string& table) {
    for (std::string line; std::getline(std::cin, line);) {
      if (line.empty()) continue;
      const size_t tab = table.empty() ? line.find_first_of("\t ") : 0;
      if (tab == line.npos) return fail(Code::usage, "a line has no key: " + line);
      if (auto ok = table.empty() ? add(line.substr(0, tab), line.substr(tab + 1)) : add(table, line); !ok) return ok;
    }
    if (std::cin.bad()) return fail(Code::io, "the standard input cannot be read");
    return {};
  }

  Result<void> add_all(const AtOptions& options) {
    for (const auto& text : options.hex) {
      auto key = parse_hex(text);
      if (!key) return std::unexpected(key.error());
      keys.push_back(*std::move(key));
    }
    if (options.table == "-") return add_lines({});
    for (const auto& key : options.keys) {
      if (auto ok = key == "-" ? add_lines(options.table) : add(options.table, key); !ok) return ok;
    }
    return {};
  }

  std::vector<Bytes> keys;

 private:
  Session& session_;
};

/// The middle first, then the middles of both halves: so every split halves what there is, and estimates of sizes stay good.
void bisect(const std::vector<Bytes>& sorted, size_t first, size_t last, std::vector<Bytes>& order) {
  if (first == last) return;
  const size_t middle = first + (last - first) / 2;
  order.push_back(sorted[middle]);
  bisect(sorted, first, middle, order);
  bisect(sorted, middle + 1, last, order);
}

constexpr Duration map_patience = std::chrono::seconds{5};
constexpr Duration map_pause = std::chrono::milliseconds{10};

/// Leaders tell the map of new ranges (D4) a moment later: who asks next where a key is shall not hear of what was before.
Result<void> wait_for_map(Session& session, std::set<uint64_t> made) {
  client::MetaClient meta{session.cluster.oracle(), session.executor};
  for (const Instant deadline = net::Loop::now() + map_patience; net::Loop::now() < deadline; session.pause(map_pause)) {
    const auto map = meta.range(proto::range_prefix, prefix_end(proto::range_prefix));
    if (!map) return std::unexpected(map.error());
    for (const auto& entry : map->entries) {
      if (const auto info = codec::decode<proto::RangeInfo>(entry.value)) made.erase(info->descriptor.id.value);
    }
    if (made.empty()) return {};
  }
  session.context.note("the ranges are there, but the map has yet to hear of all of them");
  return {};
}

Result<void> split_all(Session& session, std::vector<Bytes> keys) {
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const auto schema = session.schema();
  if (!schema) return std::unexpected(schema.error());
  std::vector<Bytes> order;
  bisect(keys, 0, keys.size(), order);
  client::Splitter splitter{session.cluster, session.executor};
  auto next = splitter.take_ids(order.size());
  if (!next) return std::unexpected(next.error());
  auto& out = session.context.out();
  out.columns({"id", "table", "start", "existed"});
  std::set<uint64_t> made;
  for (const Bytes& key : order) {
    const auto done = splitter.at(key, *next);
    if (!done) return std::unexpected(done.error());
    const auto name = sql::name_of_key(**schema, key);
    if (done->existed) session.context.note(fmt::format("range {} begins at {} {} already", done->range.id.value, name.table, name.literals));
    out.row(done->range.id, name.table, name.literals, uint64_t{done->existed});
    made.insert(done->range.id.value);
    *next = next->next();
  }
  return wait_for_map(session, std::move(made));
}

}  // namespace

Result<void> at(Session& session, const AtOptions& options) {
  Keys keys{session};
  if (auto ok = keys.add_all(options); !ok) return ok;
  if (keys.keys.empty()) return fail(Code::usage, "no key is given", "see ddb-split at --help");
  return split_all(session, std::move(keys.keys));
}

Result<void> even(Session& session, const EvenOptions& options) {
  const auto table = session.table(options.table);
  if (!table) return std::unexpected(table.error());
  // Nothing else shares the table's ranges.
  const Bytes start = sql::row_prefix(**table);
  const Bytes end = prefix_end(start);
  auto keys = quantiles(session, {start, end}, options.ranges);
  if (!keys) return std::unexpected(keys.error());
  keys->push_back(start);
  keys->push_back(end);
  return split_all(session, *std::move(keys));
}

}  // namespace ddb::split
