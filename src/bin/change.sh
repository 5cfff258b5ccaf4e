# resolve, baseline, repair and sql.

# Sends a call that changes something, or says which one it would be.
change() {
	if [ -n "$dry_run" ]; then
		echo 'Would send:'
		cut -c 1-300 "$tmp/sql"
		echo
		exit
	fi
	begun=1 missing_count=0
	doing=$1
	send "$call_limit"
	case $? in
	0) ;;
	1) die_of_answer 1 '' ;;
	*) die_of_answer 2 'no answer that could be trusted; it is safe to repeat the command: ' ;;
	esac
}

resolve() {
	[ -n "$action" ] ||
		die 2 'resolve: one of --applied NAME, --rolled-back NAME, --edited NAME'
	script='NULL::bytea'
	if [ "$action" != rolled_back ]; then
		discover
		[ -f "$(script_of "$resolved")" ] ||
			die 2 "there is no migration \"$resolved\" in $dir"
		script=$(script_literal "$resolved")
	fi
	printf 'SELECT remigrate.resolve(%s, %s, %s, %s)' "$(literal "$resolved")" \
		"'$action'" "$script" "$(literal "$schema")" >"$tmp/sql"
	change 'resolving'
	# Invalid indexes, where the channel shows them.
	in_english <"$tmp/err" | sed -n 's/^\(psql:[^ ]*: \)\{0,1\}NOTICE:  //p' >&2
	echo "Migration \"$resolved\" is marked as $(printf %s "$action" | tr _ ' ') in schema \"$schema\"."
}

baseline() {
	[ -n "$upto" ] || die 2 'baseline: --upto NAME, the last migration that is applied'
	discover
	ask_or_die "$tmp/list"
	if [ ! -s "$tmp/missing" ]; then
		tell_all_applied
		return
	fi
	if [ -z "$dry_run" ]; then
		{
			cut -f 2 "$tmp/missing"
			printf '%s\n' "$upto"
		} | sort -u >"$tmp/to_stage"
		stage_names "$tmp/to_stage"
	fi
	printf 'SELECT remigrate.baseline(%s, %s%s)' "$(literal "$upto")" \
		"$(literal "$schema")" "${force:+, force => true}" >"$tmp/sql"
	change 'marking as applied'
	report_verdict
}

# Ends with what the database says of the whole folder.
report_verdict() {
	ask_or_die "$tmp/list"
	if [ -s "$tmp/missing" ]; then
		report_missing
		exit 1
	fi
	tell_all_applied
}

repair() {
	discover
	ask_all "$tmp/list" || die_of_answer 2 ''
	# A claim can be checked only against its script.
	grep -E '^(unproven|failed)	' "$tmp/missing" | cut -f 2 >"$tmp/to_stage"
	[ -n "$dry_run" ] || stage_names "$tmp/to_stage"
	rows_sql remigrate.repair >"$tmp/sql"
	change 'checking the journal'
	if rows; then
		jq -r '.[] | [.[] | select(. != null) | tostring] | join("  ")' "$tmp/rows.json"
		[ "$(jq length "$tmp/rows.json")" != 0 ] || echo 'There was nothing to repair.'
	else
		echo 'Done; remigrate.event_log tells what was changed.'
	fi
	ask_all "$tmp/list" || die_of_answer 2 ''
	if grep -qE '^(unproven|failed|edited)	' "$tmp/missing"; then
		say 'left to be settled:'
		describe_missing >&2
		exit 1
	fi
}

# For any other channel.
sql() {
	discover
	cut -c 66- "$tmp/list" >"$tmp/all_names"
	check_encodings "$tmp/all_names"
	while IFS= read -r name <&3; do
		printf '%s\n' "$name" >"$tmp/bundle"
		stage_sql "$tmp/bundle"
		echo
	done 3<"$tmp/all_names"
	deploy_sql ''
	echo
	require_sql "$tmp/list"
	echo
}
