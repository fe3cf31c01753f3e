#!/usr/bin/env bash
# Walks through ppt.video's table with curl.
. "$(dirname "$0")/../walk.sh" ppt-video

task() { curl -s -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d "${body:-{\"model\":\"ppt-1\",\"prompt\":\"Our year in slides\"\}}" "${@:2}" "$url/v1/tasks"; }
task_status() { task "$1" -o /dev/null -w '%{http_code}' "${@:2}"; }
create() { admin -d "$1" "$url/manage/keys"; }
with_client() { PPT_VIDEO_URL=$url PPT_VIDEO_API_KEY=$1 node --import tsx examples/ppt-video/try-client.ts; }
balance() { admin "$url/manage/keys/$1/credits" | json balance; }

start CREDITS=3 SCOPED_ORGANIZATIONS=acme
printf 'ppt.video runs at %s\n\n' "$url"

echo 'Keys'
created=$(create '{"name":"Production render service","owner":"acme","scopes":["tasks:write"],"metadata":{"environment":"production","service":"render"}}')
key=$(json apiKey <<<"$created"); id=$(json id <<<"$created")
check 'a key is named' 'Production render service' "$(json name <<<"$created")"
check 'and has a scope' tasks:write "$(json scopes.0 <<<"$created")"
check 'it is ppt_ and random' yes "$([[ $key =~ ^ppt_[0-9A-Za-z]{49}$ ]] && echo yes || echo "$created")"
check 'it is shown once: not in GET' '' "$(admin "$url/manage/keys/$id" | json apiKey)"
check 'an organization that requires scoping has no key without a scope' '422 scopes' "$(create '{"name":"Unscoped","owner":"acme"}' | node -e 'const { error } = JSON.parse(require("fs").readFileSync(0)); console.log(error.code === "validation_failed" ? 422 : error.code, error.issues[0].path[0])')"
check 'another organization may' 201 "$(status -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"name":"Unscoped","owner":"umbrella"}' "$url/manage/keys")"

echo; echo 'Keys per environment and service'
staging=$(create '{"name":"Staging render service","owner":"acme","scopes":["tasks:write"],"metadata":{"environment":"staging","service":"render"}}' | json apiKey)
uploads=$(create '{"name":"Production upload service","owner":"acme","scopes":["uploads:write"],"metadata":{"environment":"production","service":"upload"}}' | json apiKey)
listed=$(admin "$url/manage/keys?owner=acme")
check 'three distinct keys' 3 "$(printf '%s\n' "$key" "$staging" "$uploads" | sort -u | wc -l)"
check 'told apart in the list by name' 'Production upload service,Staging render service,Production render service' "$(node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).items.map((k) => k.name).join())' <<<"$listed")"
check 'by environment and service' 'production/upload staging/render production/render' "$(node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).items.map((k) => `${k.metadata.environment}/${k.metadata.service}`).join(" "))' <<<"$listed")"
check 'and by how they begin' "${uploads:0:12} ${staging:0:12} ${key:0:12}" "$(node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).items.map((k) => k.start).join(" "))' <<<"$listed")"

echo; echo '401 and 403'
check 'no key' '401 missing_authorization_header' "$(status -X POST "$url/v1/tasks") $(curl -s -X POST "$url/v1/tasks" | json error.code)"
check 'another scheme' 401 "$(status -H "Authorization: Basic $key" -X POST "$url/v1/tasks")"
check 'an invalid key' '401 invalid_api_key' "$(task_status ppt_not_a_key) $(task ppt_not_a_key | json error.code)"
check 'no key in the query string' 401 "$(status -X POST "$url/v1/tasks?api_key=$key")"
check 'a key of another scope' '403 insufficient_scope' "$(task_status "$uploads") $(task "$uploads" | json error.code)"

