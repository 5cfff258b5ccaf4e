# The folder of migrations.

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

	: >"$tmp/names"
	wrong=''
	set --
	for folder in "$dir"/*; do
		[ -d "$folder" ] || continue
		name=${folder##*/}
		case $name in
		*[[:cntrl:]]*) die 2 "a folder in $dir has a control character in its name" ;;
		esac
		if [ -f "$folder/migration.sql" ]; then
			printf '%s\n' "$name" >>"$tmp/names"
			set -- "$@" "$folder/migration.sql"
		else
			say "$folder has no migration.sql"
			wrong=1
		fi
	done
	[ -z "$wrong" ] || die 2 'nothing was sent: write the missing files, or remove the folders'
	[ $# != 0 ] || die 2 "there are no migrations in $dir; --dir names another folder"
	jq -Rr . "$tmp/names" | cmp -s - "$tmp/names" ||
		die 2 "a folder in $dir has a name that is not UTF-8"
	sha256 "$@" >"$tmp/sums" || die 2 'nothing was sent'
	# sha256sum marks odd names with a backslash.
	sed 's/^\\//' "$tmp/sums" | cut -c 1-64 | paste -d ' ' - "$tmp/names" >"$tmp/list"

	if [ -n "$upto" ]; then
		UPTO=$upto awk '{ print } substr($0, 66) == ENVIRON["UPTO"] { found = 1; exit }
			END { exit !found }' "$tmp/list" >"$tmp/shorter" ||
			die 2 "there is no migration \"$upto\" in $dir"
		mv "$tmp/shorter" "$tmp/list"
	fi
}

sha256() {
	if command -v sha256sum >/dev/null; then
		sha256sum -- "$@"
	else
		shasum -a 256 -- "$@"
	fi
}

script_of() {
	printf '%s/%s/migration.sql' "$dir" "$1"
}

# jq replaces what is not UTF-8.
check_encoding() {
	jq -Rsj . "$(script_of "$1")" | cmp -s - "$(script_of "$1")" ||
		die 2 "$(script_of "$1") is not UTF-8; nothing was sent"
}
