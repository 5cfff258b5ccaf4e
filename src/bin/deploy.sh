# deploy: sends what is missing, and runs it.

# Stages the migrations named in a file, in bundles that the channel carries.
stage_names() {
	doing='sending the migrations'
	[ -s "$1" ] || return 0
	check_encodings "$1"
	sizes_of "$1" >"$tmp/sizes"
	rm -f "$tmp"/bundle.*
	# What a migration adds to a call, and more than the rest of the call.
	too_large=$(LIMIT=$limit TMP=$tmp awk '
		{
			size = $1
			name = substr($0, length($1) + 2)
			size = int(size * 4 / 3) + 2 * length(name) + 400
			if (size > ENVIRON["LIMIT"] + 0) {
				printf "migration \"%s\" makes a call of about %d bytes", name, size
				exit
			}
			total += size
			if (NR == 1 || total > ENVIRON["LIMIT"] + 0) {
				total = size
				file = sprintf("%s/bundle.%06d", ENVIRON["TMP"], NR)
			}
			print name >file
		}' "$tmp/sizes")
	[ -z "$too_large" ] || die 2 "$too_large, and --limit is $limit; nothing was sent"
	for part in "$tmp"/bundle.*; do
		mv "$part" "$tmp/bundle"
		send_bundle
	done
}

# One that was edited must not keep the others from being deployed.
send_bundle() {
	while [ -s "$tmp/bundle" ]; do
		stage_sql "$tmp/bundle" >"$tmp/sql"
		send "$quick_limit"
		case $? in
		0) break ;;
		1) drop_edited || die_of_answer 1 'nothing was run: ' ;;
		*) die_of_answer 2 'could not send the migrations; nothing was run: ' ;;
		esac
	done
}

drop_edited() {
	said=$(primary)
	case $said in
	*'was edited after it was applied'* | *'it is applied in schema'*'with another script'*) ;;
	*) return 1 ;;
	esac
	edited=$(while IFS= read -r name; do
		case $said in
		*"migration \"$name\" was "*) printf '%s\n' "$name" ;;
		esac
	done <"$tmp/bundle" | head -n 1)
	[ -n "$edited" ] || return 1
	say "$said"
	grep -vxF -e "$edited" "$tmp/bundle" >"$tmp/rest"
	mv "$tmp/rest" "$tmp/bundle"
}

ask_or_die() {
	ask "$1"
	case $? in
	0) ;;
	1) die_of_answer 2 '' ;;
	*) die_of_answer 2 'no answer that could be trusted: ' ;;
	esac
}

deploy() {
	discover
	count=$(($(wc -l <"$tmp/list")))
	ask_or_die "$tmp/list"
	missing_count=$(($(wc -l <"$tmp/missing")))
	if [ $missing_count = 0 ]; then
		tell_all_applied
		return
	fi
	if [ -n "$dry_run" ]; then
		ask_all "$tmp/list" || die_of_answer 2 ''
		echo "Would send and run, in schema \"$schema\":"
		describe_missing
		return
	fi
	cp "$tmp/missing" "$tmp/before"
	{
		cut -f 2 "$tmp/missing"
		# The last one has to be known by name, applied or not.
		[ -z "$upto" ] || printf '%s\n' "$upto"
	} | sort -u >"$tmp/to_stage"
	stage_names "$tmp/to_stage"
	run_until_known
}

# Runs what is staged, and goes on asking while the database may be at work.
run_until_known() {
	begun=1
	pause=1
	lock_wait=''
	gives_up=$(($(date +%s) + wait_limit))
	while :; do
		doing='running the migrations'
		deploy_sql "$lock_wait" >"$tmp/sql"
		send "$call_limit"
		outcome=$?
		notices <"$tmp/err" | sed 's/^"\(.*\)": /\1: /'
		cp "$tmp/message" "$tmp/failure"
		busy=''
		case $(primary) in
		*'the migration lock is held by'*) busy=$outcome ;;
		esac
		[ $outcome != 2 ] || say "$(primary); asking what the database is doing"

		if ask "$tmp/list"; then
			if [ ! -s "$tmp/missing" ]; then
				tell_all_applied
				return
			fi
			if [ $outcome = 2 ] && has_failed; then
				outcome=1
				: >"$tmp/failure"
			fi
			if [ -z "$busy" ] && [ $outcome != 2 ]; then
				report_missing
				[ ! -s "$tmp/failure" ] || say "$(cat "$tmp/failure")"
				exit 1
			fi
			say "$(progress)"
		elif [ -z "$busy" ] && [ $outcome = 1 ]; then
			say "$(cat "$tmp/failure")"
			exit 1
		else
			say "could not ask: $(primary)"
		fi
		[ "$(($(date +%s) + pause))" -lt $gives_up ] || {
			say "gave up asking after $wait_limit s; the database may still be at work." \
				"'remigrate status' shows where it is, and deploy can be repeated."
			exit 3
		}
		sleep $pause &
		child=$!
		wait "$child"
		child=''
		pause=$((pause < 16 ? pause * 2 : 30))
		# The next time it is to tell who is at work, before the channel gives up.
		lock_wait=1s
	done
}

report_missing() {
	ask_all "$tmp/list" || die_of_answer 2 'could not ask what is applied: '
	say "not applied in schema \"$schema\":"
	describe_missing >&2
}

# Is one on record as failed, with an error, that was not before?
has_failed() {
	grep -E '^(failed|rolled_back|held)	[^	]*	.' "$tmp/missing" |
		grep -vxF -f "$tmp/before" >/dev/null
}

progress() {
	printf '%d of %d not applied yet, first %s' $(($(wc -l <"$tmp/missing"))) \
		"$count" "$(head -n 1 "$tmp/missing" | cut -f 2)"
	[ -z "$busy" ] || sed 's/.*\(the migration lock is held by .*\); waited.*/; \1/' \
		"$tmp/failure" | head -n 1 | tr -d '\n'
	printf '; asking again in %d s' "$pause"
}
