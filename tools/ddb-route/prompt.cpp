#include "prompt.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
// readline's header wants stdio's first
#include <readline/history.h>
#include <readline/readline.h>

namespace ddb::route {

namespace {

constexpr int history_lines_max = 10'000;
constexpr const char* first_prompt = "ddb> ";
constexpr const char* next_prompt = "...> ";

// readline hands lines to a plain function.
std::optional<std::string> got;
bool ended = false;
bool at_prompt = false;

Prompt::Complete complete_word;
std::vector<std::string> offered;

/// readline asks until it gets a null pointer, and frees what it got.
char* next_completion(const char* begun, int asked) {
  if (asked == 0) {
    offered = complete_word(begun);
    std::ranges::reverse(offered);
  }
  if (offered.empty()) return nullptr;
  const std::string word = offered.back();
  offered.pop_back();
  return strdup(word.c_str());
}

/// File names stay readline's business behind .read, .import and in quotes.
char** complete_at(const char* begun, int start, int) {
  const std::string_view line{rl_line_buffer};
  const bool file = line.starts_with(".read") || line.starts_with(".import") || (start > 0 && line[static_cast<size_t>(start) - 1] == '\'');
  if (file) return nullptr;
  rl_attempted_completion_over = 1;
  return rl_completion_matches(begun, next_completion);
}

void on_line(char* text) {
  at_prompt = false;
  rl_callback_handler_remove();  // the terminal is the user's again while the statement runs
  if (text == nullptr) {
    ended = true;
    return;
  }
  got = text;
  std::free(text);
}

}  // namespace

Prompt::Prompt(net::Loop& loop, client::Fibers& fibers, Complete complete) : readable_{STDIN_FILENO, loop, fibers} {
  if (const char* const home = std::getenv("HOME")) history_ = std::string{home} + "/.ddb_history";
  rl_readline_name = "ddb";
  complete_word = std::move(complete);
  rl_attempted_completion_function = complete_at;
  rl_basic_word_break_characters = " \t\n\"'`(),;=<>+-*/|&!%.";
  rl_variable_bind("completion-ignore-case", "on");
  rl_catch_signals = 0;  // the loop has them
  using_history();
  stifle_history(history_lines_max);
  if (!history_.empty()) read_history(history_.c_str());
}

Prompt::~Prompt() {
  if (at_prompt) rl_callback_handler_remove();
  // The shell's prompt needs a line of its own. With bracketed paste readline has seen to that.
  if (std::string_view{rl_variable_value("enable-bracketed-paste")} != "on") std::fputc('\n', stdout);
  if (!history_.empty()) write_history(history_.c_str());
}

std::string_view Prompt::read(bool inside_statement) {
  got.reset();
  at_prompt = true;
  rl_callback_handler_install(inside_statement ? next_prompt : first_prompt, on_line);
  while (!got && !ended && readable_.wait()) rl_callback_read_char();
  if (!got) return {};
  line_ = *std::move(got);
  if (!line_.empty()) add_history(line_.c_str());
  line_ += '\n';
  return line_;
}

void Prompt::drop_line() {
  std::fputs("^C\n", stdout);
  rl_replace_line("", 1);
  rl_set_prompt(first_prompt);
  rl_on_new_line();
  rl_redisplay();
}

void Prompt::suspend() {
  if (at_prompt) rl_deprep_terminal();
  struct sigaction stop {};
  struct sigaction own {};
  stop.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &stop, &own);
  raise(SIGTSTP);
  sigaction(SIGTSTP, &own, nullptr);
  if (!at_prompt) return;
  rl_prep_terminal(1);
  rl_forced_update_display();
}

bool Prompt::reading() const { return at_prompt; }

}  // namespace ddb::route
