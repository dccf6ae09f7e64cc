#include "range/oracle_calls.hpp"

namespace ddb::range {

void OracleCalls::answer(uint64_t token, Result<proto::OracleReply> reply) {
  const auto found = waiting_.find(token);
  if (found == waiting_.end()) return;  // answered already
  const Done done = std::move(found->second);
  waiting_.erase(found);
  if (reply && std::holds_alternative<Error>(*reply)) {
    reply = std::unexpected(std::get<Error>(*reply));
  } else if (reply && std::holds_alternative<proto::OracleRedirect>(*reply)) {
    reply = fail(Code::not_leader, "the oracle has no leader");
  }
  done(std::move(reply));
}

}  // namespace ddb::range
