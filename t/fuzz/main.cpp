// A driver for fuzz targets where the compiler brings none: bends the seeds, the same way in every run.
//
//   fuzz-NAME [--from I] [--count N] [FILE...]
//
// Input I is a function of the target and I alone; a crash prints the command that repeats it. Files are given as they are.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "env/random.hpp"
#include "fuzz/fuzz.hpp"

using namespace ddb;

namespace {

constexpr size_t input_bytes_max = 4096;
constexpr uint64_t bends_max = 8;  // of one input

const char* program = "";
uint64_t current = 0;

/// Bytes and lengths that formats treat specially.
constexpr unsigned char special[] = {0x00, 0x01, 0x02, 0x05, 0x0e, 0x18, 0x21, 0x30, 0x31, 0x7f, 0x80, 0x90,
                                     0x9f, 0xc0, 0xc4, 0xc6, 0xcc, 0xcf, 0xd3, 0xdc, 0xdd, 0xfe, 0xff, '\''};

void bend(Bytes& input, const Bytes& other, Random& random) {
  const size_t at = random.below(input.size() + 1);
  const size_t size = random.below(std::min<size_t>(input.size() - at, 16) + 1);
  switch (random.below(8)) {
    case 0: if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random.below(8))); break;
    case 1: if (at < input.size()) input[at] = static_cast<char>(special[random.below(sizeof special)]); break;
    case 2: input.insert(at, 1, static_cast<char>(random.next())); break;
    case 3: input.erase(at, size); break;
    case 4: input.insert(at, input.substr(at, size)); break;                         // a part twice
    case 5: input.insert(random.below(input.size() + 1), input.substr(at, size)); break;
    case 6: input.resize(at); break;                                                 // cut off
    default: input = input.substr(0, at) + other.substr(random.below(other.size() + 1)); break;
  }
  if (input.size() > input_bytes_max) input.resize(input_bytes_max);
}

Bytes input_of(const std::vector<Bytes>& seeds, uint64_t number) {
  Random random{number};
  Bytes input = seeds[random.below(seeds.size())];
  if (number < seeds.size()) return seeds[number];
  for (uint64_t bends = 1 + random.below(bends_max); bends > 0; --bends) bend(input, seeds[random.below(seeds.size())], random);
  return input;
}

void run(const Bytes& input) {
  // A copy of exactly this size: a sanitizer sees a byte read behind it.
  const std::vector<uint8_t> copy(input.begin(), input.end());
  (void)LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

void tell() { std::fprintf(stderr, "repeat with: %s --from %llu --count 1\n", program, static_cast<unsigned long long>(current)); }

void on_death(int signal) {
  tell();
  ::signal(signal, SIG_DFL);
  raise(signal);
}

int run_file(const char* path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return std::fprintf(stderr, "%s: cannot read %s\n", program, path), 1;
  run({std::istreambuf_iterator<char>{file}, {}});
  return 0;
}

}  // namespace

extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));

int main(int argc, char** argv) {
  program = argv[0];
  uint64_t count = 10'000;
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    if (i + 1 < argc && std::strcmp(argv[i], "--from") == 0) current = std::strtoull(argv[++i], nullptr, 10);
    else if (i + 1 < argc && std::strcmp(argv[i], "--count") == 0) count = std::strtoull(argv[++i], nullptr, 10);
    else if (++files; run_file(argv[i]) != 0) return 1;
  }
  if (files > 0) return 0;
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tell);
  else for (const int death : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(death, on_death);
  const auto seeds = fuzz::seeds();
  for (const uint64_t end = current + count; current < end; ++current) run(input_of(seeds, current));
  return 0;
}
