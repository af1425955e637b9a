#!/bin/bash
# The demonstration: ./bootstrap run, stop and reset. Sourced by bootstrap, whose ROOT, say, die and
# build_preset it uses.
#
# Everything lies in one directory, state/: data, sink, key (the automatic slot's), tls, run (the
# socket), credentials. Root gives it to an unprivileged user, who works with keyd; keyd's roles have
# users of their own. Where those cannot reach the checkout, /var/lib/keyd-demo takes its place.

DEMO_ELSEWHERE=/var/lib/keyd-demo
DEMO_WAIT=30 # seconds for keyd to start or stop

demo_options() {
	DEMO_FOREGROUND=no DEMO_SHOW=no DEMO_YES=no
	while [ $# -gt 0 ]; do
		case $1 in
		--foreground) DEMO_FOREGROUND=yes ;;
		--show) DEMO_SHOW=yes ;;
		--yes) DEMO_YES=yes ;;
		*) die "unknown option $1; see ./bootstrap help" ;;
		esac
		shift
	done
	DEMO_BOLD='' DEMO_DIM='' DEMO_PLAIN=''
	if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
		DEMO_BOLD=$'\e[1m' DEMO_DIM=$'\e[2m' DEMO_PLAIN=$'\e[0m'
	fi
}

# --- who and where -------------------------------------------------------------------------------

demo_is_root() { [ "$(id -u)" -eq 0 ]; }

# Runs something as the user who works with keyd.
demo_as() {
	if demo_is_root; then runuser -u "$DEMO_USER" -- "$@"; else "$@"; fi
}

