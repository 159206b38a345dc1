"""Lists as CSV: the same rows as the JSON, with no formula and nothing in them that can be spent."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response

from gateway.http.lists import CsvPage, csv_parts, marked_if_cut, streamed, while_admitted
from gateway.http.request_context import RequestContext
from kernel.clock import FixedClock
from keys.principal import ACCOUNT_SCOPES, CredentialEnded, ScopeMissing
from tests.support.gateway import Gateway

pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_the_history_is_exported_without_what_can_be_spent(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    body = {"platform": "claude", "recipient_email": "user@example.com"}
    formula = {"reference": "=1+1", "note": "@home", "metadata": {"a": "b"}}
    first = await gateway.call(
        "POST", "/topup/send", key=key, json={**body, **formula, "amount_cents": 500}
    )
    for amount_cents in (600, 700):
        clock.advance_s(1)
        await gateway.call(
            "POST", "/topup/send", key=key, json={**body, "amount_cents": amount_cents}
        )

    exported = await gateway.call("GET", "/topup/history?format=csv&limit=1", key=key)
    before = "created_before=2026-06-13T12:00:01Z"
    filtered = await gateway.call("GET", f"/topup/history?format=csv&{before}", key=key)
    wrong = await gateway.call("GET", "/topup/history?format=csv&cursor=evt_1", key=key)

    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        exported.headers["content-disposition"]
        == 'attachment; filename="topups-test-staging-2026-06-13.csv"'
    )
    assert exported.text.split("\r\n")[0] == (
        "transaction_id,status,platform,amount_cents,fee_cents,charged_cents,recipient_email,"
        "voucher_code_hint,new_balance_cents,reference,note,failure_reason,key_id,scheduled_for,"
        "created_at,settled_at,claimed_at,emailed_at,metadata,key_name"
    )
    rows = rows_of(exported.text)
    assert [row["amount_cents"] for row in rows] == ["700", "600", "500"]
    assert (rows[2]["reference"], rows[2]["note"]) == ("'=1+1", "'@home")
    assert (rows[2]["metadata"], rows[0]["metadata"]) == ('{"a":"b"}', "{}")
    assert [row["amount_cents"] for row in rows_of(filtered.text)] == ["500"]
    assert (wrong.status_code, wrong.json()["code"]) == (422, 2007)
    data = first.json()["data"]
    for secret in (data["voucher_code"], data["claim_url"].rpartition("/")[2]):
        assert secret not in exported.text


async def test_deliveries_and_orders_are_exported(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), scopes=("webhooks:read", "billing:read"))

    deliveries = await gateway.call("GET", "/deliveries?format=csv", key=key)
    orders = await gateway.call("GET", "/orders?format=csv", key=key)
    refused = await gateway.call("GET", "/topup/history?format=csv", key=key)

    assert deliveries.text == (
        "id,event_id,event_type,endpoint_id,transaction_id,status,attempts_made,next_attempt_at,"
        "replay_of,created_at,key_id,key_name,blocked_by\r\n"
    )
    assert orders.text == (
        "id,status,provider,pack_id,amount,currency,pay_amount,pay_currency,credits,coupon,"
        "order_no,reference,created_at,paid_at,paid_amount,trial_days\r\n"
    )
    assert refused.status_code == 403


# The first line of each list; what it says is a promise to whoever reads files by program.
_FIRST_LINES = {
    "/approvals": (
        "id,status,transaction_id,platform,amount_cents,charged_cents,recipient_email,note,requested_by,"
        "requester_key_name,decided_by,created_at,expires_at,decided_at,reason,sender_email"
    ),
    "/audit": (
        "id,created_at,action,outcome,environment,subject_id,actor_kind,actor_id,actor_name,address,"
        "user_agent,before,after,reason"
    ),
    "/batches": (
        "id,status,all_or_nothing,items_total,counts_waiting,counts_refused,counts_dropped,"
        "counts_scheduled,counts_pending,counts_delivered,counts_failed,counts_cancelled,"
        "counts_reversing,counts_reversed,counts_accepted_cents,counts_delivered_cents,"
        "counts_fee_cents,key_id,created_at,accepted_at,cancelled_at,completed_at"
    ),
    "/documents": (
        "id,kind,number,order_id,subscription_id,corrects,amount,currency,taxes,discount,dated_at,created_at"
    ),
    "/events": "id,type,created_at,environment,api_version,data,sequence",
    "/keys": (
        "id,name,parent_id,prefix,last4,scopes,purpose,client_id,caps_per_call_cents,"
        "caps_per_day_cents,caps_per_month_cents,lifetime_cents,windows,approval_above_cents,"
        "approval_above_per_day_cents,per_recipient_per_day_cents,max_sends_per_hour,max_recipients_per_week,repeat_guard_s,"
        "platforms,recipients,ip_allow_list,created_at,expires_at,last_used_at,paused_at,revoked_at"
    ),
    "/prices": "model,input_micros,output_micros,cached_micros,version,changed_at",
    "/replays": (
        "id,status,paused_reason,matched,queued,done,delivered,failed,rate_per_s,ramp,endpoint_id,"
        "delivery_status,events,like,since,until,created_at,expected_end_at,ended_at"
    ),
    "/wallets": "recipient_email,platform,balance_cents,updated_at",
    "/webhooks": (
        "id,url,description,events,status,disabled_reason,failing_since,rate_limit_per_s,"
        "include_codes,include_approval_links,created_at,filter,ed25519,public_key,ordered"
    ),
}


async def test_every_list_is_exported_with_nothing_that_can_be_spent(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), scopes=ACCOUNT_SCOPES)
    body = {"platform": "claude", "amount_cents": 500, "recipient_email": "user@example.com"}
    sent = (await gateway.call("POST", "/topup/send", key=key, json=body)).json()["data"]
    capped = {"name": "=Child", "approval_above_cents": 100, "caps": {"per_day_cents": 900}}
    child = (await gateway.call("POST", "/keys", key=key, json=capped)).json()["data"]
    note = {**body, "note": "-2+3"}
    asked = await gateway.call("POST", "/topup/send", key=child["key"], json=note)

    written = {
        path: await gateway.call("GET", f"{path}?format=csv_excel", key=key)
        for path in _FIRST_LINES
    }
    plain = await gateway.call("GET", "/keys?format=csv", key=key)
    polled = await gateway.call("GET", "/events?format=csv&after=0", key=key)

    assert asked.json()["code"] == 3006
    assert {path: found.content[:3] for path, found in written.items()} == dict.fromkeys(
        written, b"\xef\xbb\xbf"
    )
    texts = {path: found.content.decode("utf-8-sig") for path, found in written.items()}
    assert {path: text.split("\r\n")[0] for path, text in texts.items()} == _FIRST_LINES
    assert written["/events"].headers["content-disposition"] == (
        'attachment; filename="events-test-staging-2026-06-13.csv"'
    )
    assert plain.text == texts["/keys"]
    assert (polled.status_code, polled.json()["data"]["error"]["param"]) == (422, "after")
    keys = {row["id"]: row for row in rows_of(texts["/keys"])}
    made = keys[child["id"]]
    assert (made["name"], made["caps_per_day_cents"], made["windows"]) == ("'=Child", "900", "[]")
    assert json.loads(made["scopes"]) == ["topup:send", "topup:read"]
    (waiting,) = rows_of(texts["/approvals"])
    assert (waiting["note"], waiting["amount_cents"]) == ("'-2+3", "500")
    assert (waiting["requester_key_name"], waiting["decided_at"]) == ("'=Child", "")
    delivered = [row for row in rows_of(texts["/events"]) if row["type"] == "topup.delivered"]
    assert [json.loads(row["data"])["amount_cents"] for row in delivered] == [500]
    secrets = (sent["voucher_code"], sent["claim_url"].rpartition("/")[2], key, child["key"])
    for secret in secrets:
        assert not [path for path, text in texts.items() if secret in text]


async def test_a_list_that_is_cut_off_says_so_and_does_not_end_as_a_whole_one() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"id\r\n1\r\n"
        raise CredentialEnded("revoked")

    told = marked_if_cut(parts(), is_marked=True)
    taken = [await anext(told) for _ in range(3)]
    with pytest.raises(CredentialEnded):
        await anext(told)

    assert taken == [
        b"\xef\xbb\xbf",
        b"id\r\n1\r\n",
        b"# This list was cut off here: it is not whole. Export it again.\r\n",
    ]


async def test_a_page_is_read_once_the_one_before_is_gone() -> None:
    asked: list[int | None] = []

    async def read(after: int | None) -> CsvPage:
        asked.append(after)
        number = 0 if after is None else after
        return CsvPage([{"n": number}] if number != 1 else [], number + 1 if number < 2 else None)

    parts = csv_parts(["n"], await read(None), read)
    taken = [(part, len(asked)) async for part in parts]

    assert taken == [(b"n\r\n", 1), (b"0\r\n", 1), (b"2\r\n", 3)]


async def test_a_key_that_is_revoked_while_its_export_is_read_gets_no_further_part(
    gateway: Gateway, clock: FixedClock
) -> None:
    above = await gateway.key(await gateway.account())
    made = await gateway.call("POST", "/keys", key=above, json={"name": "Reader"})
    key = made.json()["data"]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/public/v1/topup/history",
        "client": ("127.0.0.1", 1),
        "headers": [(b"authorization", f"Bearer {key['key']}".encode())],
    }
    call: RequestContext[Any, Any] = RequestContext(gateway.context, scope)
    call.principal = await gateway.context.authenticator.authenticate(key["key"])

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"page"

    parts = while_admitted(call, ("topup:read",), endless(), check_s=0)
    first = await anext(parts)
    with pytest.raises(ScopeMissing):
        await anext(while_admitted(call, ("usage:write",), endless(), check_s=0))
    revoked = await gateway.call("DELETE", f"/keys/{key['id']}", key=above)

    assert (first, revoked.status_code) == (b"page", 200)
    clock.advance_s(1)
    with pytest.raises(CredentialEnded):
        await anext(parts)

    call.method = "HEAD"
    head = streamed(call, ("topup:read",), endless(), media_type="text/csv")
    assert isinstance(head, Response)
    assert (head.body, head.headers["content-type"]) == (b"", "text/csv; charset=utf-8")
