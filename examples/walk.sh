# What every try.sh shares: starts its example on a free port with a file of its own, asks with curl, and prints what
# was asked, what was expected and what came. `finish` exits with 1 if any of it differs. Sourced, not run.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

example=${1:?walk.sh takes the name of the example}
token='try-admin-token-0123456789abcdef'
folder=$(mktemp -d)
log="$folder/server.log"
server=''
failures=0
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT

start() { # further variables of the environment
  : >"$log"
  env PORT=0 DATABASE_URL="sqlite:$folder/keys.db" KEYWARD_ADMIN_TOKEN="$token" "$@" \
    node --import tsx "examples/$example/server.ts" >"$log" 2>&1 &
  server=$!
  for _ in $(seq 600); do grep -q '"ready":true' "$log" && break; sleep 0.05; done
  url=$(json url <"$log")
  [ -n "$url" ] || { cat "$log"; exit 1; }
}
stop() { kill "$server"; wait "$server"; exited=$?; }
# Reads one member (a path with dots) of the JSON on standard input; null prints as null.
json() { node -e 'let v = JSON.parse(require("fs").readFileSync(0, "utf8")); for (const k of process.argv[1].split(".")) v = v?.[k]; console.log(v === undefined ? "" : v)' "$1" 2>/dev/null; }
check() { # what, expected, got
  if [ "$2" = "$3" ]; then printf 'ok    %-62s %s\n' "$1" "$3"; else printf 'WRONG %-62s %s, expected %s\n' "$1" "$3" "$2"; failures=$((failures + 1)); fi
}
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
# One header field of an answer that `curl -i` printed on standard input.
field() { tr -d '\r' | awk -v name="$1:" 'tolower($1) == tolower(name) { $1 = ""; print substr($0, 2) }'; }
admin() { curl -s -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
# Asks again until an answer is the one expected, for what is written in batches: 20 seconds at most.
eventually() { # expected, command
  local got; for _ in $(seq 100); do got=$("${@:2}"); [ "$got" = "$1" ] && break; sleep 0.2; done; echo "$got"
}
finish() {
  echo
  if [ "$failures" -eq 0 ]; then echo 'Everything is as the table says.'; else echo "$failures differ."; exit 1; fi
}
