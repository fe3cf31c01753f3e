#!/usr/bin/env bash
# Walks through VisionPipe's table with curl.
. "$(dirname "$0")/../walk.sh" visionpipe

session() { curl -s -X POST -H "Authorization: Bearer $1" "${@:2}" "$url/api/v1/sessions"; }
error() { curl -s -X POST "$@" "$url/api/v1/sessions"; }

start CREDITS=2
printf 'VisionPipe runs at %s\n\n' "$url"

echo 'Keys'
created=$(admin -d '{"name":"Production","owner":"acme"}' "$url/manage/keys")
key=$(json apiKey <<<"$created"); id=$(json id <<<"$created")
check 'a key is vp_live_ and 64 hex characters' yes "$([[ $key =~ ^vp_live_[0-9a-f]{64}$ ]] && echo yes || echo "$created")"
check 'only its SHA-256 is stored' 0 "$(cat "$folder"/keys.db* | grep -ac "${key:8}")"
listed=$(admin "$url/manage/keys?owner=acme")
check 'the list has its name' Production "$(json items.0.name <<<"$listed")"
check 'its first 12 characters' "${key:0:12}" "$(json items.0.start <<<"$listed")"
check 'its last use, none yet' null "$(json items.0.lastUsedAt <<<"$listed")"
check 'and its creation' yes "$([[ $(json items.0.createdAt <<<"$listed") =~ ^20.*Z$ ]] && echo yes)"
check 'a new key starts with CREDITS' 2 "$(admin "$url/manage/keys/$id/credits" | json balance)"

echo; echo 'Three different errors'
check 'no header' '{"success":false,"error":"Missing or invalid Authorization header"}' "$(error)"
check 'another scheme' '{"success":false,"error":"Missing or invalid Authorization header"}' "$(error -H "Authorization: Basic $key")"
check 'another format' '{"success":false,"error":"Invalid API key format"}' "$(error -H 'Authorization: Bearer vp_live_123')"
check 'an unknown key' '{"success":false,"error":"Invalid API key"}' "$(error -H "Authorization: Bearer vp_live_$(printf '0%.0s' {1..64})")"
check 'all of them 401' '401 401 401' "$(status -X POST "$url/api/v1/sessions") $(status -X POST -H 'Authorization: Bearer vp_live_123' "$url/api/v1/sessions") $(status -X POST -H "Authorization: Bearer vp_live_$(printf '0%.0s' {1..64})" "$url/api/v1/sessions")"

echo; echo 'Sessions and credits'
made=$(session "$key")
check 'a session is made' true "$(json success <<<"$made")"
check 'it takes 1 credit' 1 "$(json credits <<<"$made")"
check 'its token is a JWT' yes "$([[ $(json token <<<"$made") =~ ^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$ ]] && echo yes)"
check 'valid 24 hours' 86400 "$(json expiresIn <<<"$made")"
jwt=$(json token <<<"$made")
check 'it says so itself' 86400 "$(cut -d. -f2 <<<"$jwt" | node -e 'const c = JSON.parse(Buffer.from(require("fs").readFileSync(0, "utf8"), "base64url")); console.log(c.exp - c.iat)')"
check 'its address is the one that is served at' "$url/playground?token=$jwt" "$(json playgroundUrl <<<"$made")"
check 'never one from a Host header' "$url" "$(session "$key" -H 'Host: evil.example' | json playgroundUrl | sed 's|/playground.*||')"
spent=$(curl -s -i -X POST -H "Authorization: Bearer $key" "$url/api/v1/sessions")
check 'without credits it is 402' 402 "$(status -X POST -H "Authorization: Bearer $key" "$url/api/v1/sessions")"
check 'with this body' '{"success":false,"error":"Insufficient credits"}' "$(tail -n 1 <<<"$spent")"
check 'and no Retry-After' '' "$(field Retry-After <<<"$spent")"
check 'nothing was taken' 0 "$(admin "$url/manage/keys/$id/credits" | json balance)"
check 'a top-up' 201 "$(status -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"amount":5,"operationId":"order-1"}' "$url/manage/keys/$id/credits/top-ups")"
check 'the same one again adds nothing' 5 "$(admin -d '{"amount":5,"operationId":"order-1"}' "$url/manage/keys/$id/credits/top-ups" | json balance)"
check 'and sessions go on' 4 "$(session "$key" | json credits)"

