#include "pg/prepared.hpp"

#include "pg/values.hpp"
#include "sql/head.hpp"

namespace ddb::pg {

namespace {

/// A place in the translation becomes one in the client's text.
SqlError in_text(SqlError error, const Translation& translation) {
  if (error.position) error.position->offset = translation.original_offset(error.position->offset);
  return error;
}

}  // namespace

Statement::Statement(std::string source, Translation made, Command what)
    : text{std::move(source)}, translation{std::move(made)}, command{std::move(what)}, kind{sql::parse_statement(sql()).head.kind} {}

SqlResult<std::shared_ptr<Statement>> Statement::make(std::string_view text) {
  if (auto checked = check_utf8(text); !checked) return std::unexpected(checked.error());
  auto translation = Translation::of(text);
  if (!translation) return std::unexpected(translation.error());
  auto command = command_of(translation->sql());
  if (!command) return std::unexpected(in_text(command.error(), *translation));
  return std::shared_ptr<Statement>{new Statement{std::string{text}, *std::move(translation), *std::move(command)}};
}

std::shared_ptr<Statement> Statement::of_sql(std::string_view sql) {
  return std::shared_ptr<Statement>{new Statement{std::string{sql}, Translation::none(sql), SqlCommand{}}};
}

}  // namespace ddb::pg
