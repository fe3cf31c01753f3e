#!/usr/bin/env bash
# Walks through Pipevideo's table with curl.
. "$(dirname "$0")/../walk.sh" pipevideo

generate() { curl -s -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d '{"model":"pv-1","prompt":"A quiet lake"}' "${@:2}" "$url/v1/video/generations"; }

start
printf 'Pipevideo runs at %s\n\n' "$url"

echo 'Keys'
created=$(admin -d '{"name":"Production","owner":"acme"}' "$url/manage/keys")
key=$(json apiKey <<<"$created"); id=$(json id <<<"$created")
check 'a key is pv_ and 64 hex characters' yes "$([[ $key =~ ^pv_[0-9a-f]{64}$ ]] && echo yes || echo "$created")"
check 'it belongs to an organization' acme "$(json owner <<<"$created")"
check 'it has a name' Production "$(json name <<<"$created")"
check 'it is shown once: not in GET' '' "$(admin "$url/manage/keys/$id" | json apiKey)"
check 'the list shows its first 12 characters' "${key:0:12}" "$(admin "$url/manage/keys?owner=acme" | json items.0.start)"
check 'without the admin token the management API is closed' 401 "$(status "$url/manage/keys")"

echo; echo '401 without a valid key'
check 'no Authorization header' 401 "$(status -X POST "$url/v1/video/generations")"
check 'another scheme' 401 "$(status -H "Authorization: Basic $key" -X POST "$url/v1/video/generations")"
check 'an unknown key' 401 "$(status -H "Authorization: Bearer pv_$(printf '0%.0s' {1..64})" -X POST "$url/v1/video/generations")"
check 'no key in the query string' 401 "$(status -X POST "$url/v1/video/generations?api_key=$key")"
check 'its error has an upper-case code and a message' 'MISSING_AUTHORIZATION_HEADER code,message' "$(curl -s -X POST "$url/v1/video/generations" | node -e 'const { error } = JSON.parse(require("fs").readFileSync(0)); console.log(error.code, Object.keys(error).join())')"

echo; echo 'Generations and attribution'
bare=$(generate "$key")
check 'without attribution a generation is made' yes "$([[ $(json id <<<"$bare") =~ ^gen_ ]] && echo yes || echo "$bare")"
check 'and its referer is null' null "$(json attribution.referer <<<"$bare")"
full=$(generate "$key" -H 'X-Application-Name: studio' -H 'HTTP-Referer: https://app.example/create#top' -H 'X-Pipevideo-Title: Studio')
gen=$(json id <<<"$full")
again=$(curl -s -H "Authorization: Bearer $key" "$url/v1/video/generations/$gen")
check 'application_name comes back' studio "$(json application_name <<<"$again")"
check 'the referer comes back, without its fragment' https://app.example/create "$(json attribution.referer <<<"$again")"
check 'the title comes back' Studio "$(json attribution.title <<<"$again")"
check 'X-App-Name and X-Title do as well' 'cli Other' "$(generate "$key" -H 'X-App-Name: cli' -H 'X-Title: Other' | node -e 'const g = JSON.parse(require("fs").readFileSync(0)); console.log(g.application_name, g.attribution.title)')"
check 'a name is cut to 256 characters' 256 "$(generate "$key" -H "X-Application-Name: $(printf 'a%.0s' {1..300})" | json application_name | tr -d '\n' | wc -c)"
check 'a referer that is not http is dropped' null "$(generate "$key" -H 'Referer: javascript:alert(1)' | json attribution.referer)"
check 'localhost without a title is not tracked' null "$(generate "$key" -H 'Referer: http://localhost:3000/' | json attribution.referer)"
check 'localhost with a title is' http://localhost:3000/ "$(generate "$key" -H 'Referer: http://localhost:3000/' -H 'X-Title: Dev' | json attribution.referer)"
other=$(admin -d '{"name":"Other","owner":"umbrella"}' "$url/manage/keys" | json apiKey)
check "another organization's generation is not there" 404 "$(status -H "Authorization: Bearer $other" "$url/v1/video/generations/$gen")"

