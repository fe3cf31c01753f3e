#!/usr/bin/env bash
# Walks through Pi's table with curl.
. "$(dirname "$0")/../walk.sh" pi

generate() { curl -s -i -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d "${body:-{\"model\":\"pi-1\",\"prompt\":\"A quiet lake\"\}}" "${@:2}" "$url/v1/generate" | tr -d '\r'; }
with_client() { PI_URL=$url PI_API_KEY=$1 node --import tsx examples/pi/try-client.ts; }
head_status() { awk 'NR == 1 { print $2 }'; }

start
printf 'Pi runs at %s\n\n' "$url"
created=$(admin -d '{"name":"Production","owner":"acme"}' "$url/manage/keys")
key=$(json apiKey <<<"$created"); id=$(json id <<<"$created")

echo 'Requests'
made=$(generate "$key")
check 'a generation is made' 200 "$(head_status <<<"$made")"
check 'with an id of its own' yes "$([[ $(tail -n 1 <<<"$made" | json id) =~ ^gen_ ]] && echo yes || echo "$made")"
check 'X-Request-Id is req_pi_<uuid>' yes "$([[ $(field X-Request-Id <<<"$made") =~ ^req_pi_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] && echo yes)"
check 'X-RateLimit-Limit' 100 "$(field X-RateLimit-Limit <<<"$made")"
check 'X-RateLimit-Remaining' 99 "$(field X-RateLimit-Remaining <<<"$made")"
reset=$(field X-RateLimit-Reset <<<"$made"); now=$(date +%s)
check 'X-RateLimit-Reset is in Unix seconds, up to a minute ahead' yes "$([ "$reset" -ge "$now" ] && [ "$reset" -le $((now + 61)) ] && echo yes || echo "$reset at $now")"
missing=$(curl -s -i "$url/nowhere" | tr -d '\r')
check 'a path that is not there has a request id, too' yes "$([[ $(field X-Request-Id <<<"$missing") =~ ^req_pi_ ]] && echo yes)"

echo; echo 'Errors'
none=$(curl -s -i -X POST "$url/v1/generate" | tr -d '\r')
check 'no header' '401 missing_authorization_header' "$(head_status <<<"$none") $(tail -n 1 <<<"$none" | json error.code)"
check 'its message' 'Missing Authorization header. Use Bearer <api_key>.' "$(tail -n 1 <<<"$none" | json error.message)"
check 'its type' invalid_request_error "$(tail -n 1 <<<"$none" | json error.type)"
check 'request_id is that of the header' "$(field X-Request-Id <<<"$none")" "$(tail -n 1 <<<"$none" | json error.request_id)"
bad=$(generate pi_not_a_key)
check 'a malformed key' '401 invalid_api_key' "$(head_status <<<"$bad") $(tail -n 1 <<<"$bad" | json error.code)"
check 'no limits on it' '' "$(field X-RateLimit-Limit <<<"$bad")"
invalid=$(body='{"model":""}' generate "$key")
check 'a body that breaks a rule' '422 validation_failed' "$(head_status <<<"$invalid") $(tail -n 1 <<<"$invalid" | json error.code)"

echo; echo 'Idempotency'
first=$(generate "$key" -H 'Idempotency-Key: order-1')
again=$(generate "$key" -H 'Idempotency-Key: order-1')
check 'the same key and body: the first response again' "$(tail -n 1 <<<"$first")" "$(tail -n 1 <<<"$again")"
check 'and it says so' true "$(field Idempotent-Replayed <<<"$again")"
check 'with a request id of its own' yes "$([ "$(field X-Request-Id <<<"$first")" != "$(field X-Request-Id <<<"$again")" ] && echo yes)"
other=$(body='{"model":"pi-1","prompt":"A loud sea"}' generate "$key" -H 'Idempotency-Key: order-1')
check 'the same key, another body' '409 idempotency_key_mismatch' "$(head_status <<<"$other") $(tail -n 1 <<<"$other" | json error.code)"
seq 20 | xargs -P 20 -I{} curl -s -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -H 'Idempotency-Key: order-2' -d '{"model":"pi-1","prompt":"At once"}' -o "$folder/once.{}" "$url/v1/generate"
check '20 at once run once' 1 "$(cat "$folder"/once.* | grep -o '"id":"gen_[^"]*"' | sort -u | wc -l)"
second=$(admin -d '{"name":"Other","owner":"acme"}' "$url/manage/keys" | json apiKey)
check "another key's is another request" '' "$(generate "$second" -H 'Idempotency-Key: order-1' | field Idempotent-Replayed)"

echo; echo 'With keyward/client'
check 'a generation, asked for twice' 'made once' "$(with_client "$second")"
check 'a key that is none' '401 invalid_api_key req_pi_' "$(with_client pi_not_a_key)"

echo; echo 'Rate limit'
limited=$(admin -d '{"name":"Limited","owner":"acme"}' "$url/manage/keys" | json apiKey)
seq 100 | xargs -P 8 -I{} curl -s -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $limited" -H 'Content-Type: application/json' -d '{"model":"pi-1","prompt":"One of many"}' "$url/v1/generate" | sort | uniq -c | tr -s ' ' >"$folder/codes"
check '100 requests' ' 100 200' "$(cat "$folder/codes")"
over=$(generate "$limited")
check 'one more' '429 rate_limit_exceeded rate_limit_error' "$(head_status <<<"$over") $(tail -n 1 <<<"$over" | json error.code) $(tail -n 1 <<<"$over" | json error.type)"
check 'nothing is left' 0 "$(field X-RateLimit-Remaining <<<"$over")"
check 'Retry-After in seconds' yes "$([ "$(field Retry-After <<<"$over")" -ge 1 ] && echo yes)"

echo; echo 'Revoked, and a restart'
check 'revoking says that it is fenced' true "$(admin -X POST "$url/manage/keys/$id/revoke" | json fenced)"
check 'a revoked key' '401 invalid_api_key' "$(generate "$key" | tee "$folder/revoked" | head_status) $(tail -n 1 "$folder/revoked" | json error.code)"
stop
check 'SIGTERM ends it with' 0 "$exited"
start
check 'a response is given again after the restart' true "$(generate "$second" -H 'Idempotency-Key: order-1' | field Idempotent-Replayed)"

echo; echo 'Dashboard'
check 'it opens, and asks for the admin token' 401 "$(status "$url/keys")"
check 'with the token it lists the keys' 200 "$(curl -s -L -c "$folder/cookies" -o /dev/null -w '%{http_code}' --data-urlencode "admin-token=$token" "$url/keys/sign-in")"
check 'another token opens nothing' 401 "$(status -d 'admin-token=wrong' "$url/keys/sign-in")"

finish
