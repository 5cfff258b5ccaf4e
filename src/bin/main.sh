# The command line.

# A URL in the arguments would be in the list of processes as long as this
# runs; so it starts itself anew with the URL in the environment.
url='' given=$#
while [ "$given" -gt 0 ]; do
	given=$((given - 1))
	argument=$1
	shift
	case $argument in
	--url)
		[ "$given" -gt 0 ] || die 2 '--url needs a value'
		given=$((given - 1))
		url=$1
		shift
		;;
	--url=*) url=${argument#--url=} ;;
	*) set -- "$@" "$argument" ;;
	esac
done
if [ -n "$url" ]; then
	REMIGRATE_URL=$url
	export REMIGRATE_URL
	exec /bin/sh "$0" "$@"
fi
url=${REMIGRATE_URL:-}
unset REMIGRATE_URL

command='' dir=prisma/migrations schema='' upto='' json='' force='' dry_run=''
channel='' target='' action='' resolved='' lock_timeout='' limit='' url_schema=''
call_limit='' wait_limit=600 trusted='' doing='' missing_count=0 count=0 busy=''
[ -z "$url" ] || channel=url

choose_channel() {
	[ -z "$channel" ] || die 2 'one channel: --url, --lambda or --exec'
	channel=$1 target=$2
}

number() {
	case $2 in
	'' | *[!0-9]* | ??????????*) die 2 "$1 needs a number, not \"$2\"" ;;
	esac
	echo "$2"
}

while [ $# -gt 0 ]; do
	case $1 in
	--*=*)
		value=${1#*=} option=${1%%=*}
		shift
		set -- "$option" "$value" "$@"
		;;
	esac
	case $1 in
	--dir | --schema | --upto | --lambda | --exec | --lock-timeout | --timeout | \
		--wait | --limit | --applied | --rolled-back | --edited)
		[ -n "${2:-}" ] || die 2 "$1 needs a value"
		option=$1 value=$2
		shift 2
		;;
	*)
		option=$1 value=''
		shift
		;;
	esac
	case $option in
	--dir) dir=$value ;;
	--schema) schema=$value ;;
	--upto) upto=$value ;;
	--lambda) choose_channel lambda "$value" ;;
	--exec) choose_channel exec "$value" ;;
	--lock-timeout) lock_timeout=$value ;;
	--timeout) call_limit=$(number "$option" "$value") || exit ;;
	--wait) wait_limit=$(number "$option" "$value") || exit ;;
	--limit) limit=$(number "$option" "$value") || exit ;;
	--applied | --rolled-back | --edited)
		[ -z "$action" ] || die 2 'resolve settles one migration at a time'
		action=$(printf %s "${option#--}" | tr - _)
		resolved=$value
		;;
	--json) json=1 ;;
	--force) force=1 ;;
	--dry-run) dry_run=1 ;;
	--help | -h)
		usage
		exit
		;;
	--version)
		echo "remigrate $version"
		exit
		;;
	-*) die 2 "there is no option $option; --help lists them" ;;
	*)
		[ -z "$command" ] || die 2 "one command at a time: $command or $option"
		command=$option
		;;
	esac
done

case $command in
deploy | status | resolve | baseline | repair | sql) ;;
'')
	usage >&2
	exit 2
	;;
*) die 2 "there is no command $command; --help lists them" ;;
esac
: "${channel:=url}" "${url:=${DATABASE_URL:-}}"
if [ "$channel" = url ] && [ -n "$url" ]; then
	read_url "$url"
elif [ "$channel" = url ] && [ "$command" != sql ]; then
	die 2 'no channel: set DATABASE_URL, or say --url, --lambda or --exec'
fi
: "${schema:=${url_schema:-public}}"
case $channel in
lambda) limits='6000000 900' needed='aws jq' ;;
exec) limits='90000000 3600' needed=jq ;;
url) limits='90000000 3600' needed='psql jq' ;;
esac
: "${limit:=${limits% *}}" "${call_limit:=${limits#* }}"
[ "$command" != sql ] || needed=jq
for tool in $needed; do
	command -v "$tool" >/dev/null || die 2 "needs $tool, which is not installed"
done
# All calls but those that run something are quick.
quick_limit=$((call_limit < 120 ? call_limit : 120))

trap finish EXIT
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
tmp=$(mktemp -d "${TMPDIR:-/tmp}/remigrate.XXXXXX") || exit 2
$command