echo; echo 'Rankings'
generate "$key" -H 'HTTP-Referer: https://app.example/create' -H 'X-Title: Studio' >"$folder/ranked"
ranked() { admin "$url/manage/rankings?owner=acme" | node -e 'const { items } = JSON.parse(require("fs").readFileSync(0)); const i = items.find(({ referer }) => referer === "https://app.example/create"); console.log(i?.requests, i?.title)'; }
check 'usage by app: the referer first, the title as its name' '2 Studio' "$(eventually '2 Studio' ranked)"
check 'an app without a referer goes by its title' yes "$(admin "$url/manage/rankings?owner=acme" | node -e 'const { items } = JSON.parse(require("fs").readFileSync(0)); console.log(items.some(({ referer, title }) => referer === null && title === "Other") ? "yes" : JSON.stringify(items))')"
check "another organization's are its own" 0 "$(admin "$url/manage/rankings?owner=initech" | node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).items.length)')"

echo; echo 'Rate limit'
limited=$(admin -d '{"name":"Limited","owner":"acme"}' "$url/manage/keys" | json apiKey)
seq 101 | xargs -P 8 -I{} curl -s -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $limited" "$url/v1/video/generations/$gen" | sort | uniq -c | tr -s ' ' >"$folder/codes"
check '101 requests at 100 a minute' ' 100 200, 1 429' "$(paste -sd, "$folder/codes" | sed 's/,/,/')"
over=$(curl -s -i -H "Authorization: Bearer $limited" "$url/v1/video/generations/$gen" | tr -d '\r')
check 'the 429 has the exact body' '{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded. Please try again later."}}' "$(tail -n 1 <<<"$over")"
check 'and Retry-After in seconds, 1 to 60' yes "$(awk 'tolower($1)=="retry-after:" && $2>=1 && $2<=60 {print "yes"}' <<<"$over")"
check 'another key of the organization has its own window' 200 "$(status -H "Authorization: Bearer $key" "$url/v1/video/generations/$gen")"

echo; echo 'Rotation'
rotated=$(admin -d '{"graceSeconds":60}' "$url/manage/keys/$id/rotate")
next=$(json apiKey <<<"$rotated"); nextId=$(json id <<<"$rotated")
check 'the new key works' 200 "$(status -H "Authorization: Bearer $next" "$url/v1/video/generations/$gen")"
check 'the old one works on during its grace' 200 "$(status -H "Authorization: Bearer $key" "$url/v1/video/generations/$gen")"
check 'revoking says that it is fenced' true "$(admin -X POST "$url/manage/keys/$id/revoke" | json fenced)"
check 'then the old one is refused' 401 "$(status -H "Authorization: Bearer $key" "$url/v1/video/generations/$gen")"
check 'and still listed as revoked' revoked "$(admin "$url/manage/keys/$id" | json state)"

echo; echo 'Dashboard'
check 'it opens, and asks for the admin token' 401 "$(status "$url/keys")"
check 'with the token it lists the keys' 200 "$(curl -s -L -c "$folder/cookies" -o /dev/null -w '%{http_code}' --data-urlencode "admin-token=$token" "$url/keys/sign-in")"
check 'another token opens nothing' 401 "$(status -d 'admin-token=wrong' "$url/keys/sign-in")"

echo; echo 'Restart'
stop
check 'SIGTERM ends it with' 0 "$exited"
start
check 'the new key works after the restart' 200 "$(status -H "Authorization: Bearer $next" "$url/v1/video/generations/$gen")"
check 'the revoked one is refused after the restart' 401 "$(status -H "Authorization: Bearer $key" "$url/v1/video/generations/$gen")"
check 'delete removes for good' 200 "$(status -X DELETE -H "Authorization: Bearer $token" "$url/manage/keys/$nextId")"
check 'the deleted key is refused' 401 "$(status -H "Authorization: Bearer $next" "$url/v1/video/generations/$gen")"
check 'and no longer there' 404 "$(status -H "Authorization: Bearer $token" "$url/manage/keys/$nextId")"

finish
