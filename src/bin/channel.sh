# Channels: what carries a call to the database, and what its answer means.

limited() {
	seconds=$1
	shift
	if command -v timeout >/dev/null; then
		exec timeout -k 5 "$seconds" "$@"
	fi
	exec "$@"
}

by_url() {
	if [ -n "$has_password" ]; then
		PGPASSWORD=$password
		export PGPASSWORD
	fi
	PGCLIENTENCODING=UTF8
	: "${PGAPPNAME:=remigrate}" "${PGCONNECT_TIMEOUT:=15}"
	export PGCLIENTENCODING PGAPPNAME PGCONNECT_TIMEOUT
	limited "$1" psql -X -q -A -t -w -v ON_ERROR_STOP=1 -d "$conninfo"
}

by_exec() {
	limited "$1" sh -c "$target"
}

by_lambda() {
	: >"$tmp/answer"
	jq -Rsc '{action: "run-sql", sql: .}' >"$tmp/payload" || exit
	# By itself aws would call the function again after a time-out.
	AWS_MAX_ATTEMPTS=1 AWS_PAGER=''
	export AWS_MAX_ATTEMPTS AWS_PAGER
	limited $(($1 + 15)) aws lambda invoke --function-name "$target" \
		--payload "fileb://$tmp/payload" --cli-connect-timeout 15 \
		--cli-read-timeout "$1" "$tmp/answer"
}

# A server that speaks another language says so in the first word, too.
in_english() {
	sed -E '
		s/^(psql:[^ ]*: )?(FEHLER|ERREUR|ERRORE|FEL|ОШИБКА|ПОМИЛКА|შეცდომა|오류|错误|錯誤):  /\1ERROR:  /
		s/^(psql:[^ ]*: )?(HINWEIS|NOTIFICA|NOTIS|ЗАМЕЧАНИЕ|ПОВІДОМЛЕННЯ|알림|注意):  /\1NOTICE:  /
		s/^(psql:[^ ]*: )?(WARNUNG|ATTENTION|ATTENZIONE|VARNING|ПРЕДУПРЕЖДЕНИЕ|ПОПЕРЕДЖЕННЯ|გაფრთხილება|경고|警告):  /\1WARNING:  /'
}

# The database's message, with its DETAIL and HINT, out of what psql says.
words_of_psql() {
	awk '
		{ sub(/^psql:[^ ]*:[0-9]+: /, "") }
		sub(/^(ERROR|FATAL|PANIC): +/, "") { found = 1 }
		found { print; next }
		!/^(NOTICE|WARNING): |^$/ { others = others $0 "\n" }
		END { if (!found) printf "%s", others }'
}

notices() {
	in_english | sed -n 's/^\(psql:[^ ]*: \)\{0,1\}NOTICE:  migration "\(.*\)$/"\2/p'
}

# Sends $tmp/sql.  Returns 0; 1 where the database has answered with an error;
# 2 where nobody knows what it did.  The message is in $tmp/message then.
send() {
	: >"$tmp/message"
	start_ticker
	"by_$channel" "$1" <"$tmp/sql" >"$tmp/out" 2>"$tmp/err" &
	child=$!
	wait "$child"
	sent=$?
	child=''
	stop_ticker
	case $sent in
	124 | 137)
		echo "no answer within $1 s" >"$tmp/message"
		return 2
		;;
	esac
	"answer_by_$channel"
}

answer_by_url() {
	[ "$sent" != 0 ] || return 0
	in_english <"$tmp/err" | words_of_psql >"$tmp/message"
	[ "$sent" = 3 ] || return 2
	return 1
}

answer_by_exec() {
	cat "$tmp/err" "$tmp/out" | in_english >"$tmp/all"
	# Not every psql is told to stop and fail at an error.
	if grep -qE '^(psql:[^ ]*: )?ERROR: ' "$tmp/all"; then
		words_of_psql <"$tmp/all" >"$tmp/message"
		return 1
	fi
	[ "$sent" != 0 ] || return 0
	{
		cat "$tmp/err"
		echo "the command ended with status $sent"
	} >"$tmp/message"
	return 2
}

answer_by_lambda() {
	if [ "$sent" != 0 ]; then
		words_of_psql <"$tmp/err" >"$tmp/message"
		return 2
	fi
	jq -rs '
		# Some functions answer as if to an HTTP gateway.
		def unwrapped: if (.body? | type) == "string" then .body | fromjson else . end;
		def own_words:
			sub("^(.|\n)*Raw query failed\\. Code: `[^`]*`\\. Message: `"; "")
			| sub("`\\s*$"; "") | sub("^\\s*(ERROR: +)?"; "");
		(.[0] | unwrapped) as $answer
		| if ($answer | type) != "object" then "2\nan answer of an unknown form"
		elif $answer.success == true then 0
		elif $answer.success == false then
			($answer.error // "an error without a message" | tostring | own_words)
			# The worker has lost the database, which need not have lost the call.
			| if test("failed at statement|was not run|was refused") then 1
			elif test("connection|time-?d? ?out|ECONN|socket"; "i") then 2
			else 1 end, .
		else 2, ($answer.errorMessage // "an answer of an unknown form") end
	' "$tmp/answer" >"$tmp/verdict" 2>/dev/null || {
		echo 'an answer that is not JSON' >"$tmp/message"
		return 2
	}
	read -r verdict <"$tmp/verdict"
	sed 1d "$tmp/verdict" >"$tmp/message"
	return "${verdict:-2}"
}

# The database's message without DETAIL and the like, in one line.
primary() {
	awk '/^(DETAIL|HINT|CONTEXT|QUERY|STATEMENT|LOCATION|LINE [0-9]+):/ { exit }
		{ printf "%s%s", separator, $0; separator = " " }' "$tmp/message"
}

message() {
	cat "$tmp/message"
}

# Ends with what the database or the channel has said.
die_of_answer() {
	case $(primary) in
	*'schema "remigrate" does not exist'*)
		die 2 "the database lacks the extension: CREATE EXTENSION remigrate"
		;;
	esac
	die "$1" "$2$(message)"
}

# Rows that come as remigrate=BASE64, whatever the channel puts around them.
rows() {
	cat "$tmp/out" "$tmp/answer" 2>/dev/null |
		sed -n 's/.*remigrate=\([A-Za-z0-9+/=]*\).*/\1/p' |
		head -n 1 | jq -Rr '@base64d' >"$tmp/rows.json"
	[ -s "$tmp/rows.json" ]
}
