# Souk builds with GNU make. The targets that people use:
#   make            bin/souk, bin/souk-server, build/libsouk.{a,so}, build/souk.pc
#   make demo       install what is missing, build, generate data, train on 2 servers and 2 workers
#   make test       install what is missing, build, run every test
#   make bench      measure; prints and writes build/bench.json
#   make bench-policy  policies in simulation, estimates of their value; see tests/bench/policy.sh
#   make bench-din  DIN beside PyTorch on one core; see tests/bench/din.sh
#   make check      layers, formatting, warnings with gcc and clang, shell scripts
#   make fuzz       run the fuzzers (clang) for FUZZ_SECONDS each
#   make install    programs, library, headers, pkg-config file under PREFIX
# Variables: SANITIZER=address|undefined|address+undefined|thread  DEBUG=1  ARCH=native|x86-64-v3|...
.DEFAULT_GOAL := all
SHELL := /bin/bash

VERSION := $(shell sed -n 's/^\#define SOUK_VERSION "\(.*\)"/\1/p' include/souk/types.h)
PREFIX ?= /usr/local
CC ?= cc
DEBUG ?= 0
SANITIZER ?=
WERROR ?= 0
FUZZ_SECONDS ?= 20

# ---- variables are checked: an unknown value is an error, never ignored ----
ifeq ($(filter $(SANITIZER),address undefined address+undefined thread),)
ifneq ($(SANITIZER),)
$(error SANITIZER=$(SANITIZER) is unknown; use address, undefined, address+undefined or thread)
endif
endif
ifeq ($(filter $(DEBUG),0 1),)
$(error DEBUG=$(DEBUG) is unknown; use 0 or 1)
endif
ifeq ($(filter $(WERROR),0 1),)
$(error WERROR=$(WERROR) is unknown; use 0 or 1)
endif
ifeq ($(shell uname -m),x86_64)
ARCH ?= x86-64-v3
endif
# Without a compiler, as on a fresh machine before install-deps.sh has run, nobody can be asked.
ifneq ($(and $(ARCH),$(shell command -v $(firstword $(CC)))),)
ifneq ($(shell $(CC) -march=$(ARCH) -x c -fsyntax-only /dev/null >/dev/null 2>&1 && echo ok),ok)
$(error ARCH=$(ARCH) is unknown to $(CC); try native, x86-64-v3 or x86-64-v2)
endif
endif

# ---- folders: programs of a plain build go to bin/, those of a variant stay in its own folder ----
VARIANT := $(if $(SANITIZER),-$(subst +,-,$(SANITIZER)))$(if $(filter 1,$(DEBUG)),-debug)
BUILD ?= build$(if $(VARIANT),/variant$(VARIANT))
BIN ?= $(if $(VARIANT),$(BUILD)/bin,bin)

# ---- flags ----
LIB_PKGS := libzmq liblz4 libxxhash
PKGS := $(LIB_PKGS) openblas yaml-0.1 zlib jansson
MSGPACK := $(shell for p in msgpack-c msgpack; do pkg-config --exists $$p 2>/dev/null && echo $$p && break; done)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) $(MSGPACK) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) $(MSGPACK) 2>/dev/null) -lm -lpthread
LIB_LIBS := $(shell pkg-config --libs $(LIB_PKGS) $(MSGPACK) 2>/dev/null) -lm -lpthread
MPI_CFLAGS := $(shell pkg-config --cflags ompi-c 2>/dev/null)
MPI_LIBS := $(shell pkg-config --libs ompi-c 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wundef -Wformat=2 -Wno-missing-field-initializers
comma := ,
SAN_FLAG := $(if $(SANITIZER),-fsanitize=$(subst +,$(comma),$(SANITIZER)) -fno-omit-frame-pointer)

CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -g -I. -Iinclude -fPIC -fvisibility=hidden -pthread \
             $(if $(filter 1,$(DEBUG)),-O0,-O3 -fno-math-errno -fno-trapping-math) $(if $(ARCH),-march=$(ARCH)) $(WARNINGS) \
             $(if $(filter 1,$(WERROR)),-Werror) $(SAN_FLAG) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pthread $(SAN_FLAG) $(LDFLAGS)

# ---- sources are found, not listed: a new file takes part at once ----
COMMON_SRC := $(wildcard common/*/*.c)
CLIENT_SRC := $(wildcard worker/client/*.c)
SERVER_SRC := $(filter-out server/main.c,$(wildcard server/*.c))
WORKER_SRC := $(filter-out worker/main.c,$(wildcard worker/*.c worker/*/*.c))
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
# Without common/text, and so without the libraries that read configurations and manifests.
LIB_OBJ := $(call obj,$(filter-out common/text/%,$(COMMON_SRC)) $(CLIENT_SRC))
ALL_OBJ := $(call obj,$(COMMON_SRC) $(SERVER_SRC) $(WORKER_SRC))

