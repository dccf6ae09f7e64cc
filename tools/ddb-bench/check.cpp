#include "check.hpp"

#include "verdict.hpp"

namespace ddb::bench {

Result<void> run_check(cli::Context& context, const CheckOptions& options) {
  auto history = read_history(options.file);
  if (!history) return std::unexpected(history.error());
  return judge(context, *history);
}

}  // namespace ddb::bench
