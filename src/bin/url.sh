# Prisma's URLs, as libpq understands them.

percent_decode() {
	printf %s "$1" | awk '
		function digit(c) { return index("0123456789abcdef", tolower(c)) - 1 }
		{
			while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
				printf "%s%c", substr($0, 1, RSTART - 1),
					digit(substr($0, RSTART + 1, 1)) * 16 + digit(substr($0, RSTART + 2, 1))
				$0 = substr($0, RSTART + 3)
			}
			printf "%s", $0
		}'
}

# Takes a URL as Prisma has it apart into what libpq understands, without the
# password, and that.
read_url() {
	case $1 in
	postgresql://* | postgres://*) ;;
	*) die 2 'the URL does not begin with postgresql:// or postgres://' ;;
	esac
	has_password='' password='' parameters='' root='' key='' strict=''
	rest=${1#*://} user=''
	before_path=${rest%%/*}
	case $before_path in
	*@*)
		user=${before_path%@*}
		rest=${rest#"$user"@}
		case $user in
		*:*)
			has_password=1
			password=$(percent_decode "${user#*:}")
			user=${user%%:*}
			;;
		esac
		;;
	esac
	query=''
	case $rest in
	*\?*) query=${rest#*\?} rest=${rest%%\?*} ;;
	esac
	set -f
	IFS='&'
	# shellcheck disable=SC2086 # to be split
	set -- $query
	unset IFS
	set +f
	for pair; do
		read_parameter "${pair%%=*}" "${pair#*=}"
	done
	# Prisma's sslcert is the server's, unless there is a key to it.
	[ -z "$root" ] || [ -n "$key" ] ||
		parameters="$parameters&sslrootcert=$root"
	[ -z "$root" ] || [ -z "$key" ] || parameters="$parameters&sslcert=$root"
	[ -z "$strict" ] || parameters="$parameters&sslmode=verify-full"
	conninfo=postgresql://${user:+$user@}$rest
	[ -z "$parameters" ] || conninfo=$conninfo\?${parameters#&}
}

read_parameter() {
	case $1 in
	schema) url_schema=$(percent_decode "$2") ;;
	password)
		has_password=1
		password=$(percent_decode "$2")
		;;
	sslcert) root=$2 ;;
	sslaccept) [ "$2" != strict ] || strict=1 ;;
	sslmode)
		# As node-postgres says it.
		[ "$2" != no-verify ] || set -- "$1" require
		parameters="$parameters&$1=$2"
		;;
	host | hostaddr | port | dbname | user | passfile | channel_binding | \
		connect_timeout | options | application_name | \
		fallback_application_name | keepalives* | tcp_user_timeout | \
		gss* | sslkey | sslrootcert | sslcrl | sslcrldir | sslsni | \
		ssl_m* | requirepeer | krbsrvname | target_session_attrs | \
		load_balance_hosts | service)
		[ "$1" != sslkey ] || key=$2
		parameters="$parameters&$1=$2"
		;;
		# What else there is concerns Prisma's pool.
	esac
}
