// The transactions of this process, and the protection of what the long ones read from being collected (F3, H2).
#pragma once

#include <functional>
#include <memory>

#include "client/oracle_client.hpp"

namespace ddb::client {

struct ReadersOptions {
  // A transaction that is this old is protected: well before anything may be collected (proto::collect_age_min), and late
  // enough that short ones, nearly all, cost nothing.
  Duration protect_after = std::chrono::seconds{2};
  Duration look_interval = std::chrono::milliseconds{500};  // at their ages
  Duration lease_ttl = std::chrono::seconds{10};  // how long the protection of a process that died goes on
};

/// One protection for all of them, at the lowest timestamp. Kept as long as needed; refused if ranges may have collected
/// above it: then the transaction hears of it when it reads (too_old, R5).
class Readers {
 public:
  Readers(OracleClient& oracle, const ReadersOptions& options = {});
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  struct Impl;

  /// A transaction, as long as it lives. May outlive its Readers.
  class Reader {
   public:
    Reader(const std::shared_ptr<Impl>& readers, std::function<Timestamp()> read_ts);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

   private:
    const std::weak_ptr<Impl> readers_;
    uint64_t id_;
  };

  /// `read_ts` says what the transaction reads at; zero: nothing yet.
  Reader add(std::function<Timestamp()> read_ts) { return Reader{impl_, std::move(read_ts)}; }

 private:
  const std::shared_ptr<Impl> impl_;
};

}  // namespace ddb::client
