#!/bin/sh
# remigrate: deploys a folder of Prisma migrations to a database that has the
# extension of that name, through whatever carries SQL there.  See remigrate(1).
#
# Each call is one statement with neither ";" nor anything but ASCII in its
# text, and safe to be repeated.  What is applied is what the database says to
# require_checksums, whatever became of the calls before: a channel may show no
# rows, or give up while the database works on.
set -u
# Names sort by their bytes, as they do in the server.
LC_ALL=C
export LC_ALL

version=0.1.0

usage() {
	cat <<-'END'
		Usage: remigrate COMMAND [OPTION]...

		Runs Prisma migrations inside a database that has the extension remigrate.

		Commands:
		  deploy     send the migrations that are not applied, and run them
		  status     show where each migration stands; with --json as JSON
		  resolve    settle a failed or edited migration, by one of
		             --applied NAME, --rolled-back NAME, --edited NAME
		  baseline   mark the migrations up to --upto NAME as applied, running none;
		             --force where the database does not look like it
		  repair     check what the journal claims, and put right what can be
		  sql        print deploy's calls, one a line, for any other channel

		Channel, one of:
		  --url URL            postgresql://..., by psql; else $DATABASE_URL
		  --lambda FUNCTION    an AWS Lambda function with a run-sql action, by aws
		  --exec COMMAND       a shell command that takes SQL on its standard input

		Options:
		  --dir FOLDER         the migrations (prisma/migrations)
		  --schema SCHEMA      the target schema (the URL's, or public)
		  --upto NAME          the last migration to look at
		  --dry-run            only look, and say what would be done
		  --lock-timeout TIME  how long a statement may wait for a lock, as '2s'
		  --timeout SECONDS    how long a call may take (3600; 900 by --lambda)
		  --wait SECONDS       how long to go on asking a database that is still at
		                       work (600)
		  --limit BYTES        the largest call that the channel carries
		                       (6000000 by --lambda, else 90000000)
		  --help, --version

		Exit status: 0 all is applied; 1 the database says that something is not;
		2 wrong usage, or no answer that could be trusted; 3 the database was still at
		work when --wait had passed.
	END
}

say() {
	printf 'remigrate: %s\n' "$*" >&2
}

die() {
	die_status=$1
	shift
	say "$*"
	exit "$die_status"
}

tmp='' child='' ticker='' begun=''

# shellcheck disable=SC2317 # called by trap
finish() {
	stop_ticker
	[ -z "$child" ] || kill "$child" 2>/dev/null
	[ -z "$tmp" ] || rm -rf "$tmp"
}

# shellcheck disable=SC2317 # called by trap
interrupted() {
	trap '' HUP INT TERM
	stop_ticker
	if [ -n "$begun" ]; then
		say "interrupted; the database goes on with the migration it is at." \
			"'remigrate status' with the same options shows where it is."
	else
		say 'interrupted; nothing was run'
	fi
	exit "$1"
}

# On a terminal: what is going on, how far it is, and since when.
start_ticker() {
	[ -t 2 ] || return 0
	(
		elapsed=0
		while sleep 1 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
			elapsed=$((elapsed + 1))
			printf '\r%s%s, %d s\033[K' "$doing" \
				"$(count_done "$tmp/err")" $elapsed >&2
		done
	) &
	ticker=$!
}

stop_ticker() {
	[ -n "$ticker" ] || return 0
	kill "$ticker" 2>/dev/null
	wait "$ticker" 2>/dev/null
	ticker=''
	printf '\r\033[K' >&2
}

count_done() {
	[ -n "$begun" ] || return 0
	printf ': %d of %d' "$(notices <"$1" | wc -l)" "$missing_count"
}
