#include "client/scans.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "env/span.hpp"

namespace ddb::client {

namespace {

constexpr int regroup_max = 16;  // times that ranges may change under one page

/// What is left of `span`, in scan order, behind its first part.
std::optional<env::KeySpan> behind(const env::KeySpan& span, const env::KeySpan& part, bool reverse) {
  if (reverse) return part.start == span.start ? std::nullopt : std::optional{env::KeySpan{span.start, part.start}};
  return part.end == span.end ? std::nullopt : std::optional{env::KeySpan{part.end, span.end}};
}

}  // namespace

struct Scans::Scan {
  env::ScanRequest request;  // its span: what the caller was not given yet, all of it in pieces
  Pieces pieces;             // in scan order
  Done<env::ScanPage> done;  // empty: nobody waits
  int regroupings = 0;

  std::optional<env::KeySpan> rest() const {
    if (pieces.empty()) return std::nullopt;
    const env::KeySpan& next = pieces.front().span;
    return request.reverse ? env::KeySpan{request.span.start, next.end} : env::KeySpan{next.start, request.span.end};
  }
};

void Scans::scan(env::ScanRequest request, Done<env::ScanPage> done) {
  auto scan = resume(request);
  if (!scan) {
    scan = std::make_shared<Scan>();
    scan->pieces.push_back({.span = request.span, .read = 0, .rows = {}});
  }
  scan->request = std::move(request);
  scan->done = std::move(done);
  scan->regroupings = 0;
  go_on(scan);
}

Scans::ScanPtr Scans::resume(const env::ScanRequest& request) {
  const auto found = std::ranges::find_if(kept_, [&](const ScanPtr& scan) {
    return scan->request.span == request.span && scan->request.reverse == request.reverse && scan->request.select == request.select;
  });
  if (found == kept_.end()) return nullptr;
  ScanPtr scan = std::move(*found);
  kept_.erase(found);
  return scan;
}

void Scans::go_on(const ScanPtr& scan) {
  while (scan->done && !scan->pieces.empty() && scan->pieces.front().rows) {
    auto rows = std::move(*scan->pieces.front().rows);
    scan->pieces.pop_front();
    if (!rows.empty() || scan->pieces.empty()) return give(scan, std::move(rows));
  }
  ask(scan);
}

void Scans::give(const ScanPtr& scan, std::vector<env::KeyValue> rows) {
  env::ScanPage page{.rows = std::move(rows), .rest = scan->rest()};
  auto done = std::exchange(scan->done, nullptr);
  if (page.rest && scan->request.ahead > 0) {
    scan->request.span = *page.rest;
    keep(scan);
    ask(scan);
  } else {
    stop(*scan);
  }
  done(std::move(page));
}

void Scans::ask(const ScanPtr& scan) {
  const auto waits = [](const Piece& piece) { return piece.read == 0 && !piece.rows; };
  auto held = std::ranges::count_if(scan->pieces, std::not_fn(waits));
  for (auto piece = scan->pieces.begin(); piece != scan->pieces.end() && held <= scan->request.ahead; ++piece) {
    if (!waits(*piece)) continue;
    ask(scan, piece);
    ++held;
  }
}

/// What lies in other ranges becomes a piece of its own.
void Scans::ask(const ScanPtr& scan, Pieces::iterator piece) {
  const bool reverse = scan->request.reverse;
  const auto* route = reverse ? map_.find_below(piece->span.end) : map_.find(piece->span.start);
  const env::KeySpan part = route != nullptr ? intersect(piece->span, route->descriptor.span) : piece->span;
  if (auto others = behind(piece->span, part, reverse)) scan->pieces.insert(std::next(piece), {.span = *std::move(others), .read = 0, .rows = {}});
  piece->span = part;
  proto::ReadRequest request;
  request.scan = part;
  request.reverse = reverse;
  request.rows_max = scan->request.rows_max;
  request.bytes_max = scan->request.bytes_max;
  request.select = scan->request.select;
  piece->read = reads_.start(part.start, std::move(request), [this, scan, piece](Result<proto::ReadReply> reply) {
    answered(scan, piece, std::move(reply));
  });
}

void Scans::answered(const ScanPtr& scan, Pieces::iterator piece, Result<proto::ReadReply> reply) {
  piece->read = 0;
  if (reply) {
    if (reply->rest) scan->pieces.insert(std::next(piece), {.span = *std::move(reply->rest), .read = 0, .rows = {}});
    piece->rows = std::move(reply->rows);
    return go_on(scan);
  }
  if (reply.error().code == Code::wrong_range && ++scan->regroupings <= regroup_max) return ask(scan);
  if (!scan->done || piece != scan->pieces.begin()) return;  // asked for again when somebody wants it
  auto done = std::exchange(scan->done, nullptr);
  stop(*scan);
  done(std::unexpected(std::move(reply.error())));
}

void Scans::keep(const ScanPtr& scan) {
  kept_.push_back(scan);
  if (kept_.size() <= kept_max) return;
  stop(*kept_.front());
  kept_.pop_front();
}

void Scans::stop(Scan& scan) {
  for (const auto& piece : scan.pieces) {
    if (piece.read != 0) reads_.drop(piece.read);
  }
  scan.pieces.clear();
}

void Scans::leave(const env::KeySpan& rest) {
  std::erase_if(kept_, [&](const ScanPtr& scan) {
    if (scan->request.span != rest) return false;
    stop(*scan);
    return true;
  });
}

void Scans::leave_all() {
  for (const ScanPtr& scan : std::exchange(kept_, {})) stop(*scan);
}

}  // namespace ddb::client
