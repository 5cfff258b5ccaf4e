# The calls, as SQL.

in_base64() {
	base64 | tr -d '\n'
}

# Text as an SQL expression.
literal() {
	case $1 in
	*[!A-Za-z0-9_.:,{}\"\ -]*)
		printf "convert_from(decode('%s', 'base64'), 'UTF8')" \
			"$(printf %s "$1" | in_base64)"
		;;
	*) printf "'%s'" "$1" ;;
	esac
}

script_literal() {
	printf "decode('"
	in_base64 <"$(script_of "$1")"
	printf "', 'base64')"
}

require_sql() {
	checksums=$(jq -Rnc 'reduce inputs as $line ({}; .[$line[65:]] = $line[:64])' "$1")
	printf 'SELECT remigrate.require_checksums(%s::jsonb, %s)' \
		"$(literal "$checksums")" "$(literal "$schema")"
}

# Stages all migrations in a list of names, or none.
stage_sql() {
	if [ "$(wc -l <"$1")" -eq 1 ]; then
		only=$(cat "$1")
		printf 'SELECT remigrate.stage(%s, ' "$(literal "$only")"
		script_literal "$only"
		printf ', %s)' "$(literal "$schema")"
		return
	fi
	# The scripts come as one text, of which each migration takes its part.
	sizes_of "$1" >"$tmp/sizes"
	parts=$(jq -Rnc '[foreach (inputs | capture("^(?<length>[0-9]+) (?<name>.*)$"))
		as $script ({next: 1}; .start = .next | .next += ($script.length | tonumber);
		{name: $script.name, start, length: ($script.length | tonumber)})]' "$tmp/sizes")
	printf "SELECT remigrate.stage(p.name, substring(c.scripts FROM p.start FOR p.length), %s) FROM (SELECT decode('" \
		"$(literal "$schema")"
	with_scripts "$1" cat -- | in_base64
	printf "', 'base64') AS scripts) AS c, json_to_recordset(%s::json) AS p(name text, start integer, length integer)" \
		"$(literal "$parts")"
}

deploy_sql() {
	printf 'CALL remigrate.deploy(target_schema => %s' "$(literal "$schema")"
	[ -z "$upto" ] || printf ', upto => %s' "$(literal "$upto")"
	[ -z "$lock_timeout" ] ||
		printf ', lock_timeout => %s::interval' "$(literal "$lock_timeout")"
	[ -z "$1" ] || printf ", migration_lock_wait => '%s'" "$1"
	printf ')'
}

# The rows of a query as one value, which survives every way of printing it.
rows_sql() {
	printf "SELECT 'remigrate=' || translate(encode(convert_to(coalesce(json_agg(r), '[]')::text, 'UTF8'), 'base64'), chr(10), '') FROM %s(%s) AS r" \
		"$1" "$(literal "$schema")"
}
