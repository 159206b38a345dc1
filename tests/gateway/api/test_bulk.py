"""Many sends in one call, as JSON and as CSV: what is accepted, what is wrong, and what is said of it."""

import asyncio
import random
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx

from kernel.clock import rfc3339
from tests.support.gateway import Gateway

CSV = {"Content-Type": "text/csv"}


def item(reference: str, amount_cents: Any = 1000, **more: Any) -> dict[str, Any]:
    email = {"recipient_email": "user@example.com"}
    return (
        {"platform": "claude", "amount_cents": amount_cents, "reference": reference} | email | more
    )


async def staging_key(gateway: Gateway, **fields: Any) -> str:
    return await gateway.key(await gateway.account(), **fields)


async def balance(gateway: Gateway, key: str) -> int:
    found = await gateway.call("GET", "/topup/balance", key=key)
    return int(found.json()["data"]["balance_cents"])


def codes(answer: httpx.Response) -> dict[int, int]:
    return {one["index"]: one["code"] for one in answer.json()["data"]["errors"]}


async def test_items_are_accepted_and_refused_by_themselves(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    items = [
        item("a"),
        item("b", "10"),
        item("c", platform="nobody"),
        {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"},
        item("a"),
        item("e", surprise=1),
        item("f", recipient_email="nobody"),
        7,
    ]

    answer = await gateway.call("POST", "/topup/bulk", key=key, json={"items": items})

    assert answer.status_code == 202
    data = answer.json()["data"]
    assert codes(answer) == {1: 2007, 2: 2003, 3: 2007, 4: 2006, 5: 2007, 6: 2004, 7: 2007}
    errors = {one["index"]: one for one in data["errors"]}
    assert errors[3]["error"]["errors"] == [{"param": "reference", "detail": "is required"}]
    assert errors[1]["reference"] == "b"
    assert (data["status"], data["counts"]["delivered"], data["counts"]["refused"]) == (
        "completed",
        1,
        7,
    )
    # The error object of an item is the very one of a send.
    alone = await gateway.call("POST", "/topup/send", key=key, json=items[2])
    told = alone.json()["data"]["error"]
    # A send alone also says every field at once.
    assert {**errors[2]["error"], "errors": told["errors"]} == told
    assert await balance(gateway, key) == 999_000


async def test_a_repeated_call_has_the_same_bytes_and_sends_once(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    body = {"items": [item(f"r{number}", 100) for number in range(30)]}
    once = {"Idempotency-Key": "k1"}

    first, second = await asyncio.gather(
        *(gateway.call("POST", "/topup/bulk", key=key, json=body, headers=once) for _ in range(2))
    )

    assert first.content == second.content
    assert await balance(gateway, key) == 997_000
    again = await gateway.call("POST", "/topup/bulk", key=key, json=body)
    assert set(codes(again).values()) == {2006}
    assert len(codes(again)) == 30
    other = await gateway.call(
        "POST", "/topup/bulk", key=key, json={"items": [item("x")]}, headers=once
    )
    assert other.json()["code"] == 2006
    assert await balance(gateway, key) == 997_000


async def test_key_whose_answer_is_no_longer_kept_finds_no_batch_of_other_items(
    gateway: Gateway,
) -> None:
    key = await staging_key(gateway)
    once = {"Idempotency-Key": "k1"}
    wrong = {"items": [item("a"), item("b", "10")]}
    first = await gateway.call("POST", "/topup/bulk", key=key, json=wrong, headers=once)
    # As after its thirty days, or after an answer that was never given.
    await gateway.context.database.transaction(
        lambda tx: tx.execute("DELETE FROM idempotency_keys")
    )

    again = await gateway.call("POST", "/topup/bulk", key=key, json=wrong, headers=once)
    assert again.json()["data"]["id"] == first.json()["data"]["id"]
    await gateway.context.database.transaction(
        lambda tx: tx.execute("DELETE FROM idempotency_keys")
    )
    other = await gateway.call(
        "POST", "/topup/bulk", key=key, json={"items": [item("c")]}, headers=once
    )

    data = other.json()["data"]
    assert (other.status_code, data["counts"]["delivered"], data["errors"]) == (202, 1, [])
    assert data["id"] != first.json()["data"]["id"]
    assert await balance(gateway, key) == 998_000


async def test_a_dry_run_says_the_cost_and_writes_nothing(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    body = {"items": [item("a"), item("b", 1), item("c", 2000)], "dry_run": True}

    answer = await gateway.call("POST", "/topup/bulk", key=key, json=body)

    data = answer.json()["data"]
    assert (answer.status_code, data["accepted"], data["refused"]) == (200, 2, 1)
    assert (data["accepted_cents"], data["wallet_balance_after_cents"]) == (3000, 997_000)
    assert codes(answer) == {1: 2005}
    listed = await gateway.call("GET", "/batches", key=key)
    assert listed.json()["data"]["items"] == []
    assert await balance(gateway, key) == 1_000_000


async def test_all_or_nothing_takes_nothing_where_one_is_wrong(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    body = {"items": [item("a"), item("b", 1)], "all_or_nothing": True}

    answer = await gateway.call("POST", "/topup/bulk", key=key, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, 3010)
    data = answer.json()["data"]["batch"]
    assert answer.headers["location"].endswith(f"/batches/{data['id']}")
    assert (data["status"], data["counts"]["accepted"], data["counts"]["dropped"]) == (
        "refused",
        0,
        1,
    )
    history = await gateway.call("GET", "/topup/history", key=key)
    assert history.json()["data"]["items"] == []
    body["items"] = [item("a"), item("b")]
    mended = await gateway.call("POST", "/topup/bulk", key=key, json=body)
    assert mended.json()["data"]["counts"]["delivered"] == 2


async def test_the_whole_call_is_refused_where_its_text_is_wrong(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    many = {"items": [item(f"r{number}") for number in range(1001)]}
    refused: list[tuple[dict[str, Any], int]] = [
        ({"json": many}, 422),
        ({"json": {"items": []}}, 422),
        ({"json": {"items": {}}}, 422),
        ({"json": {"items": [item("a")], "all_or_nothing": "yes"}}, 422),
        ({"json": {"items": [item("a")], "surprise": True}}, 422),
        ({"content": b'{"items": [{}], "items": [{}]}'}, 422),
        ({"content": b'{"items": [{}], "dry_run": true, "dry_run": false}'}, 422),
        ({"content": b"not json"}, 400),
        ({"content": b'{"items": [{}]}', "headers": {"Content-Type": "text/plain"}}, 415),
        ({"content": b"x" * (2 * 1024 * 1024 + 1), "headers": CSV}, 413),
        ({"content": b"platform,amount_cents,platform\n", "headers": CSV}, 422),
        ({"content": b"platform,surprise\nclaude,1\n", "headers": CSV}, 422),
        ({"content": b"\xff\xfe", "headers": CSV}, 400),
        ({"content": b'platform,reference\nclaude,"a\n', "headers": CSV}, 400),
        ({"content": b"", "headers": CSV}, 422),
    ]

    for arguments, status in refused:
        headers = {"Content-Type": "application/json"} | arguments.pop("headers", {})
        answer = await gateway.call("POST", "/topup/bulk", key=key, headers=headers, **arguments)
        assert (answer.status_code, answer.json()["code"]) == (status, 2007), arguments
    assert await balance(gateway, key) == 1_000_000


async def test_a_csv_of_a_spreadsheet_is_read_line_by_line(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    text = (
        "\ufeffreference,platform,amount_cents,recipient_email,note,metadata.order\r\n"
        'a,claude,1000,user@example.com,"two, ""three""",17\r\n'
        "\r\n"
        "b,claude,ten,user@example.com,,\r\n"
        "c,claude,1000,user@example.com,,,more\r\n"
        '"d",claude,1000,user@example.com,"a\r\nb",\r\n'
        "e,claude,1000,user@example.com,nul\0,\r\n"
        ",claude,1000,user@example.com,,\r\n"
        "=1+1,claude,2000,user@example.com,,\r\n"
    )

    answer = await gateway.call(
        "POST", "/topup/bulk?all_or_nothing=false", key=key, headers=CSV, content=text.encode()
    )

    data = answer.json()["data"]
    lines = {one["line"]: one["error"]["param"] for one in data["errors"]}
    assert lines == {4: "amount_cents", 5: None, 8: "note", 9: "reference"}
    assert data["counts"]["delivered"] == 3
    first = (await gateway.call("GET", "/topup/history?reference=a", key=key)).json()["data"]
    assert first["items"][0]["note"] == 'two, "three"'
    assert first["items"][0]["metadata"] == {"order": "17"}
    assert await balance(gateway, key) == 996_000


async def test_no_text_breaks_a_csv(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    worst = [
        '"',
        "\r",
        "\n",
        "\0",
        ",",
        "=cmd|' /C calc'!A0",
        "\u202e",
        "\ufeff",
        "é",
        "💸",
        "\x1b[",
    ]
    numbers = random.Random(7)
    header = "reference,platform,amount_cents,recipient_email,note\n"
    for _ in range(5):
        text = "".join(numbers.choice(worst) for _ in range(12_000))
        answer = await gateway.call(
            "POST", "/topup/bulk", key=key, headers=CSV, content=(header + text).encode()
        )
        assert answer.status_code in {202, 400, 422}
    assert await balance(gateway, key) == 1_000_000


async def test_a_batch_is_looked_through_and_taken_back(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    later = "2099-01-01T00:00:00Z"
    soon = time_in(gateway, 3600)
    body = {"items": [item("a"), item("b", send_at=soon), item("c", send_at=later)]}
    batch = (await gateway.call("POST", "/topup/bulk", key=key, json=body)).json()["data"]
    path = f"/batches/{batch['id']}"
    assert batch["status"] == "running"

    first = (await gateway.call("GET", f"{path}?limit=2", key=key)).json()["data"]["items"]
    rest = (
        await gateway.call("GET", f"{path}?limit=2&cursor={first['next_cursor']}", key=key)
    ).json()["data"]["items"]
    assert [one["status"] for one in first["items"]] == ["delivered", "scheduled"]
    assert [(one["status"], one["code"]) for one in rest["items"]] == [("refused", 2007)]
    assert rest["items"][0]["error"]["param"] == "send_at"
    only = (await gateway.call("GET", f"{path}?status=scheduled", key=key)).json()["data"]
    assert [one["reference"] for one in only["items"]["items"]] == ["b"]
    written = (await gateway.call("GET", f"{path}?format=csv", key=key)).text
    behind = (await gateway.call("GET", f"{path}?format=csv&cursor=1", key=key)).text
    assert [line.split(",")[1:3] for line in written.splitlines()] == [
        ["reference", "status"],
        ["a", "delivered"],
        ["b", "scheduled"],
        ["c", "refused"],
    ]
    assert written.splitlines()[3] == behind.splitlines()[1]
    assert written.splitlines()[3].endswith(",send_at")
    back = await gateway.call("GET", f"{path}?status=reversed", key=key)
    assert (back.status_code, back.json()["data"]["items"]["items"]) == (200, [])

    cancelled = (await gateway.call("POST", f"{path}/cancel", key=key)).json()["data"]
    again = (await gateway.call("POST", f"{path}/cancel", key=key)).json()["data"]

    assert cancelled["status"] == again["status"] == "completed"
    assert cancelled["counts"]["cancelled"] == 1
    assert await balance(gateway, key) == 999_000
    listed = (await gateway.call("GET", "/batches", key=key)).json()["data"]["items"]
    assert [one["id"] for one in listed] == [batch["id"]]


async def test_a_lesser_key_and_another_account_have_nothing_of_it(gateway: Gateway) -> None:
    account = await gateway.account()
    key = await gateway.key(account)
    reader = await gateway.key(account, scopes=("topup:read",))
    stranger = await staging_key(gateway)
    body = {"items": [item("a")]}

    refused = await gateway.call("POST", "/topup/bulk", key=reader, json=body)
    batch = (await gateway.call("POST", "/topup/bulk", key=key, json=body)).json()["data"]

    assert refused.json()["code"] == 2009
    path = f"/batches/{batch['id']}"
    assert (await gateway.call("POST", f"{path}/cancel", key=reader)).json()["code"] == 2009
    for place in (path, f"{path}?format=csv"):
        assert (await gateway.call("GET", place, key=stranger)).status_code == 404
    assert (await gateway.call("POST", f"{path}/cancel", key=stranger)).status_code == 404
    assert (await gateway.call("GET", path, key=reader)).status_code == 200


def time_in(gateway: Gateway, seconds: int) -> str:
    return rfc3339(gateway.context.clock.now_us() + seconds * 1_000_000)


async def test_time_of_another_zone_is_the_same_moment(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    at_us = (gateway.context.clock.now_us() // 1_000_000 + 3_600) * 1_000_000
    there = datetime.fromtimestamp(at_us // 1_000_000, timezone(timedelta(hours=14)))
    for reference, said in (("a", there.isoformat()), ("b", f"{there.isoformat()[:19]}.0+14:00")):
        sent = await gateway.call(
            "POST", "/topup/send", key=key, json=item(reference, send_at=said)
        )
        assert sent.json()["data"]["scheduled_for"] == rfc3339(at_us)

    for said in ("0001-01-01T00:00:00+14:00", "2026-12-01T00:00:00"):
        refused = await gateway.call("POST", "/topup/send", key=key, json=item("c", send_at=said))
        assert refused.json()["code"] == 2007
        assert "with its zone" in refused.json()["data"]["error"]["detail"]


async def test_a_bulk_of_which_nothing_is_accepted_is_no_success(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    poor = await gateway.key(await gateway.account(), lifetime_cents=50)
    once = {"Idempotency-Key": "one"}
    mixed = {"items": [item("a", 1), item("b", platform="nobody")]}
    capped = {"items": [item("a"), item("b")]}
    halved = {"items": [item("a"), item("b", 1)], "all_or_nothing": True}

    answers = [
        await gateway.call("POST", "/topup/bulk", key=key, json=mixed, headers=once),
        await gateway.call("POST", "/topup/bulk", key=key, json=mixed, headers=once),
        await gateway.call("POST", "/topup/bulk", key=key, json=mixed | {"dry_run": True}),
        await gateway.call("POST", "/topup/bulk", key=key, json=halved),
        await gateway.call("POST", "/topup/bulk", key=key, json=halved | {"dry_run": True}),
        await gateway.call("POST", "/topup/bulk", key=poor, json=capped),
        await gateway.call("POST", "/topup/bulk", key=poor, json=capped | {"dry_run": True}),
    ]

    for answer in answers:
        told = answer.json()
        assert (answer.status_code, told["success"], told["code"]) == (422, False, 3010)
        assert told["data"]["error"]["detail"].startswith("No item w")
    assert answers[0].content == answers[1].content
    assert codes(answers[0]) == codes(answers[2]) == {0: 2005, 1: 2003}
    # Of several codes each has to be fixed; of one it is known how to go on.
    actions = [answer.json()["data"]["error"]["next_action"] for answer in answers]
    assert actions == ["fix_request"] * 5 + ["ask_human"] * 2
    assert answers[5].json()["data"]["error"]["links"][0]["rel"] == "page"
    assert await balance(gateway, key) == 1_000_000


async def test_an_intent_is_sent_once_through_bulk_and_every_other_door(gateway: Gateway) -> None:
    account = await gateway.account()
    key, other = await gateway.key(account), await gateway.key(account)
    single = {name: value for name, value in item("").items() if name != "reference"}
    sent = await gateway.call(
        "POST", "/topup/send", key=key, json=single | {"intent": "one-0123456789abcdef"}
    )
    first = sent.json()["transaction_id"]
    items = [
        item("a", intent="one-0123456789abcdef"),
        item("b", intent="two-0123456789abcdef"),
        item("c", intent="two-0123456789abcdef"),
        item("d", 2000, intent="two-0123456789abcdef"),
    ]

    made = await gateway.call("POST", "/topup/bulk", key=other, json={"items": items})
    again = await gateway.call(
        "POST", "/topup/bulk", key=key, json={"items": [item("e", intent="two-0123456789abcdef")]}
    )
    back = await gateway.call(
        "POST", "/topup/send", key=key, json=single | {"intent": "two-0123456789abcdef"}
    )

    errors = {one["index"]: one for one in made.json()["data"]["errors"]}
    assert codes(made) == {0: 2006, 2: 2006, 3: 2006}
    assert [errors[one]["error"]["reason"] for one in (0, 2, 3)] == [
        "intent_met",
        "intent_met",
        "intent_used",
    ]
    assert errors[0]["transaction_id"] == first
    # The bulk's own second item is what the others name.
    second = errors[2]["transaction_id"]
    assert (again.status_code, again.json()["code"]) == (422, 3010)
    assert again.json()["data"]["errors"][0]["transaction_id"] == second
    assert again.json()["data"]["error"]["next_action"] == "stop"
    assert (back.status_code, back.json()["transaction_id"]) == (200, second)
    assert await balance(gateway, key) == 998_000


async def test_all_or_nothing_takes_its_intents_or_leaves_them_free(gateway: Gateway) -> None:
    key = await staging_key(gateway, max_sends_per_hour=2)
    two = [item("a", intent="one-0123456789abcdef"), item("b", intent="two-0123456789abcdef")]
    whole = {"items": two, "all_or_nothing": True}
    more = item("c", intent="three-0123456789abcdef")
    three = {"items": [*two, more], "all_or_nothing": True}

    refused = await gateway.call("POST", "/topup/bulk", key=key, json=three)
    made = await gateway.call("POST", "/topup/bulk", key=key, json=whole)
    again = await gateway.call("POST", "/topup/bulk", key=key, json=whole)

    assert refused.json()["code"] == 3010
    assert made.json()["data"]["counts"]["delivered"] == 2
    assert codes(again) == {0: 2006, 1: 2006}
    assert await balance(gateway, key) == 998_000


async def test_a_dry_run_names_no_top_up_that_was_never_sent(gateway: Gateway) -> None:
    key = await staging_key(gateway)
    body = {"items": [item("a"), item("b"), item("b")], "dry_run": True}

    answer = await gateway.call("POST", "/topup/bulk", key=key, json=body)
    (error,) = answer.json()["data"]["errors"]

    assert (error["index"], error["code"], error["error"]["earlier_index"]) == (2, 2006, 1)
    assert "transaction_id" not in error
    assert "links" not in error["error"]
