#!/usr/bin/env bash
# Walks through VideoGen's table with curl.
. "$(dirname "$0")/../walk.sh" videogen

image() { curl -s -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d "${body:-{\"prompt\":\"A quiet lake\"\}}" "${@:2}" "$url/v1/tools/generate-image"; }
files() { curl -s -H "Authorization: Bearer $1" "${@:2}" "$url/v1/files"; }
with_client() { VIDEOGEN_URL=$url VIDEOGEN_API_KEY=$1 node --import tsx examples/videogen/try-client.ts; }
# Status and body of an answer that `curl -i` printed on standard input.
answer() { tr -d '\r' | awk 'NR == 1 { printf "%s ", $2 } body { printf "%s", $0 } /^$/ { body = 1 }'; }

start
printf 'VideoGen runs at %s\n\n' "$url"
unauthorized='401 {"message":"Unauthorized"}'

echo 'Keys'
created=$(admin -d '{"name":"Production","owner":"acme"}' "$url/manage/keys")
key=$(json apiKey <<<"$created"); id=$(json id <<<"$created")
check 'a key is vg_key_ and random' yes "$([[ $key =~ ^vg_key_[0-9A-Za-z]{49}$ ]] && echo yes || echo "$created")"
check 'it is shown once: not in GET' '' "$(admin "$url/manage/keys/$id" | json apiKey)"
check 'nor in the list' '' "$(admin "$url/manage/keys?owner=acme" | json items.0.apiKey)"

echo; echo '401, and nothing else in the body'
check 'no header' "$unauthorized" "$(curl -s -i "$url/v1/files" | answer)"
check 'another scheme' "$unauthorized" "$(curl -s -i -H "Authorization: Basic $key" "$url/v1/files" | answer)"
check 'a malformed key' "$unauthorized" "$(files vg_key_123 -i | answer)"
check 'an unknown key' "$unauthorized" "$(files "${key:0:20}$(printf '0%.0s' {1..36})" -i | answer)"
check 'no key in the query string' "$unauthorized" "$(curl -s -i "$url/v1/files?token=$key" | answer)"
check 'on POST as well' "$unauthorized" "$(image vg_key_123 -i | answer)"
check 'and in the management API' "$unauthorized" "$(curl -s -i "$url/manage/keys" | answer)"

echo; echo 'Files and images'
check 'no files yet' '{"files":[]}' "$(files "$key")"
made=$(image "$key")
check 'an image is made' yes "$([[ $(json id <<<"$made") =~ ^file_ ]] && echo yes || echo "$made")"
check 'and is among the files' "$(json id <<<"$made")" "$(files "$key" | json files.0.id)"
other=$(admin -d '{"name":"Other","owner":"umbrella"}' "$url/manage/keys" | json apiKey)
check "another organization's files are its own" '{"files":[]}' "$(files "$other")"
check 'a body that breaks a rule' '422 message' "$(body='{}' image "$key" -o "$folder/invalid" -w '%{http_code}') $(node -e 'console.log(Object.keys(JSON.parse(require("fs").readFileSync(process.argv[1]))).join())' "$folder/invalid")"
check 'a path that is not there' '404 {"message":"Not found."}' "$(curl -s -i "$url/nowhere" | answer)"

echo; echo 'With new Client({ token: process.env.VIDEOGEN_API_KEY })'
check 'an image is made, and listed' 'made and listed' "$(with_client "$key")"
check 'a key that is none' '401 Unauthorized' "$(with_client vg_key_123)"

echo; echo 'For AI agents'
index=$(curl -s "$url/llms.txt"); full=$(curl -s "$url/llms-full.txt")
check '/llms.txt needs no key' 200 "$(status "$url/llms.txt")"
check 'and is text' 'text/plain; charset=utf-8' "$(curl -s -i "$url/llms.txt" | field Content-Type)"
check 'it begins with a title' '# VideoGen' "$(head -n 1 <<<"$index")"
check 'and a summary' '> ' "$(sed -n 3p <<<"$index" | cut -c 1-2)"
check 'its sections are lists of links' 'Docs Optional' "$(grep '^## ' <<<"$index" | cut -c 4- | paste -sd' ')"
links=$(grep -o '](http[^)]*)' <<<"$index" | tr -d '()]')
check 'six of them' 6 "$(wc -l <<<"$links")"
check 'that all lead somewhere' 200 "$(for link in $links; do status "$link"; echo; done | sort -u)"
check '/llms-full.txt needs no key' 200 "$(status "$url/llms-full.txt")"
check 'and is text as well' 'text/plain; charset=utf-8' "$(curl -s -i "$url/llms-full.txt" | field Content-Type)"
check 'it has every page' 'Quickstart,Authentication,List files,Generate an image,Errors' "$(grep '^## ' <<<"$full" | cut -c 4- | paste -sd,)"
check 'and both routes' 2 "$(grep -oE 'GET /v1/files|POST /v1/tools/generate-image' <<<"$full" | sort -u | wc -l)"
check 'its addresses are the one that is served at' 0 "$(grep -c '{{' <<<"$full")"

echo; echo 'Revoked, and a restart'
stop
check 'SIGTERM ends it with' 0 "$exited"
start PUBLIC_URL=https://videogen.example
check 'PUBLIC_URL is what addresses begin with' yes "$(curl -s -H 'Host: evil.example' "$url/llms.txt" | grep -q 'https://videogen.example/docs/quickstart.md' && echo yes)"
check 'the files are there after the restart' 2 "$(files "$key" | node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).files.length)')"
check 'revoking says that it is fenced' true "$(admin -X POST "$url/manage/keys/$id/revoke" | json fenced)"
check 'a revoked key' "$unauthorized" "$(files "$key" -i | answer)"

echo; echo 'Dashboard'
check 'it opens, and asks for the admin token' 401 "$(status "$url/keys")"
check 'with the token it lists the keys' 200 "$(curl -s -L -c "$folder/cookies" -o /dev/null -w '%{http_code}' --data-urlencode "admin-token=$token" "$url/keys/sign-in")"
check 'another token opens nothing' 401 "$(status -d 'admin-token=wrong' "$url/keys/sign-in")"

finish
