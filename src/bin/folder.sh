# The folder of migrations.

sha256='shasum -a 256'
! command -v sha256sum >/dev/null || sha256=sha256sum

# Leaves "CHECKSUM NAME" lines in $tmp/list, in name order.
discover() {
	case $dir in
	-*) dir=./$dir ;;
	esac
	[ -d "$dir" ] || die 2 "there is no folder $dir; --dir names another"
	provider=$(sed -n 's/^[[:space:]]*provider[[:space:]]*=[[:space:]]*"\([^"]*\)".*/\1/p' \
		"$dir/migration_lock.toml" 2>/dev/null | head -n 1)
	case $provider in
	'' | postgresql | postgres) ;;
	*) die 2 "$dir/migration_lock.toml says that these migrations are for $provider, not for postgresql" ;;
	esac

	wrong=''
	for folder in "$dir"/*; do
		[ -d "$folder" ] || continue
		name=${folder##*/}
		case $name in
		*[[:cntrl:]]*) die 2 "a folder in $dir has a control character in its name" ;;
		esac
		if [ -f "$folder/migration.sql" ]; then
			printf '%s\n' "$name" >&3
		else
			say "$folder has no migration.sql"
			wrong=1
		fi
	done 3>"$tmp/names"
	[ -z "$wrong" ] || die 2 'nothing was sent: write the missing files, or remove the folders'
	[ -s "$tmp/names" ] || die 2 "there are no migrations in $dir; --dir names another folder"
	jq -Rr . "$tmp/names" | cmp -s - "$tmp/names" ||
		die 2 "a folder in $dir has a name that is not UTF-8"
	# shellcheck disable=SC2086 # with its options
	with_scripts "$tmp/names" $sha256 -- >"$tmp/sums" || die 2 'nothing was sent'
	# sha256sum marks odd names with a backslash.
	sed 's/^\\//' "$tmp/sums" | cut -c 1-64 | paste -d ' ' - "$tmp/names" >"$tmp/list"

	if [ -n "$upto" ]; then
		UPTO=$upto awk '{ print } substr($0, 66) == ENVIRON["UPTO"] { found = 1; exit }
			END { exit !found }' "$tmp/list" >"$tmp/shorter" ||
			die 2 "there is no migration \"$upto\" in $dir"
		mv "$tmp/shorter" "$tmp/list"
	fi
}

script_of() {
	printf '%s/%s/migration.sql' "$dir" "$1"
}

# Runs a command with the scripts of a list of names as its arguments, if need
# be several times: a process for each would take longer than the database.
with_scripts() {
	names=$1
	shift
	DIR=$dir awk '{ print ENVIRON["DIR"] "/" $0 "/migration.sql" }' "$names" |
		tr '\n' '\0' | xargs -0 "$@"
}

# "SIZE NAME" lines, in bytes.
sizes_of() {
	with_scripts "$1" wc -c -- >"$tmp/counts" || die 2 'nothing was sent'
	# Between them are totals.
	sed -n 's/^ *\([0-9][0-9]*\) .*\/migration\.sql$/\1/p' "$tmp/counts" |
		paste -d ' ' - "$1"
}

# jq replaces what is not UTF-8.
is_utf8() {
	jq -Rsj . "$1" | cmp -s - "$1"
}

check_encodings() {
	with_scripts "$1" cat -- >"$tmp/content" || die 2 'nothing was sent'
	! is_utf8 "$tmp/content" || return 0
	while IFS= read -r name; do
		is_utf8 "$(script_of "$name")" ||
			die 2 "$(script_of "$name") is not UTF-8; nothing was sent"
	done <"$1"
}
