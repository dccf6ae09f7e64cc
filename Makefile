# ddb: `make` builds bin/ddb-*; `make check` runs every test. See README.md.

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
V       ?= 0

CXX      ?= g++
CXXFLAGS ?= -O2 -g1
# g++ 12 warns of overflows in std::string that are none (GCC bugs 105329, 105651), where it inlines as a cold build does.
WARNINGS := -Wall -Wextra -Wshadow -Werror -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
ALL_CXXFLAGS := -std=c++23 -Ilibshared -MMD -MP -pthread $(WARNINGS) $(CXXFLAGS)
ifneq ($(shell command -v ccache 2>/dev/null),)
COMPILE := ccache $(CXX)
else
COMPILE := $(CXX)
endif
# A cold build, without ccache, precompiles the headers that all files parse, and leaves tests unoptimised. With ccache
# files are compiled one by one: it would have to hash the precompiled headers for each, and a missing #include shows.
COLD := $(if $(filter ccache,$(COMPILE)),$(CCACHE_DISABLE),1)
STD_HEADERS := algorithm array atomic chrono cmath cstdint cstring deque expected functional map memory mutex optional \
  random ranges set span sstream string string_view tuple utility variant vector
LIBS := -lsqlite3 -llmdb -lboost_context -lfmt -lisal -lreadline -labsl_throw_delegate -labsl_raw_logging_internal -lpthread

ifeq ($(V),0)
Q := @
say = @printf '%-8s %s\n' $(1) $(2);
endif

# The layers, in order: a folder includes only folders before it (t/0002-layers.t).
CORE_DIRS  := base env check codec proto raft mvcc range oracle txn policy
SHELL_DIRS := wal lmdb net host client server sql cli gateway pg bench

# What each layer's unit tests link: its declared dependencies and nothing else.
needs_base   := base
needs_env    := base env
needs_check  := base env check
needs_codec  := base env codec
needs_proto  := $(needs_codec) proto
needs_raft   := $(needs_proto) raft
needs_mvcc   := $(needs_codec) mvcc
needs_range  := $(needs_raft) mvcc range
needs_oracle := $(needs_raft) mvcc range oracle
needs_txn    := $(needs_proto) txn
needs_policy := $(needs_proto) policy
needs_wal    := $(needs_proto) wal
needs_lmdb   := $(needs_wal) lmdb
needs_net    := $(needs_proto) net
needs_host   := $(needs_oracle) wal lmdb net host
needs_client := $(needs_txn) net client
needs_sql    := $(needs_codec) sql
needs_cli    := $(needs_net) cli
needs_bench  := base env check bench
needs_gateway := $(needs_client) check sql cli gateway
needs_pg     := $(needs_gateway) pg