# Files that change only when their text does: what was built with other flags, or for another prefix,
# is stale then.
$(BUILD)/flags: TEXT = $(CC) $(CFLAGS_ALL) $(MPI_CFLAGS) $(LDFLAGS_ALL) $(PKG_LIBS) $(MPI_LIBS)
$(BUILD)/prefix: TEXT = $(PREFIX)
quoted = '$(subst ','\'',$(1))'
.PHONY: always
$(BUILD)/flags $(BUILD)/prefix: always
	@mkdir -p $(@D)
	@echo $(call quoted,$(TEXT)) | cmp -s - $@ || echo $(call quoted,$(TEXT)) > $@

.PHONY: all lib install clean demo test bench bench-din bench-policy benches check fuzz deps tests format
all: $(BIN)/souk $(BIN)/souk-server lib
lib: $(BUILD)/libsouk.a $(BUILD)/libsouk.so $(BUILD)/souk.pc

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@
$(BUILD)/obj/worker/comm/comm_mpi.o: private CFLAGS_ALL += $(MPI_CFLAGS)

$(BIN)/souk: $(ALL_OBJ) $(call obj,worker/main.c)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS) $(MPI_LIBS)
$(BIN)/souk-server: $(call obj,$(COMMON_SRC) $(SERVER_SRC) server/main.c)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS)

# One object whose inner names are local: only souk_* can clash with a program's own.
$(BUILD)/libsouk.a: $(LIB_OBJ)
	ld -r -o $(BUILD)/libsouk.o $^
	objcopy --localize-hidden $(BUILD)/libsouk.o
	rm -f $@; ar rcs $@ $(BUILD)/libsouk.o
$(BUILD)/libsouk.so: $(LIB_OBJ)
	$(CC) $(LDFLAGS_ALL) -shared -Wl,-soname,libsouk.so.0 $(if $(SANITIZER),,-Wl,-z,defs) $^ -o $@ $(LIB_LIBS)
$(BUILD)/souk.pc: include/souk/types.h Makefile $(BUILD)/prefix
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'Name: souk' 'Description: client of the Souk parameter servers' \
	  'Version: $(VERSION)' 'Requires.private: $(LIB_PKGS) $(MSGPACK)' 'Cflags: -I$${prefix}/include' \
	  'Libs: -L$${prefix}/lib -lsouk' 'Libs.private: -lm -lpthread' > $@

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/souk
	install $(BIN)/souk $(BIN)/souk-server $(DESTDIR)$(PREFIX)/bin
	install -m 644 include/souk/*.h $(DESTDIR)$(PREFIX)/include/souk
	install -m 644 $(BUILD)/libsouk.a $(DESTDIR)$(PREFIX)/lib
	install $(BUILD)/libsouk.so $(DESTDIR)$(PREFIX)/lib/libsouk.so.0
	ln -sf libsouk.so.0 $(DESTDIR)$(PREFIX)/lib/libsouk.so
	install -m 644 $(BUILD)/souk.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig

# ---- tests: one program a file; scripts of tests/integration run as they are ----
TEST_SRC := $(wildcard tests/unit/test_*.c tests/integration/test_*.c)
TEST_BIN := $(patsubst %.c,$(BUILD)/%,$(TEST_SRC))
SUPPORT_OBJ := $(call obj,$(wildcard tests/support/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
REPLAY_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/replay_%,$(FUZZ_SRC))
BENCH_BIN := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))

tests: $(TEST_BIN) $(REPLAY_BIN)
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(SUPPORT_OBJ) $(ALL_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS) $(MPI_LIBS) -lcmocka
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $(ALL_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS) $(MPI_LIBS)

# For tests/fuzz/run.sh, which brings clang and its flags.
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(FUZZ_SRC))
.PHONY: fuzz-objects
fuzz-objects: $(FUZZ_BIN)
$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(ALL_OBJ)
	$(CC) -fsanitize=fuzzer,address,undefined $^ -o $@ $(PKG_LIBS) $(MPI_LIBS)

deps:
	@scripts/install-deps.sh
# The sub-make is on purpose: pkg-config answers differently once the packages are there.
test: deps
	@$(MAKE) --no-print-directory all tests
	@BUILD=$(BUILD) BIN=$(BIN) tests/run.sh
demo: deps
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) all
	@BIN=$(BIN) scripts/demo.sh
benches: $(BENCH_BIN)
bench: $(BIN)/souk $(BIN)/souk-server $(BENCH_BIN)
	@BUILD=$(BUILD) BIN=$(BIN) tests/bench/run.sh
bench-din: $(BIN)/souk $(BUILD)/tests/bench/bench_din
	@BUILD=$(BUILD) BIN=$(BIN) tests/bench/din.sh
bench-policy: $(BIN)/souk $(BIN)/souk-server $(BUILD)/tests/bench/bench_env $(BUILD)/tests/bench/bench_ope
	@BUILD=$(BUILD) BIN=$(BIN) tests/bench/policy.sh
check: deps
	@scripts/check.sh
fuzz: deps
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh
format:
	clang-format -i $$(git ls-files '*.c' '*.h')
clean:
	rm -rf build bin

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