echo; echo 'Tasks and credits'
check 'a key starts with CREDITS' 3 "$(balance "$id")"
made=$(task "$key")
check 'a task is made' yes "$([[ $(json id <<<"$made") =~ ^task_ ]] && echo yes || echo "$made")"
check 'it costs 1 credit' 2 "$(json credits_left <<<"$made")"
check 'a good key and a bad body' '422 validation_failed' "$(body='{"model":"ppt-1"}' task_status "$key") $(body='{"model":"ppt-1"}' task "$key" | json error.code)"
check 'says which field' prompt "$(body='{"model":"ppt-1"}' task "$key" | json error.issues.0.path.0)"
check 'and costs nothing' 2 "$(balance "$id")"
check 'a bad body without a key is still 401' 401 "$(body='{}' task_status ppt_not_a_key)"
check 'a retry with the same Idempotency-Key' 'made once' "$([ "$(task "$key" -H 'Idempotency-Key: deck-1' | json id)" = "$(task "$key" -H 'Idempotency-Key: deck-1' | json id)" ] && echo 'made once')"
check 'is paid once' 1 "$(balance "$id")"
check 'a client of a few lines, with the key of its environment' queued "$(with_client "$key")"
check 'without credits it is' '402 insufficient_credits' "$(with_client "$key")"
check 'nothing was taken' 0 "$(balance "$id")"
check 'credits are topped up' 5 "$(admin -d '{"amount":5,"operationId":"invoice-1"}' "$url/manage/keys/$id/credits/top-ups" | json balance)"
check 'the same top-up again adds nothing' 5 "$(admin -d '{"amount":5,"operationId":"invoice-1"}' "$url/manage/keys/$id/credits/top-ups" | json balance)"
check 'and tasks go on' 4 "$(task "$key" | json credits_left)"
check 'each with its movement' 'debit -1' "$(admin "$url/manage/keys/$id/credits/movements?limit=1" | node -e 'const [m] = JSON.parse(require("fs").readFileSync(0)).items; console.log(m.kind, m.amount)')"

echo; echo 'Usage'
counted=$(create '{"name":"Counted","owner":"acme","scopes":["tasks:write"]}')
countedKey=$(json apiKey <<<"$counted"); countedId=$(json id <<<"$counted")
for _ in 1 2; do task "$countedKey" >"$folder/task"; done
body='{}' task "$countedKey" >"$folder/task"
usage() { admin "$url/manage/usage?keyId=$countedId" | node -e 'const { totals: t } = JSON.parse(require("fs").readFileSync(0)); console.log(t.requests, t.succeeded, t.credits)'; }
check 'requests, successes and credits of a key are counted' '3 2 2' "$(eventually '3 2 2' usage)"
check 'keys are told apart in it' 3 "$(admin "$url/manage/usage?owner=acme&by=key" | node -e 'const { groups } = JSON.parse(require("fs").readFileSync(0)); console.log(groups.find(({ name }) => name === process.argv[1])?.requests)' "$countedId")"
check 'and routes' yes "$(admin "$url/manage/usage?owner=acme&by=route" | grep -q '/v1/tasks' && echo yes)"

echo; echo 'Rotation on a schedule: create, deploy, check, revoke the old'
age=$(admin "$url/manage/keys/$id" | node -e 'console.log(Math.floor((Date.now() - Date.parse(JSON.parse(require("fs").readFileSync(0)).createdAt)) / 864e5))')
check 'the age of a key is known: due after 90 days' 0 "$age"
next=$(create '{"name":"Production render service 2","owner":"acme","scopes":["tasks:write"],"metadata":{"environment":"production","service":"render"}}')
nextKey=$(json apiKey <<<"$next"); nextId=$(json id <<<"$next")
check 'deployed, the new key works' queued "$(with_client "$nextKey")"
check 'the old one still does, so nothing is refused meanwhile' 200 "$(task_status "$key")"
for _ in $(seq 100); do used=$(admin "$url/manage/keys/$nextId" | json lastUsedAt); [ "$used" != null ] && break; sleep 0.1; done
check 'the list shows that the new key is in use' yes "$([[ $used =~ ^20.*Z$ ]] && echo yes || echo "$used")"
check 'the old one is revoked, everywhere at once' true "$(admin -X POST "$url/manage/keys/$id/revoke" | json fenced)"
check 'from then on it is refused' '401 invalid_api_key' "$(with_client "$key")"
check 'and still listed, as revoked' revoked "$(admin "$url/manage/keys/$id" | json state)"
check 'the new one goes on' 200 "$(task_status "$nextKey")"

echo; echo 'Dashboard'
check 'it opens, and asks for the admin token' 401 "$(status "$url/keys")"
check 'with the token it lists the keys' 200 "$(curl -s -L -c "$folder/cookies" -o /dev/null -w '%{http_code}' --data-urlencode "admin-token=$token" "$url/keys/sign-in")"
check 'another token opens nothing' 401 "$(status -d 'admin-token=wrong' "$url/keys/sign-in")"

echo; echo 'Restart'
stop
check 'SIGTERM ends it with' 0 "$exited"
start CREDITS=3 SCOPED_ORGANIZATIONS=acme
check 'the revoked key is refused after the restart' 401 "$(task_status "$key")"
check 'the new one works, with the credit that it has left' 0 "$(task "$nextKey" | json credits_left)"

finish
