# What is missing: which migrations the database does not have as they are here.

# Out of the error of require_checksums: "STATE NAME ERROR" lines, separated
# by tabs, for the migrations that it names.  It names at most ten, in order;
# those behind the tenth may be missing too, and so may those that could not
# be found in it: their state is "?".
read_missing() {
	SCHEMA=$schema awk '
		function close_entry(text,    state) {
			state = text
			sub(/:.*/, "", state)
			print state "\t" name "\t" \
				(length(text) > length(state) ? substr(text, length(state) + 3) : "")
		}
		NR == FNR { message = message separator $0; separator = " "; next }
		!started {
			started = 1
			gsub(/\t/, " ", message)
			if (!match(message, /[0-9]+ of [0-9]+ required migrations are not applied in schema /))
				exit failed = 1
			total = substr(message, RSTART) + 0
			rest = substr(message, RSTART + RLENGTH + length(ENVIRON["SCHEMA"]) + 4)
			before = ""
		}
		{
			mark = before "\"" substr($0, 66) "\" ("
			at = found < 10 && found < total ? index(rest, mark) : 0
			if (found ? at : at == 1) {
				if (found)
					close_entry(substr(rest, 1, at - 1))
				rest = substr(rest, at + length(mark))
				name = substr($0, 66)
				before = "), "
				found++
				behind = ""
			} else
				behind = behind "?\t" substr($0, 66) "\t\n"
			all = all "?\t" substr($0, 66) "\t\n"
		}
		END {
			if (failed)
				exit 1
			if (found && sub(/\)( and [0-9]+ more)?[^)]*$/, "", rest))
				close_entry(rest)
			if (total > 10 && found == 10)
				printf "%s", behind
			else if (found < total)
				printf "%s", all
		}' "$tmp/primary" "$1"
}

# Which migrations of a list are not applied as they are here?  In
# $tmp/missing, as read_missing has it.  Returns as send does.
ask() {
	: >"$tmp/missing"
	rm -f "$tmp"/part.*
	# A migration takes at most so much of the call.
	LIMIT=$limit TMP=$tmp awk '
		{
			size += 120 + 8 * length($0)
			if (NR == 1 || size > ENVIRON["LIMIT"]) {
				size = 120 + 8 * length($0)
				file = sprintf("%s/part.%06d", ENVIRON["TMP"], NR)
			}
			print >file
		}' "$1"
	doing='asking the database'
	for part in "$tmp"/part.*; do
		[ -f "$part" ] || continue
		require_sql "$part" >"$tmp/sql"
		send "$quick_limit"
		case $? in
		0) check_evidence "$(wc -l <"$part")" ;;
		1)
			primary >"$tmp/primary"
			read_missing "$part" >>"$tmp/missing" || return 1
			;;
		*) return 2 ;;
		esac
	done
}

# A command's success is believed if it shows the count that require_checksums
# returns, or if it can fail.
check_evidence() {
	[ "$channel" = exec ] && [ -z "$trusted" ] || return 0
	if grep -qE "^[ |\"]*$(($1))[ |\"]*\$" "$tmp/out"; then
		return
	fi
	printf "SELECT remigrate.require(ARRAY['no migration has this name'], %s)" \
		"$(literal "$schema")" >"$tmp/sql"
	send "$quick_limit"
	case $? in
	0) die 2 'the command succeeds for a call that must fail, so that nothing it says can be trusted; is it psql without -v ON_ERROR_STOP=1?' ;;
	1) trusted=1 ;;
	*) die_of_answer 2 '' ;;
	esac
}

# The same as ask, with the state of every one.
ask_all() {
	cp "$1" "$tmp/asked"
	: >"$tmp/found"
	while :; do
		ask "$tmp/asked" || return
		grep -v '^?' "$tmp/missing" >>"$tmp/found"
		sed -n 's/^?.//p' "$tmp/missing" | tr -d '\t' >"$tmp/behind"
		[ -s "$tmp/behind" ] || break
		# Nothing found means a message that cannot be read.
		grep -qv '^?' "$tmp/missing" || return 1
		awk 'NR == FNR { behind[$0]; next } substr($0, 66) in behind' \
			"$tmp/behind" "$tmp/asked" >"$tmp/next"
		mv "$tmp/next" "$tmp/asked"
	done
	mv "$tmp/found" "$tmp/missing"
}

# Names, states and last errors, as they are shown.
describe_missing() {
	awk -F '\t' '{
		state = $1 == "unknown" ? "not sent yet" : $1 == "?" ? "state not known" : $1
		print "  " $2 ": " state ($3 != "" ? ": " $3 : "")
	}' "$tmp/missing"
}

tell_all_applied() {
	echo "All $(($(wc -l <"$tmp/list"))) migrations are applied in schema \"$schema\"."
}
