# status: where each migration stands.

# Lines that differ from the server's only in their ends are the same script.
has_other_form() {
	file=$(script_of "$1")
	return_character=$(printf '\r')
	last='$!'
	[ -n "$(tail -c 1 "$file")" ] || last=''
	for form in "s/$return_character\$//" "${last}s/\$/$return_character/"; do
		# shellcheck disable=SC2086 # with its options
		[ "$(sed "$form" "$file" | $sha256 - | cut -c 1-64)" != "$2" ] || return 0
	done
	return 1
}

# The rows of status(), with the states corrected that depend on the scripts.
collect_by_rows() {
	: >"$tmp/doubtful"
	jq -r '.[] | select(.state == "applied") | .checksum + " " + .migration_name' \
		"$tmp/rows.json" >"$tmp/applied"
	awk 'NR == FNR { applied[substr($0, 66)] = substr($0, 1, 64); next }
		substr($0, 66) in applied && applied[substr($0, 66)] != substr($0, 1, 64) {
			print $0 " " applied[substr($0, 66)] }' \
		"$tmp/applied" "$tmp/list" >"$tmp/differing"
	while IFS= read -r line <&3; do
		rest=${line#* }
		has_other_form "${rest% *}" "${rest##* }" ||
			printf '%s\n' "${line% *}" >>"$tmp/doubtful"
	done 3<"$tmp/differing"
	ask_all "$tmp/doubtful" || die_of_answer 2 ''
}

status() {
	discover
	doing='asking the database'
	rows_sql remigrate.status >"$tmp/sql"
	send "$quick_limit" || die_of_answer 2 ''
	if rows; then
		collect_by_rows
	else
		ask_all "$tmp/list" || die_of_answer 2 ''
	fi
	touch "$tmp/rows.json"
	jq -n --rawfile list "$tmp/list" --rawfile missing "$tmp/missing" \
		--slurpfile rows "$tmp/rows.json" --arg schema "$schema" '
		def lines($text): $text | split("\n") | map(select(. != ""));
		(reduce lines($list)[] as $line ({}; .[$line[65:]] = $line[:64])) as $here
		| (reduce lines($missing)[] as $line ({};
			($line | split("\t")) as $field
			| .[$field[1]] = {state: $field[0], logs: (if $field[2] == "" then null else $field[2] end)}))
			as $missing
		| (reduce ($rows[0] // [])[] as $row ({}; .[$row.migration_name] = $row)) as $there
		| ($here + $there | keys) | map(. as $name | {
			name: $name,
			state: (($missing[$name] // $there[$name] //
				{state: (if $rows == [] then "applied" else "pending" end)}).state
				| if . == "unknown" then "pending" else . end),
			in_folder: ($here | has($name)),
			staged: $there[$name].staged,
			checksum: $here[$name],
			started_at: $there[$name].started_at,
			finished_at: $there[$name].finished_at,
			attempts: $there[$name].attempts,
			error: ($there[$name].logs // $missing[$name].logs)
		}) | {
			schema: $schema,
			up_to_date: all(.[]; .state == "applied" or
				(.in_folder | not) and (.state | IN("failed", "held", "running") | not)),
			migrations: .
		}' >"$tmp/status.json" || die 2 'an answer of an unknown form'
	if [ -n "$json" ]; then
		cat "$tmp/status.json"
	else
		show_status
	fi
	jq -e .up_to_date "$tmp/status.json" >/dev/null
}

show_status() {
	jq -r '.migrations[] | [
			.name, .state,
			((.finished_at // "")[:19] | sub("T"; " ")),
			if .in_folder then "" else "not in the folder" end,
			if .state == "applied" then "" else .error // "" end
		] | map(gsub("[\\t\\n\\r]"; " ")) | join("\t")' "$tmp/status.json" |
		awk -F '\t' '
			{ line[NR] = $0; if (length($1) > width) width = length($1) }
			END {
				for (i = 1; i <= NR; i++) {
					split(line[i], field, "\t")
					text = sprintf("%-" width "s  %-11s  %-19s  %s%s", field[1],
						field[2], field[3], field[4], field[5])
					sub(/ +$/, "", text)
					print text
				}
			}'
	jq -r '"\(.migrations | length) migrations in schema \"\(.schema)\": " + (.migrations
		| group_by(.state) | map("\(length) \(.[0].state)") | join(", "))' "$tmp/status.json"
}