echo; echo 'The playground'
check 'opens with the token' 200 "$(status "$url/playground?token=$jwt")"
check 'and tells nobody' no-referrer "$(curl -s -i "$url/playground?token=$jwt" | field Referrer-Policy)"
check 'not without one' 401 "$(status "$url/playground")"
check 'not with a changed one' 401 "$(status "$url/playground?token=${jwt}x")"
check 'not with the key itself' 401 "$(status "$url/playground?token=$key")"

echo; echo 'Delete, and a restart'
stop
check 'SIGTERM ends it with' 0 "$exited"
start PUBLIC_URL=https://vision.example
check 'the token is good after the restart' 200 "$(status "$url/playground?token=$jwt")"
check 'PUBLIC_URL is what addresses begin with' https://vision.example "$(session "$key" | json playgroundUrl | sed 's|/playground.*||')"
check 'the key is deleted' 200 "$(status -X DELETE -H "Authorization: Bearer $token" "$url/manage/keys/$id")"
check 'it is refused at once' 401 "$(status -X POST -H "Authorization: Bearer $key" "$url/api/v1/sessions")"
check 'and so is its token' 401 "$(status "$url/playground?token=$jwt")"
check 'it is off the list' '' "$(admin "$url/manage/keys?owner=acme" | json items.0.id)"
check 'and kept for audit' deleted "$(admin "$url/manage/keys/$id" | json state)"
check 'its last use is known' yes "$([[ $(admin "$url/manage/keys/$id" | json lastUsedAt) =~ ^20.*Z$ ]] && echo yes)"
check 'it cannot be used again' 409 "$(status -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$url/manage/keys/$id/enable")"
check 'nor recovered' 409 "$(status -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"name":"Back"}' "$url/manage/keys/$id")"

echo; echo 'Audit'
entries=$(admin "$url/manage/audit?owner=acme&keyId=$id")
entry() { node -e 'const { items } = JSON.parse(require("fs").readFileSync(0)); const e = items.find(({ action }) => action === process.argv[1]); console.log(e.action, e.actor, e.address)' "$1" <<<"$entries"; }
check 'its creation, with the address' 'key.created admin 127.0.0.1' "$(entry key.created)"
check 'its deletion, with the address' 'key.deleted admin 127.0.0.1' "$(entry key.deleted)"
admin "$url/manage/audit/export?owner=acme&format=csv" >"$folder/audit.csv"
check 'exported for compliance as CSV' 1 "$(grep -c '"key.deleted","'"$id"'"' "$folder/audit.csv")"
admin "$url/manage/audit/export?owner=acme" >"$folder/audit.jsonl"
check 'and as JSON Lines' 1 "$(grep -c "\"action\":\"key.deleted\",\"keyId\":\"$id\"" "$folder/audit.jsonl")"
check 'without the key' 0 "$(cat "$folder"/audit.* | grep -c "${key:12}")"
check 'and nobody has changed it since' true "$(admin "$url/manage/audit/verify?owner=acme" | json isIntact)"

echo; echo 'Dashboard'
check 'it opens, and asks for the admin token' 401 "$(status "$url/keys")"
check 'with the token it lists the keys' 200 "$(curl -s -L -c "$folder/cookies" -o /dev/null -w '%{http_code}' --data-urlencode "admin-token=$token" "$url/keys/sign-in")"
check 'another token opens nothing' 401 "$(status -d 'admin-token=wrong' "$url/keys/sign-in")"

finish
