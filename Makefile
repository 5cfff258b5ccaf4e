# Builds, installs and tests remigrate by PostgreSQL's PGXS.
#
#   make                      build for the server of pg_config
#   make install              install into that server
#   make installcheck         regression tests against a running server
#   make demo [KEEP=1]        see it work on a throw-away server
#   make test [SUITE=regress] run everything on a throw-away server
#   make test-matrix          the same on 17, 18 and 19 too, in chroots
#   make test-upgrade         pg_upgrade from 15 to 18, in chroots
#   make test-assert, test-discard, test-sanitize, test-valgrind
#                             the same on a server that looks closer (test/with)
#   make fuzz [SECONDS=600]   random scripts and calls (test/fuzz)
#   make coverage             the same, and which lines it didn't run
#   make dist, deb, image     what is given away, in tmp_check/dist: a zip for
#                             PGXN, Debian packages, an extension image
#   make test-package         make them and try them, here and on 18
#   make check-static         cppcheck, clang-tidy, gcc -fanalyzer, shellcheck
#   make bench [BENCH=a]      how fast it is, beside psql and other tools
#   make format               PostgreSQL's pgindent over the C (test/format)
#   make check-format         has it been there?
#
# PG_CONFIG=… names another server, WERROR=no lets warnings pass, and
# with_llvm=no leaves out the bitcode.  `demo` and `test` need nothing
# installed beforehand: they fetch what they need by apt (and say so).

# One test a line, so that two branches can each add one.
REGRESS ?= \
	apply \
	known \
	refused \
	errors \
	input \
	session \
	status \
	inspect \
	toplevel \
	migrate \
	outside \
	repair \
	deploy \
	require \
	recording \
	locks \
	reconcile \
	caller \
	look \
	derived \
	named \
	found \
	guarded \
	triggers \
	partitions \
	adopted

ISOLATION ?= \
	appliers \
	holders \
	blockers \
	deployers \
	builds \
	scripts \
	stagers

EXTENSION = remigrate
MODULE_big = remigrate
PGFILEDESC = "remigrate - schema migrations, run by the database"

# The sources are in $(VPATH) when the build folder is another one.
top := $(or $(VPATH),.)
in_top = $(patsubst $(top)/%,%,$(sort $(wildcard $(addprefix $(top)/,$(1)))))

OBJS := $(patsubst %.c,%.o,$(call in_top,src/*.c))
DATA := $(call in_top,sql/remigrate--*.sql)

# The client is one file, so that it can be copied to where it is used.
CLIENT = $(patsubst %,src/bin/%.sh,begin channel url folder calls missing \
	deploy status change main)
MANUAL := $(call in_top,src/bin/*.1)

PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
ifneq ($(WERROR),no)
PG_CFLAGS += -Werror
endif

PROVE_TESTS ?= $(call in_top,test/t/*.pl)
ifneq ($(PROVE_TESTS),)
TAP_TESTS = 1
endif

EXTRA_CLEAN = src/bin/remigrate .flags test/results test/output_iso

all:

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))

ifneq ($(PGXS),)
REGRESS_OPTS = --load-extension=remigrate
ISOLATION_OPTS = --inputdir=$(top)/test --load-extension=remigrate
# Since 16, where the expected output lies is said apart.
ifneq ($(shell $(dir $(PGXS))../test/regress/pg_regress --help | grep expecteddir),)
ISOLATION_OPTS += --expecteddir=$(top)/test
endif

include $(PGXS)

src/bin/remigrate: $(CLIENT)
	@$(MKDIR_P) $(@D)
	cat $^ >$@
	chmod +x $@

all: src/bin/remigrate
install: install-client
install-client: src/bin/remigrate $(MANUAL) | installdirs
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_SCRIPT) $< '$(DESTDIR)$(bindir)/'
	$(INSTALL_DATA) $(filter %.1,$^) '$(DESTDIR)$(mandir)/man1/'

uninstall: uninstall-client
uninstall-client:
	rm -f '$(DESTDIR)$(bindir)/remigrate' '$(DESTDIR)$(mandir)/man1/remigrate.1'

# Objects built for another server, or with other flags, are stale.
flags = $(shell $(PG_CONFIG) --version --configure) \
	$(CC) $(CFLAGS) $(PG_CPPFLAGS) $(SHLIB_LINK)
.flags: always
	@$(MKDIR_P) src
	@$(file >$@.new,$(flags)) cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(OBJS) $(OBJS:.o=.bc): $(wildcard $(top)/src/*.h) .flags
else
all install uninstall clean installcheck:
	@echo '$(PG_CONFIG) leads to no PGXS: install the server'\''s development' \
	  'package (test/install-packages does), or set PG_CONFIG' >&2; exit 1
endif

demo:
	@test/demo $(if $(KEEP),--keep)

# What is set on the command line (SUITE, REGRESS, PG_CONFIG, …) reaches the
# script by the environment.
test:
	@test/run

test-matrix:
	@test/matrix $(MAJORS)

# 75: it can't be had here, and why has been said.
test-upgrade:
	@test/upgrade $(OLD) $(NEW) || [ $$? = 75 ]

test-assert test-discard test-sanitize test-valgrind:
	@test/with $(@:test-%=%)

coverage:
	@test/with coverage

# SECONDS, SEED, CALLS and more reach it by the environment.
fuzz:
	@test/fuzz

dist:
	@test/package/build zip $(FOLDER)

deb:
	@test/install-packages package
	@test/package/build deb $(FOLDER)

image:
	@test/package/build image $(FOLDER)

test-package:
	@test/install-packages package
	@E2E=test/e2e/package test/matrix native 18

check-static:
	@test/static

bench:
	@test/bench

format:
	@test/format

check-format:
	@test/format --check

# For test/run: the value of a variable of this file.
print-%:
	@echo '$($*)'

always:

.PHONY: all always install-client uninstall-client
.PHONY: demo test test-matrix test-upgrade test-assert test-discard \
	test-sanitize test-valgrind test-package
.PHONY: bench check-static check-format coverage format fuzz dist deb image
