#!/usr/bin/env bash
# From nothing to a replayed webhook with curl alone: a sandbox key, an endpoint, a top-up, the
# delivery log, a replay.
#
#   ./first_top_up.sh [gateway] [receiver]
#
# The gateway defaults to http://127.0.0.1:8000, the address of `topup dev`. The receiver defaults to
# http://127.0.0.1:3000/hook. In a terminal, this script waits until you have started the receiver.
set -euo pipefail

api="${1:-http://127.0.0.1:8000}/api/public/v1"
receiver="${2:-http://127.0.0.1:3000/hook}"

# Prints the first string field of that name in a response. A real client uses a JSON parser.
field() {
    [[ $2 =~ \"$1\":\"([^\"]*)\" ]] && echo "${BASH_REMATCH[1]}"
}

call() { # call METHOD PATH [BODY] prints the response, and fails if the status is 400 or more
    curl --silent --show-error --fail-with-body --max-time 30 --request "$1" "$api$2" \
        ${key:+--header "Authorization: Bearer $key"} \
        --header "Content-Type: application/json" ${3:+--data "$3"}
}

echo "1. a key, without signing up"
key=""
key=$(field key "$(call POST /keys/sandbox)")
echo "   ${key:0:16}…"

echo "2. an endpoint"
endpoint=$(call POST /webhooks/register "{\"url\": \"$receiver\"}")
echo "   $(field id "$endpoint")"
echo "   WEBHOOK_SECRET=$(field secret "$endpoint")"
if [ -t 0 ]; then
    read -r -p "   start a receiver with this secret at $receiver, then press Enter "
fi

echo "3. a top-up of \$10.00; repeated with the same Idempotency-Key, it happens once"
order='{"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}'
send() {
    curl --silent --show-error --fail-with-body --max-time 30 "$api/topup/send" \
        --header "Authorization: Bearer $key" --header "Content-Type: application/json" \
        --header "Idempotency-Key: first-top-up" --data "$order"
}
transaction=$(field transaction_id "$(send)")
[ "$transaction" = "$(field transaction_id "$(send)")" ]
echo "   $transaction"

echo "4. its webhook"
# Prints a delivery's status once it has finished. By default, attempts end after about 35 s.
settled() {
    local status
    for _ in $(seq 200); do
        status=$(field status "$(call GET "/deliveries/$1" | sed 's/.*"data"://')")
        case "$status" in pending | sending) sleep 0.2 ;; *) break ;; esac
    done
    echo "$status"
}
listed=$(call GET "/deliveries?transaction_id=$transaction")
delivery=$(field id "${listed#*\"items\":}")
echo "   $delivery $(settled "$delivery")"

echo "5. the same again: same event, same bytes, a fresh signature"
replayed=$(call POST "/deliveries/$delivery/replay")
again=$(field id "${replayed#*\"data\":}")
status=$(settled "$again")
echo "   $again $status"
[ "$status" = delivered ]
