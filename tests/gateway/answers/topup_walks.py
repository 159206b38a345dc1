"""A walk through top-ups: sent, rehearsed, listed, shown and cancelled."""

from typing import Any

from tests.gateway.answers.own_walks import JSON_BODY, SEND, UNKNOWN, account, to_recipient
from tests.gateway.answers.recorder import Recorder


async def topups(to: Recorder) -> None:
    account_id, key = await account(to)
    reads = await to.gateway.key(account_id, scopes=["topup:read"])
    stranger = await to.gateway.key(await to.gateway.account())
    await _sends(to, key, reads)
    await _validate(to, key)
    by_recipient = await _history(to, key)
    await _status(to, key, reads, stranger, by_recipient)
    # A receipt that was made is signed with a key of its own each time: written_answers.json has one.
    path = f"/topup/{by_recipient['user']}/receipt"
    await to.own("another's", "GET", path, stranger)
    await to.own("without the scope", "GET", path, reads)
    await to.own("unknown", "GET", f"/topup/txn_{UNKNOWN}/receipt", key)


async def _sends(to: Recorder, key: str, reads: str) -> None:
    path = "/topup/send"
    many = {"reference": "order 1", "metadata": {"b": "2", "a": "ü"}, "note": "for Ada"}
    await to.own("delivered", "POST", path, key, json={**SEND, **many})
    once = {"Idempotency-Key": "send-1"}
    await to.own("with a key", "POST", path, key, json=SEND, headers=once)
    await to.own("the same again", "POST", path, key, json=SEND, headers=once)
    other = {**SEND, "amount_cents": 700}
    await to.own("another under that key", "POST", path, key, json=other, headers=once)
    await to.own(
        "a malformed key", "POST", path, key, json=SEND, headers={"Idempotency-Key": "a b"}
    )
    await to.own("to oneself", "POST", path, key, json=self_send())
    for name in ("pending", "approval", "failed", "insufficient", "ratelimited", "capped"):
        await to.own(name, "POST", path, key, json=to_recipient(name))
    await to.own("a reference twice", "POST", path, key, json={**SEND, "reference": "order 1"})
    for note, body in REFUSED_SENDS.items():
        await to.own(note, "POST", path, key, json={**SEND, **body})
    for note, content in UNREADABLE.items():
        await to.own(note, "POST", path, key, content=content, headers=JSON_BODY)
    await to.own("no JSON", "POST", path, key, content=b"a=1", headers={"Content-Type": "text/css"})
    await to.own("too long", "POST", path, key, content=b" " * 70_000 + b"{}", headers=JSON_BODY)
    await to.own("without a credential", "POST", path, json=SEND)
    await to.own("with a wrong credential", "POST", path, "ak_staging_" + "0" * 32, json=SEND)
    await to.own("without the scope", "POST", path, reads, json=SEND)
    await to.own("with a method it has not", "PATCH", path, key, json=SEND)


async def _validate(to: Recorder, key: str) -> None:
    path = "/topup/validate"
    await to.own("would be delivered", "POST", path, key, json=SEND)
    for name in ("pending", "approval", "failed", "insufficient"):
        await to.own(name, "POST", path, key, json=to_recipient(name))
    await to.own("below the least", "POST", path, key, json={**SEND, "amount_cents": 1})


async def _history(to: Recorder, key: str) -> dict[str, str]:
    """The ids, by the recipients' names."""
    path = "/topup/history"
    listed = (await to.own("all", "GET", path, key))["items"]
    page = await to.own("the first page", "GET", f"{path}?limit=1", key)
    await to.own("the next", "GET", f"{path}?limit=1&cursor={page['next_cursor']}", key)
    await to.own("filtered", "GET", f"{path}?status=failed&platform=claude", key)
    await to.own("nobody's", "GET", f"{path}?recipient_email=nobody@example.com", key)
    await to.own("a period", "GET", f"{path}?created_before=2026-06-13T12:00:02Z", key)
    await to.own("wrong fields", "GET", f"{path}?limit=0&status=x&created_after=1&y=1", key)
    await to.own("no cursor", "GET", f"{path}?cursor=nonsense", key)
    await to.own("no address", "GET", f"{path}?recipient_email=x", key)

    return {one["recipient_email"].partition("@")[0]: one["transaction_id"] for one in listed}