demo_user() {
	DEMO_USER=$(id -un)
	if ! demo_is_root; then return 0; fi
	DEMO_USER=keyd-demo
	if [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then DEMO_USER=$SUDO_USER; fi
}

# demo_make_user NAME HOME: a system user with a group of that name.
demo_make_user() {
	local group=(--user-group)
	if getent group "$1" >/dev/null; then group=(--gid "$1"); fi
	useradd --system "${group[@]}" --no-create-home --home-dir "$2" --shell /usr/sbin/nologin "$1"
}

demo_make_users() {
	local kind name
	if ! demo_is_root; then return 0; fi
	if ! id "$DEMO_USER" >/dev/null 2>&1; then
		demo_make_user "$DEMO_USER" "$DEMO_ELSEWHERE"
		say "Made the system user $DEMO_USER, who builds keyd and works with it"
	fi
	# the same list that an installed keyd gets its users from
	while read -r kind name _; do
		if [ "$kind" != u ] || id "$name" >/dev/null 2>&1; then continue; fi
		demo_make_user "$name" /nonexistent
		say "Made the system user $name, for one of keyd's processes"
	done <"$ROOT/keyd/parent/systemd/keyd.sysusers"
}

# Sets DEMO_SOURCE, where keyd is built, and DEMO_STATE.
demo_places() {
	demo_user
	DEMO_SOURCE=$ROOT
	DEMO_STATE=$ROOT/state
	if demo_is_root; then
		if ! demo_reaches "$DEMO_USER" "$ROOT/bootstrap"; then DEMO_SOURCE=$DEMO_ELSEWHERE/source; fi
		if [ "$DEMO_SOURCE" != "$ROOT" ] || ! demo_reaches keyd-keeper "$ROOT/bootstrap"; then
			DEMO_STATE=$DEMO_ELSEWHERE/state
		fi
	elif [ ! -e "$DEMO_STATE" ] && [ -e "$DEMO_ELSEWHERE/state/keyd.yaml" ]; then
		DEMO_STATE=$DEMO_ELSEWHERE/state # root has started it there
	fi
	DEMO_BIN=$DEMO_SOURCE/build/release/bin
	DEMO_SOCKET=$DEMO_STATE/run/keyd.sock
	if [ ${#DEMO_SOCKET} -ge 100 ]; then # no Unix socket has a longer path
		DEMO_SOCKET=/tmp/keyd-demo-$(id -u)/$(cksum <<<"$DEMO_STATE" | cut -d' ' -f1)/keyd.sock
	fi
	export KEYD_CONFIG=$DEMO_STATE/keyd.yaml
}

demo_reaches() {
	id "$1" >/dev/null 2>&1 && runuser -u "$1" -- test -r "$2"
}

# A path as one types it here.
demo_short() { printf '%s' "${1#"$ROOT"/}"; }

# --- what it needs -------------------------------------------------------------------------------

demo_build() {
	if demo_is_root; then
		export BUILD_AS=$DEMO_USER
		if [ "$DEMO_SOURCE" != "$ROOT" ]; then demo_copy_source; fi
		install -d -o "$DEMO_USER" -g "$(id -gn "$DEMO_USER")" "$DEMO_SOURCE/build/release"
		chown -R "$DEMO_USER:" "$DEMO_SOURCE/build/release"
	fi
	cd "$DEMO_SOURCE" || die "$DEMO_SOURCE cannot be entered"
	build_preset release
	cd "$ROOT" || die "$ROOT cannot be entered"
}

# The user may not read the checkout, so builds a copy of it.
demo_copy_source() {
	install -d -o "$DEMO_USER" -g "$(id -gn "$DEMO_USER")" -m 0755 \
		"$DEMO_ELSEWHERE" "$DEMO_SOURCE" "$DEMO_SOURCE/build"
	find "$DEMO_SOURCE" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
	tar -C "$ROOT" --exclude=./build --exclude=./state --exclude=./.git --exclude=node_modules -cf - . |
		runuser -u "$DEMO_USER" -- tar -C "$DEMO_SOURCE" -xf -
	say "$DEMO_USER may not read $ROOT: building a copy in $DEMO_SOURCE"
}

demo_make_directories() {
	local owner=()
	if demo_is_root; then
		owner=(-o "$DEMO_USER" -g "$(id -gn "$DEMO_USER")")
		# keyd's roles pass through here to what is theirs
		if [[ $DEMO_STATE = "$DEMO_ELSEWHERE"/* ]]; then install -d -m 0755 "$DEMO_ELSEWHERE"; fi
	fi
	install -d -m 0755 "${owner[@]}" "$DEMO_STATE" "$DEMO_STATE/tls"
	install -d -m 0700 "${owner[@]}" "$DEMO_STATE/credentials"
	install -d -m 0755 "$DEMO_STATE/key" "${DEMO_SOCKET%/*}"
}

# A demonstration CA that signs one certificate; its key is not kept.
demo_make_certificate() {
	local tls=$DEMO_STATE/tls log=$DEMO_STATE/tls/openssl.log
	if demo_as openssl x509 -checkend 86400 -noout -in "$tls/keyd.pem" >/dev/null 2>&1; then return 0; fi
	if ! demo_make_certificate_in "$tls" >"$log" 2>&1; then
		die "openssl made no certificate; $log says why"
	fi
	rm -f "$log" "$tls/ca-key.pem" "$tls/request"
	chmod 0644 "$tls/ca.pem" "$tls/keyd.pem"
}

demo_make_certificate_in() {
	local new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch)
	demo_as openssl req -x509 "${new[@]}" -keyout "$1/ca-key.pem" -out "$1/ca.pem" -days 825 \
		-subj '/O=keyd/CN=keyd demonstration CA' \
		-addext basicConstraints=critical,CA:true,pathlen:0 -addext keyUsage=critical,keyCertSign &&
		demo_as openssl req "${new[@]}" -keyout "$1/keyd-key.pem" -out "$1/request" -subj /CN=localhost \
			-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' \
			-addext basicConstraints=critical,CA:false -addext extendedKeyUsage=serverAuth &&
		demo_as openssl x509 -req -in "$1/request" -CA "$1/ca.pem" -CAkey "$1/ca-key.pem" \
			-copy_extensions copyall -days 824 -out "$1/keyd.pem"
}

demo_port_is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# demo_pick_port WANTED NOT: the first free one from WANTED on.
demo_pick_port() {
	local port=$1
	while demo_port_is_taken "$port" || [ "$port" = "$2" ]; do port=$((port + 1)); done
	if [ "$port" != "$1" ]; then say "Port $1 is taken: keyd uses $port" >&2; fi
	printf '%s\n' "$port"
}

demo_url() { sed -nE 's/^ *url: "(.*)"/\1/p' "$KEYD_CONFIG"; }

demo_write_config() {
	local public=8443 admin=8444 people='' zone=UTC
	if [ -e "$KEYD_CONFIG" ]; then # tokens name the address: keep it where it is free
		public=$(demo_url)
		public=${public##*:}
	fi
	public=$(demo_pick_port "$public" '')
	admin=$(demo_pick_port $admin "$public")
	if demo_is_root; then people=$(id -gn "$DEMO_USER"); fi
	if [ -e /usr/share/zoneinfo/America/Chicago ]; then zone=America/Chicago; fi
	demo_write "$KEYD_CONFIG" <<-END
		# The demonstration's configuration; keyd config show says what each setting means.
		state_directory: "$DEMO_STATE/data"
		audit:
		  sink: "$DEMO_STATE/sink"
		seal:
		  key_file: "$DEMO_STATE/key/seal.key"
		public:
		  url: "https://localhost:$public"
		  listen: ["127.0.0.1:$public"]
		admin:
		  listen: ["127.0.0.1:$admin"]
		  socket: "$DEMO_SOCKET"
		  socket_group: "$people"
		tls:
		  certificate: "$DEMO_STATE/tls/keyd.pem"
		  key: "$DEMO_STATE/tls/keyd-key.pem"
		time_zone: "$zone"
	END
}

# --- keyd's process ------------------------------------------------------------------------------

# Prints the process id of the demonstration's keyd; false when it does not run.
demo_pid() {
	local pid line
	read -r pid 2>/dev/null <"$DEMO_STATE/run/keyd.pid" || return 1
	line=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 1
	[[ $line = *"$KEYD_CONFIG"* ]] && printf '%s\n' "$pid"
}

demo_answers() {
	[ "$(demo_as curl --silent --max-time 2 --unix-socket "$DEMO_SOCKET" "http://keyd/$1" 2>/dev/null | head -n 1)" = "$2" ]
}

# demo_wait PATH ANSWER: until keyd says so.
demo_wait() {
	local until=$((SECONDS + DEMO_WAIT))
	until demo_answers "$1" "$2"; do
		if ! demo_pid >/dev/null; then
			tail -n 20 "$DEMO_STATE/keyd.log" >&2
			die "keyd ended; its log is $DEMO_STATE/keyd.log"
		fi
		if [ "$SECONDS" -ge "$until" ]; then
			tail -n 20 "$DEMO_STATE/keyd.log" >&2
			die "keyd is not ready after $DEMO_WAIT s; its log is $DEMO_STATE/keyd.log"
		fi
		sleep 0.1
	done
}

demo_start() {
	setsid "$DEMO_BIN/keyd" serve --config "$KEYD_CONFIG" >>"$DEMO_STATE/keyd.log" 2>&1 </dev/null {DEMO_LOCK}>&- &
	printf '%s\n' $! >"$DEMO_STATE/run/keyd.pid"
	demo_wait healthz ok
}

# Stops in order, by the socket; by a signal where that does not answer.
demo_end() {
	local pid until
	pid=$(demo_pid) || return 0
	if ! demo_as "$DEMO_BIN/keyd" stop --yes >/dev/null 2>&1; then
		kill -TERM "$pid" 2>/dev/null || die "keyd (process $pid) belongs to root: sudo ./bootstrap stop"
	fi
	until=$((SECONDS + DEMO_WAIT))
	while [ -e "/proc/$pid" ]; do
		if [ "$SECONDS" -ge "$until" ]; then die "keyd (process $pid) has not stopped in $DEMO_WAIT s"; fi
		sleep 0.1
	done
	rm -f "$DEMO_STATE/run/keyd.pid"
}

# --- the state -----------------------------------------------------------------------------------

demo_remove() {
	local trash
	if [ ! -e "$DEMO_STATE" ]; then return 0; fi
	rm -rf "$DEMO_STATE" 2>/dev/null || die "$DEMO_STATE has files of root: sudo ./bootstrap reset"
	trash=${DEMO_SOCKET%/*}
	if [[ $trash = /tmp/keyd-demo-* ]]; then rm -rf "$trash"; fi
}

# keyd's keys, its first owner, and a state that looks like one.
demo_fill() {
	local out code=$DEMO_STATE/recovery-code.txt started=$SECONDS entries
	local init=(--owner "$DEMO_USER" --tenant 'State of Grand Bend' --key-beside-data)
	out=$("$DEMO_BIN/keyd" init "${init[@]}" --recovery-code-to "$code" 2>&1) || die "keyd init: $out"
	if demo_is_root; then chown "$DEMO_USER:" "$code"; fi
	demo_wait readyz ready
	entries=$(demo_as "$DEMO_SOURCE/tests/support/demo-state" "$DEMO_BIN/keyd" "$DEMO_STATE/credentials" \
		"$(demo_url)" "$DEMO_STATE/tls/ca.pem") || die "the demonstration state is not complete"
	demo_as touch "$DEMO_STATE/complete"
	say "made a demonstration state of $entries entries in $((SECONDS - started)) s"
}

# --- what is shown -------------------------------------------------------------------------------

demo_step() {
	DEMO_STEP=$((DEMO_STEP + 1))
	printf '\n%s%d. %s%s\n' "$DEMO_BOLD" "$DEMO_STEP" "$1" "$DEMO_PLAIN"
}

# Output, set off: tokens cut short, the members of JSON one to a line, rows of tables cut at the
# width, sentences folded.
demo_indent() {
	sed -E -e 's/(eyJ[A-Za-z0-9_-]{9})[A-Za-z0-9_.-]{40,}/\1.../g' \
		-e '/^\{/{s/"([A-Za-z_]+)":/"\1": /g;s/,"/,\n "/g}' |
		awk 'length > 105 && /^ *(SEQUENCE|[0-9]+) / { $0 = substr($0, 1, 102) "..." } { print }' |
		fold -s -w 105 | sed -e 's/^/     /'
}

# Prints a line as one would type it, runs it as the user, prints and keeps what it answers.
demo_do() {
	printf '\n%s   $ %s%s\n' "$DEMO_DIM" "${1//$'\n'/$'\n'     }" "$DEMO_PLAIN"
	if ! DEMO_SAID=$(cd "$ROOT" && PATH="$DEMO_BIN:$PATH" demo_as bash -c "$1" 2>&1); then
		printf '%s\n' "$DEMO_SAID" | demo_indent
		die "that did not work; keyd's log is $DEMO_STATE/keyd.log"
	fi
	if [ -n "$DEMO_SAID" ]; then printf '%s\n' "$DEMO_SAID" | demo_indent; fi
}

# A credential's file as curl reads it, so that a secret is never an argument.
demo_curl_file() {
	local from=$DEMO_STATE/credentials/$1.txt to=$DEMO_STATE/credentials/$1.curl
	printf 'user = "%s:%s"\ncacert = "%s"\nsilent\nshow-error\n' \
		"$(sed -n 's/^key=//p' "$from")" "$(sed -n 's/^secret=//p' "$from")" "$DEMO_STATE/tls/ca.pem" |
		demo_write "$to"
}

# Standard input into a file that only the user can read.
demo_write() { (umask 077 && demo_as tee "$1" >/dev/null); }

demo_expect() {
	if [[ $DEMO_SAID != *"$1"* ]]; then die "expected $1; keyd's log is $DEMO_STATE/keyd.log"; fi
}

# Keeps the token of the last answer in a file.
demo_keep_token() {
	sed -nE 's/.*"access_token":"([^"]*)".*/\1/p' <<<"$DEMO_SAID" | tr -d '\n' | demo_write "$1"
}

demo_main_job() {
	local year c url n name
	c=$(demo_short "$DEMO_STATE/credentials")
	url=$(demo_url)
	year=$(demo_as "$DEMO_BIN/keyd" year list --sort -year --limit 1 --json | sed -nE 's/.*"year": ?([0-9]+).*/\1/p' | head -n 1)
	DEMO_STEP=0
	rm -f "$DEMO_STATE"/credentials/first.* "$DEMO_STATE"/credentials/second.* "$DEMO_STATE"/credentials/*token
	demo_curl_file state-ods

	say ""
	say "One key's whole life, each line as you would type it, after"
	say ""
	say "   PATH=$DEMO_BIN:\$PATH"
	say "   export KEYD_CONFIG=$KEYD_CONFIG"

	demo_step "A vendor's system gets a key and a secret for Grand Bend ISD and this school year"
	demo_do "keyd client add 'Rollbook at Grand Bend ISD' \\
  --application 'Rollbook Grand Bend ISD' --school-year $year"
	n=$(demo_as "$DEMO_BIN/keyd" client list --sort -id --limit 1 --json | sed -nE 's/.*"id": ?([0-9]+).*/\1/p' | head -n 1)
	demo_do "keyd client issue $n --to $c/first.txt"
	demo_curl_file first

	demo_step "With them it fetches a token (curl reads key and secret from a file, never from an argument)"
	demo_do "curl --config $c/first.curl --data grant_type=client_credentials \\
  $url/oauth/token"
	demo_keep_token "$DEMO_STATE/credentials/token"

	demo_step "An ODS asks whether that token is good: it is"
	demo_do "curl --config $c/state-ods.curl --data-urlencode token@$c/token \\
  $url/oauth/introspect"
	demo_expect '"active":true'

	demo_step "The secret is rotated: the same key, a second secret, and both work for 30 days"
	demo_do "keyd client rotate $n --overlap-days 30 --to $c/second.txt"
	demo_curl_file second
	for name in first second; do
		demo_do "curl --config $c/$name.curl --data grant_type=client_credentials \\
  $url/oauth/token"
		demo_expect '"access_token"'
	done

	demo_step "The key turns up in a public place. Whose is it? Stop it, everywhere, now"
	demo_do "keyd client find $(sed -nE 's/^key=//p' "$DEMO_STATE/credentials/first.txt" | cut -c 3-12)"
	demo_do "keyd client revoke $n --reason 'seen in a public repository' --yes"

	demo_step "The same token, asked about again: dead. And there are no new ones"
	demo_do "curl --config $c/state-ods.curl --data-urlencode token@$c/token \\
  $url/oauth/introspect"
	demo_expect '"active":false'
	demo_do "curl --config $c/second.curl --data grant_type=client_credentials \\
  $url/oauth/token"
	demo_expect invalid_client

	demo_step "Who did what? The audit chain says, and shows every edit of itself"
	demo_do "keyd audit list --object client --object-id $n"
	demo_do "keyd audit verify"
	demo_as touch "$DEMO_STATE/shown"
}

demo_farewell() {
	local as=''
	if demo_is_root; then as="sudo -u $DEMO_USER "; fi
	if demo_is_root && [ -z "${SUDO_USER:-}" ]; then as="runuser -u $DEMO_USER -- "; fi
	say ""
	say "${DEMO_BOLD}keyd serves on $(demo_url)${DEMO_PLAIN}"
	say ""
	say "  console          ${as}$(demo_short "$DEMO_BIN")/admin-tui --socket $DEMO_SOCKET"
	say "  command line     ${as}$(demo_short "$DEMO_BIN")/keyd --config $(demo_short "$KEYD_CONFIG") status"
	say "  state directory  $DEMO_STATE"
	say "  log              $DEMO_STATE/keyd.log"
	if [ "$DEMO_FOREGROUND" = yes ]; then
		say "  stop             Ctrl-C"
	else
		say "  show it again    ./bootstrap run --show"
		say "  stop             ./bootstrap stop"
	fi
	say "  remove it all    ./bootstrap reset"
}

# --- the three commands --------------------------------------------------------------------------

# Waits for Ctrl-C; what keyd logs meanwhile is shown.
demo_serve_until_interrupted() {
	local pid
	pid=$(demo_pid) || die "keyd does not run"
	say ""
	trap 'trap - INT TERM; demo_end; say ""; say "stopped"; exit 0' INT TERM
	tail -n 0 -f --pid="$pid" "$DEMO_STATE/keyd.log" &
	wait $! || true
	say "keyd has ended"
}

# Two at once would make the same state.
demo_lock() {
	if ! mkdir -p "$ROOT/build" || ! touch -a "$ROOT/build/demo.lock"; then die "$ROOT is not yours to build in"; fi
	exec {DEMO_LOCK}<"$ROOT/build/demo.lock"
	flock --nonblock "$DEMO_LOCK" || die "another ./bootstrap run is at work here"
}

# With root the keeper owns the data, without it whoever ran this.
demo_check_owner() {
	local keeper owner
	owner=$(stat -c %U "$DEMO_STATE/data" 2>/dev/null) || return 0
	if demo_is_root; then keeper=keyd-keeper; else keeper=$DEMO_USER; fi
	if [ "$owner" = "$keeper" ]; then return 0; fi
	if demo_is_root; then die "$DEMO_STATE was made by $owner without root: run this as $owner, or reset it"; fi
	die "$DEMO_STATE was made by root: sudo ./bootstrap run"
}

# Starts keyd, with the state that is there or a new one.
demo_bring_up() {
	demo_build
	demo_make_directories
	demo_make_certificate
	demo_write_config
	demo_start
	if [ -e "$DEMO_STATE/complete" ]; then demo_wait readyz ready; else demo_fill; fi
}

demo_run() {
	demo_options "$@"
	demo_user
	demo_make_users
	demo_places
	demo_lock
	if [ -e "$DEMO_STATE" ] && [ ! -e "$DEMO_STATE/complete" ]; then
		say "The state in $DEMO_STATE was never completed: making it anew"
		demo_end
		demo_remove
	fi
	if demo_pid >/dev/null; then
		say "keyd runs already, with the state in $DEMO_STATE"
	else
		demo_check_owner
		if [ -e "$DEMO_STATE" ]; then say "Starting the keyd that is there, with the state in $DEMO_STATE"; fi
		demo_bring_up
	fi
	if [ ! -e "$DEMO_STATE/shown" ] || [ "$DEMO_SHOW" = yes ]; then demo_main_job; fi
	demo_farewell
	exec {DEMO_LOCK}>&-
	if [ "$DEMO_FOREGROUND" = yes ]; then demo_serve_until_interrupted; fi
}

demo_stop() {
	demo_options "$@"
	demo_places
	if demo_pid >/dev/null; then
		demo_end
		say "stopped; ./bootstrap run starts it again with the state in $DEMO_STATE"
	else
		say "keyd does not run here"
	fi
}

demo_reset() {
	local answer
	demo_options "$@"
	demo_places
	if [ ! -e "$DEMO_STATE" ]; then
		say "there is no state in $DEMO_STATE"
		return 0
	fi
	if [ "$DEMO_YES" = no ]; then
		printf 'This removes %s with all its keys, clients and audit records. Type reset to go on: ' "$DEMO_STATE"
		read -r answer || answer=''
		if [ "$answer" != reset ]; then die "nothing was removed"; fi
	fi
	demo_end
	demo_remove
	say "removed $DEMO_STATE"
}
