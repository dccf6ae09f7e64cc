#include "session.hpp"

namespace ddb::split {

Result<const sql::Schema*> Session::schema() {
  if (!schema_) {
    client::MetaClient meta{cluster.oracle(), executor};
    auto stored = sql::SchemaStore{meta}.load();
    if (!stored) return std::unexpected(stored.error());
    schema_ = std::move(stored->schema);
  }
  return &*schema_;
}

Result<const sql::Table*> Session::table(std::string_view name) {
  const auto all = schema();
  if (!all) return std::unexpected(all.error());
  const sql::Table* found = (*all)->find_table(name);
  if (found == nullptr) return fail(Code::not_found, "there is no table " + std::string{name});
  return found;
}

void Session::pause(Duration length) {
  bool over = false;
  net::Timer timer{loop_};
  timer.after(length, [&] { over = true; });
  loop_.run_until([&] { return over; });
}

}  // namespace ddb::split