sources = $(wildcard libshared/$(1)/*.cpp)
objects = $(patsubst %.cpp,$(BUILD)/%.o,$(1))

CORE_OBJS  := $(call objects,$(foreach d,$(CORE_DIRS),$(call sources,$(d))))
SHELL_OBJS := $(call objects,$(foreach d,$(SHELL_DIRS),$(call sources,$(d))))
TOOLS      := $(patsubst tools/%/main.cpp,%,$(wildcard tools/*/main.cpp))
FUZZERS    := $(addprefix $(BUILD)/fuzz-,$(filter-out main,$(patsubst t/fuzz/%.cpp,%,$(wildcard t/fuzz/*.cpp))))
UNIT_DIRS  := $(sort $(patsubst t/unit/%/,%,$(dir $(wildcard t/unit/*/*.cpp))))
BINS       := $(addprefix bin/,$(TOOLS))
ALL_OBJS   := $(call objects,$(wildcard libshared/*/*.cpp tools/*/*.cpp t/unit/*.cpp t/unit/*/*.cpp t/fuzz/*.cpp t/sim/*.cpp))

.PHONY: all tests check sim mutants fuzz san install uninstall clean rewrite
.SECONDARY:

all: $(BINS)

CHECKERS := $(addprefix $(BUILD)/unit-,$(UNIT_DIRS)) $(BUILD)/sim $(FUZZERS)

tests: all $(CHECKERS)

check: tests mutants
	$(Q)prove --timer t

ifneq ($(COLD),)
$(BUILD)/pch/std.hpp $(BUILD)/pch/unit.hpp: Makefile
	@mkdir -p $(@D)
	$(Q)printf '#include <%s>\n' $(STD_HEADERS) $(if $(findstring unit,$@),doctest/doctest.h) >$@
$(BUILD)/pch/%.hpp.gch: $(BUILD)/pch/%.hpp
	$(call say,PCH,$<) $(CXX) $(ALL_CXXFLAGS) $(if $(findstring unit,$<),-O0) -x c++-header -o $@ $<
$(filter-out $(BUILD)/t/unit/%,$(ALL_OBJS)): $(BUILD)/pch/std.hpp.gch
$(filter-out $(BUILD)/t/unit/%,$(ALL_OBJS)): private ALL_CXXFLAGS += -include $(BUILD)/pch/std.hpp
$(filter $(BUILD)/t/unit/%,$(ALL_OBJS)): $(BUILD)/pch/unit.hpp.gch
$(filter $(BUILD)/t/unit/%,$(ALL_OBJS)): private ALL_CXXFLAGS += -O0 -include $(BUILD)/pch/unit.hpp
endif

$(BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	$(call say,CXX,$<) $(COMPILE) $(ALL_CXXFLAGS) -c -o $@ $<

$(BUILD)/libddbcore.a: $(CORE_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libddb.a: $(SHELL_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

define tool_rule
bin/$(1): $$(call objects,$$(wildcard tools/$(1)/*.cpp)) $$(BUILD)/libddb.a $$(BUILD)/libddbcore.a
	$$(call say,LINK,$$@) $$(CXX) $$(ALL_CXXFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach tool,$(TOOLS),$(eval $(call tool_rule,$(tool))))

# Unit tests of one layer: build/unit-raft and so on. t/unit/DIR/ mirrors libshared/DIR/.
define unit_rule
$$(BUILD)/unit-$(1): $$(call objects,$$(foreach d,$$(needs_$(1)),$$(call sources,$$(d))) $$(wildcard t/unit/$(1)/*.cpp) t/unit/main.cpp)
	$$(call say,LINK,$$@) $$(CXX) $$(ALL_CXXFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach dir,$(UNIT_DIRS),$(eval $(call unit_rule,$(dir))))
$(BUILD)/t/%.o: ALL_CXXFLAGS += -It

# The simulator: whole clusters of cores from one seed.
$(BUILD)/sim: $(call objects,$(wildcard t/sim/*.cpp) libshared/client/range_map.cpp) $(BUILD)/libddbcore.a
	$(call say,LINK,$@) $(CXX) $(ALL_CXXFLAGS) -o $@ $^ $(LIBS)

# One program per decoder: with t/fuzz/main.cpp for a driver, or, by clang, libFuzzer instead of it.
$(BUILD)/fuzz-%: $(BUILD)/t/fuzz/%.o $(BUILD)/t/fuzz/main.o $(BUILD)/libddb.a $(BUILD)/libddbcore.a
	$(call say,LINK,$@) $(CXX) $(ALL_CXXFLAGS) -o $@ $^ $(LIBS)

sim: $(BUILD)/sim
	$(Q)$(BUILD)/sim --seeds 1000

# The same code with switches that drop one rule (libshared/base/rule.hpp), to see that a test notices.
MUTANTS := sim $(addprefix unit-,raft range oracle txn wal lmdb)
mutants:
	$(Q)$(MAKE) BUILD=build-mutants CXXFLAGS="$(CXXFLAGS) -DDDB_MUTATIONS" $(addprefix build-mutants/,$(MUTANTS))

# Recorded interaction scripts: rewrite what was recorded, then review the diff.
rewrite: $(BUILD)/unit-raft
	$(Q)DDB_REWRITE=1 $(BUILD)/unit-raft

# With AddressSanitizer and UndefinedBehaviorSanitizer, in a tree of its own. They confuse gcc's flow analysis.
SAN := BUILD=build-san CXXFLAGS="-O1 -g1 -Wno-maybe-uninitialized -fsanitize=address,undefined -fno-sanitize-recover=all"
SAN_SEEDS  ?= 20
FUZZ_COUNT ?= 1000000

san:
	$(Q)$(MAKE) $(SAN) run-checkers

fuzz:
	$(Q)$(MAKE) $(SAN) run-fuzzers

.PHONY: run-checkers run-fuzzers
run-checkers: $(CHECKERS)
	$(Q)set -e; for unit in $(filter $(BUILD)/unit-%,$^); do echo $$unit; $$unit; done; $(BUILD)/sim --seeds $(SAN_SEEDS)

run-fuzzers: $(FUZZERS)
	$(Q)set -e; for fuzzer in $^; do echo $$fuzzer; $$fuzzer --count $(FUZZ_COUNT); done

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
	  $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(BINS) scripts/ddb-* $(DESTDIR)$(PREFIX)/bin
	for s in 1 5 7; do install -m 644 man/*.$$s $(DESTDIR)$(PREFIX)/share/man/man$$s; done
	install -m 644 scripts/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/ddb

clean:
	rm -rf build build-* $(BINS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
