#include "status.hpp"

#define MSGPACK_NO_BOOST
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <msgpack.hpp>
#include <memory>
#include <optional>
#include <span>

#include "codec/pack.hpp"
#include "net/connection.hpp"

namespace ddb::route {

namespace {

constexpr Duration answer_timeout = std::chrono::seconds{2};

using Figures = std::map<std::string, uint64_t>;

Result<std::vector<net::Address>> gateways(const std::vector<std::string>& texts) {
  std::vector<net::Address> addresses;
  for (const auto& text : texts) {
    auto address = net::parse_address(text);
    if (!address) return std::unexpected(address.error());
    addresses.push_back(*std::move(address));
  }
  if (!addresses.empty()) return addresses;
  const char* const variable = std::getenv("DDB_RPC");
  if (variable == nullptr || *variable == '\0') return fail(Code::usage, "no gateway given", "name HOST:PORT or set DDB_RPC");
  return net::parse_addresses(variable);
}

/// [0, 0, "status", []]
Bytes status_call() {
  Bytes out;
  codec::Packer packer{out};
  packer.array(4);
  packer.u64(0);
  packer.u64(0);
  packer.str("status");
  packer.array(0);
  return out;
}

/// Of [1, id, nil, {name: number...}].
Result<Figures> figures_of(const msgpack::object& reply) {
  const auto bad = fail(Code::bad_data, "that is no gateway's answer");
  if (reply.type != msgpack::type::ARRAY || reply.via.array.size != 4) return bad;
  const auto& result = reply.via.array.ptr[3];
  if (result.type != msgpack::type::MAP) return bad;
  Figures figures;
  for (const auto& [name, value] : result.via.map) {
    const bool fits = name.type == msgpack::type::STR && value.type == msgpack::type::POSITIVE_INTEGER;
    if (fits) figures[name.as<std::string>()] = value.via.u64;
  }
  return figures;
}

/// Asks one gateway, once.
class Question {
 public:
  Question(net::Loop& loop, net::Address gateway)
      : address{std::move(gateway)},
        timer_{loop},
        dialer_{std::in_place, loop, address, answer_timeout, net::ConnectionOptions{.framed = false},
                [this](Result<net::ConnectionPtr> dialed) { connected(std::move(dialed)); }} {
    timer_.after(answer_timeout, [this] { finish(fail(Code::unavailable, "no answer in time")); });
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  const net::Address address;
  std::optional<Result<Figures>> answer;

 private:
  void connected(Result<net::ConnectionPtr> dialed) {
    if (!dialed) return finish(std::unexpected(dialed.error()));
    connection_ = *std::move(dialed);
    connection_->start({.frame = [this](BytesView piece) { received(piece); },
                        .closed = [this](const Error& reason) { finish(std::unexpected(reason)); }});
    connection_->send(status_call());
  }

  void received(BytesView piece) {
    reader_.reserve_buffer(piece.size());
    std::memcpy(reader_.buffer(), piece.data(), piece.size());
    reader_.buffer_consumed(piece.size());
    msgpack::object_handle reply;
    try {
      if (reader_.next(reply)) finish(figures_of(reply.get()));
    } catch (const msgpack::unpack_error&) {
      finish(fail(Code::bad_data, "that is no gateway's answer"));
    }
  }

  void finish(Result<Figures> result) {
    timer_.cancel();
    if (!answer) answer = std::move(result);
  }

  net::Timer timer_;
  std::optional<net::Dialer> dialer_;
  net::ConnectionPtr connection_;
  msgpack::unpacker reader_;
};

const std::vector<std::string> counts{"uptime_seconds", "connections", "statements", "errors", "requests", "requests_misrouted",
                                      "map_reads", "timestamp_requests", "timestamps", "commits_one_range",
                                      "commits_several_ranges", "commits_failed", "restarts", "recoveries"};

/// How many of a hundred requests went the right way at once; NULL: none was sent.
std::optional<double> hit_percent(const Figures& figures) {
  const auto at = [&](const char* name) {
    const auto found = figures.find(name);
    return found == figures.end() ? 0.0 : static_cast<double>(found->second);
  };
  const double requests = at("requests");
  if (requests == 0) return std::nullopt;
  return std::round(10'000 * (requests - at("requests_misrouted")) / requests) / 100;
}

void print(cli::Output& out, const std::string& address, const Figures& figures) {
  std::vector<cli::Cell> cells{std::string_view{address}, cli::cell(hit_percent(figures))};
  for (const auto& name : counts) {
    const auto found = figures.find(name);  // an older gateway counts less
    cells.push_back(found == figures.end() ? cli::Cell{} : cli::Cell{found->second});
  }
  out.row(std::span<const cli::Cell>{cells});
}

}  // namespace

Result<void> status(cli::Context& context, const std::vector<std::string>& addresses) {
  const auto asked = gateways(addresses);
  if (!asked) return std::unexpected(asked.error());
  net::Loop loop;
  std::vector<std::unique_ptr<Question>> questions;
  for (const auto& address : *asked) questions.push_back(std::make_unique<Question>(loop, address));
  loop.run_until([&] { return std::ranges::all_of(questions, [](const auto& one) { return one->answer.has_value(); }); });

  std::vector<std::string> columns{"address", "hit_percent"};
  columns.insert(columns.end(), counts.begin(), counts.end());
  context.out().columns(std::move(columns));
  bool silent = false;
  for (const auto& one : questions) {
    const std::string address = net::to_string(one->address);
    if (*one->answer) {
      print(context.out(), address, **one->answer);
    } else {
      context.note(address + ": " + to_string(one->answer->error()));
      silent = true;
    }
  }
  return silent ? fail(Code::unavailable, "not every gateway answered", "see the lines above") : Result<void>{};
}

}  // namespace ddb::route