async def _status(
    to: Recorder, key: str, reads: str, stranger: str, by_recipient: dict[str, str]
) -> None:
    for name in ("user", "pending", "approval", "failed"):
        await to.own(name, "GET", f"/topup/status/{by_recipient[name]}", key)
    await to.own("without the codes", "GET", f"/topup/status/{by_recipient['user']}", reads)
    await to.own("another's", "GET", f"/topup/status/{by_recipient['user']}", stranger)
    await to.own("unknown", "GET", f"/topup/status/txn_{UNKNOWN}", key)

    for name in ("user", "pending", "failed"):
        await to.own(name, "POST", f"/topup/{by_recipient[name]}/resend", key)
    await to.own("unknown", "POST", f"/topup/txn_{UNKNOWN}/resend", key)

    path = "/topup/cancel"
    for name in ("pending", "pending", "user", "failed", "approval"):
        body = {"transaction_id": by_recipient[name]}
        await to.own(name, "POST", path, key, json=body)
    await to.own("unknown", "POST", path, key, json={"transaction_id": f"txn_{UNKNOWN}"})
    await to.own("none", "POST", path, key, json={})
    await _reverse(to, key, reads, by_recipient)
    await to.own("cancelled", "GET", f"/topup/status/{by_recipient['pending']}", key)
    await to.own("what was told", "GET", "/events?limit=200", key)


async def _reverse(to: Recorder, key: str, reads: str, by_recipient: dict[str, str]) -> None:
    body = {"reason": "wrong person"}
    for name in ("user", "user", "pending", "failed"):
        await to.own(name, "POST", f"/topup/{by_recipient[name]}/reverse", key, json=body)
    path = f"/topup/{by_recipient['user']}"
    await to.own("without the scope", "POST", f"{path}/reverse", reads, json=body)
    await to.own("without a reason", "POST", f"{path}/reverse", key, json={})
    await to.own("unknown", "POST", f"/topup/txn_{UNKNOWN}/reverse", key, json=body)
    await to.own("reversed", "GET", f"/topup/status/{by_recipient['user']}", key)


REFUSED_SENDS: dict[str, dict[str, Any]] = {
    "an unknown platform": {"platform": "nonsense"},
    "below the least": {"amount_cents": 1},
    "above the most": {"amount_cents": 100_000_000},
    "no address": {"recipient_email": "nonsense"},
    "two recipients": {"recipient": "self"},
    "no recipient": {"recipient_email": None},
    "mistyped": {"amount_cents": "600", "platform": 1, "metadata": {"a": 1}},
    "too large": {"amount_cents": 2**70},
    "too many characters": {"reference": "x" * 201, "note": "x" * 5000},
    "an unknown field": {"amount": 600},
    "of the other environment": {"environment": "live"},
    "a line end": {"reference": "a\nb"},
}
UNREADABLE = {
    "nothing": b"",
    "no object": b"[1]",
    "cut off": b'{"platform":',
    "a name twice": b'{"platform":"claude","platform":"claude"}',
    "no UTF-8": b'{"platform":"\xff"}',
    "a number that is none": b'{"amount_cents":NaN}',
}


def self_send() -> dict[str, Any]:
    return {"platform": "claude", "amount_cents": 500, "recipient": "self"}


async def bulk(to: Recorder) -> None:
    _, key = await account(to)
    path = "/topup/bulk"
    items = [
        {**SEND, "reference": "order 1"},
        {**to_recipient("pending"), "reference": "order 2"},
        {**SEND, "reference": "order 1"},
        {**SEND, "amount_cents": 1, "reference": "order 3"},
        SEND,
    ]
    body = {"items": items}
    await to.own("a dry run", "POST", path, key, json={**body, "dry_run": True})
    refused = {**body, "all_or_nothing": True}
    await to.own("all or nothing", "POST", path, key, json=refused)
    made = await to.own("some", "POST", path, key, json=body)
    await to.own("none", "POST", path, key, json={"items": []})
    csv = {"Content-Type": "text/csv"}
    await to.own("an unknown column", "POST", path, key, content=b"a,b\n1,2\n", headers=csv)
    await to.own("all", "GET", "/batches", key)
    await to.own("one", "GET", f"/batches/{made['id']}", key)
    await to.own("unknown", "GET", f"/batches/bat_{UNKNOWN}", key)
    await to.own("taken back", "POST", f"/batches/{made['id']}/cancel", key)
    await to.own("unknown", "POST", f"/batches/bat_{UNKNOWN}/cancel", key)
