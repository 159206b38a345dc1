"""More than seventy-five wrong calls, each with what its maker wanted: a client that knows nothing but the answer's next_action,
errors[] and links[] gets there in all but five, and brings those to the page where a person can help.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import pytest

from kernel.clock import FixedClock
from tests.gateway.repair.plain_client import PlainClient, Request
from tests.support.gateway import API, Gateway
from tests.support.receiver import Receiver

pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]

SEND: Final = {
    "platform": "claude",
    "amount_cents": 1500,
    "recipient_email": "ann@example.com",
}
TO: Final = {"platform": "claude", "recipient_email": "ann@example.com"}
Prepare = Callable[[Gateway, str], Awaitable["Wrong"]]
Wanted = Callable[[dict[str, Any]], bool]


class Wrong(NamedTuple):
    """A key and the call that it is used for, as it is made."""

    key: str
    request: Request


class Case(NamedTuple):
    """wanted: what the last answer must say; None: only a person helps."""

    name: str
    prepare: Prepare
    wanted: Wanted | None


def url(gateway: Gateway, path: str) -> str:
    return gateway.url + API + path


def sent(told: dict[str, Any], **fields: Any) -> bool:
    """Return whether this very top-up was delivered."""
    data = told["data"]
    return told["code"] == 1001 and all(
        data[name] == value for name, value in {**SEND, **fields}.items() if value is not None
    )


def wants(**fields: Any) -> Wanted:
    return lambda told: sent(told, **fields)


def succeeds(told: dict[str, Any]) -> bool:
    return bool(told["success"])


def has(**fields: Any) -> Wanted:
    """Succeeded with these in its data."""
    return lambda told: told["success"] and fields.items() <= told["data"].items()


def body(fields: Any, path: str = "/topup/send", **more: Any) -> Prepare:
    async def prepare(gateway: Gateway, account: str) -> Wrong:
        key = await gateway.key(account)
        return Wrong(key, Request("POST", url(gateway, path), fields, **more))

    return prepare


def called(method: str, path: str, fields: Any = None, **more: Any) -> Prepare:
    async def prepare(gateway: Gateway, account: str) -> Wrong:
        key = await gateway.key(account)
        where = path if path.startswith("!") else f"!{API}{path}"
        return Wrong(key, Request(method, gateway.url + where[1:], fields, **more))

    return prepare


def limited(fields: dict[str, Any], used: int = 0, **limits: Any) -> Prepare:
    """A send by a key with these limits, some of which is used."""

    async def prepare(gateway: Gateway, account: str) -> Wrong:
        key = await gateway.key(account, **limits)
        if used:
            answer = await gateway.call(
                "POST", "/topup/send", key=key, json={**SEND, "amount_cents": used}
            )
            assert answer.json()["code"] == 1001
        return Wrong(key, Request("POST", url(gateway, "/topup/send"), fields))

    return prepare


def repeated(first: dict[str, Any], again: dict[str, Any], **headers: str) -> Prepare:
    """A send after another that it repeats."""

    async def prepare(gateway: Gateway, account: str) -> Wrong:
        key = await gateway.key(account, repeat_guard_s=600)
        answer = await gateway.call("POST", "/topup/send", key=key, json=first, headers=headers)
        assert answer.json()["code"] == 1001
        request = Request("POST", url(gateway, "/topup/send"), again, headers=headers)
        return Wrong(key, request)

    return prepare


def without_key(**headers: str) -> Prepare:
    """The key is there, but does not come as it should."""

    async def prepare(gateway: Gateway, account: str) -> Wrong:
        key = await gateway.key(account)
        given = {name: value.format(key=key) for name, value in headers.items()}
        named = {name.replace("_", "-"): value for name, value in given.items()}
        request = Request("POST", url(gateway, "/topup/send"), SEND, headers=named)
        return Wrong(key, request)

    return prepare


async def _out_of_funds(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    for _ in range(10):
        await gateway.call("POST", "/topup/send", key=key, json={**SEND, "amount_cents": 100_000})
    return Wrong(key, Request("POST", url(gateway, "/topup/send"), SEND))


async def _paused(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    made = await gateway.call("POST", "/keys", key=key, json={"name": "Child"})
    data = made.json()["data"]
    paused = await gateway.call("POST", f"/keys/{data['id']}/pause", key=key)
    assert paused.json()["success"]
    return Wrong(data["key"], Request("POST", url(gateway, "/topup/send"), SEND))


async def _expired(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    made = await gateway.call("POST", "/keys", key=key, json={"name": "Child"})
    data = made.json()["data"]
    await gateway.call("DELETE", f"/keys/{data['id']}", key=key)
    return Wrong(data["key"], Request("POST", url(gateway, "/topup/send"), SEND))


async def _live_key_for_a_test(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account, "live")
    return Wrong(
        key, Request("POST", url(gateway, "/topup/send"), {**SEND, "environment": "staging"})
    )


async def _expired_quote(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    quoted = await gateway.call("POST", "/topup/validate", key=key, json=SEND)
    assert isinstance(gateway.context.clock, FixedClock)
    gateway.context.clock.advance_s(11 * 60)
    quote = quoted.json()["data"]["quote_id"]
    return Wrong(key, Request("POST", url(gateway, "/topup/send"), {**SEND, "quote_id": quote}))


async def _status_by(gateway: Gateway, account: str, how: str) -> Wrong:
    key = await gateway.key(account)
    answer = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    id_ = answer.json()["transaction_id"]
    if how == "query":
        request = Request("GET", url(gateway, "/topup/status"), query={"transaction_id": id_})
    elif how == "wait":
        request = Request("GET", url(gateway, f"/topup/status/{id_}"), query={"wait_s": 500})
    elif how == "cancel":
        request = Request("POST", url(gateway, "/topup/cancel"), {"transaction_id": id_})
    else:
        request = Request("POST", url(gateway, "/topup/cancel"), {"id": id_})
    return Wrong(key, request)


def status_by(how: str) -> Prepare:
    return lambda gateway, account: _status_by(gateway, account, how)


def items(*wrong: dict[str, Any]) -> Prepare:
    listed = [{**SEND, "reference": f"r{at}", **one} for at, one in enumerate(wrong)]
    kept = [{name: value for name, value in one.items() if value != "-"} for one in listed]
    return body({"items": kept}, "/topup/bulk")


def accepted(number: int) -> Wanted:
    return lambda told: told["success"] and told["data"]["counts"]["delivered"] == number


NAMES: Final = [
    Case("amount", body({**TO, "amount": 1500}), wants()),
    Case("amountCents", body({**TO, "amountCents": 1500}), wants()),
    Case(
        "email",
        body({"platform": "claude", "amount_cents": 1500, "email": "ann@example.com"}),
        wants(),
    ),
    Case(
        "to", body({"platform": "claude", "amount_cents": 1500, "to": "ann@example.com"}), wants()
    ),
    Case(
        "recipientEmail",
        body({"platform": "claude", "amount_cents": 1500, "recipientEmail": "ann@example.com"}),
        wants(),
    ),
    Case(
        "recepient_email",
        body({"platform": "claude", "amount_cents": 1500, "recepient_email": "ann@example.com"}),
        wants(),
    ),
    Case(
        "provider",
        body({"provider": "gemini", "amount_cents": 1500, "recipient_email": "ann@example.com"}),
        wants(platform="gemini"),
    ),
    Case(
        "plattform",
        body({"plattform": "gemini", "amount_cents": 1500, "recipient_email": "ann@example.com"}),
        wants(platform="gemini"),
    ),
    Case("currency beside it", body({**SEND, "currency": "USD"}), wants()),
    Case("memo", body({**SEND, "memo": "hello"}), wants()),
    Case("both recipients", body({**SEND, "recipient": "self"}), wants()),
    Case("nothing at all", body({}), succeeds),
    Case("inside delivery", body({**SEND, "delivery": {"lang": "es"}}), wants()),
]
TYPES: Final = [
    Case("amount as text", body({**TO, "amount_cents": "1500"}), wants()),
    Case("amount as a float", body({**TO, "amount_cents": 1500.0}), wants()),
    Case("amount in dollars", body({**TO, "amount_cents": "$15.00"}), wants()),
    Case("amount in decimal text", body({**TO, "amount_cents": "15.00"}), wants()),
    Case("amount with a fraction", body({**TO, "amount_cents": 15.5}), wants(amount_cents=1550)),
    Case("amount as USD", body({**TO, "amount_usd": 15}), wants()),
    Case(
        "amount with thousands",
        body({**TO, "amount_cents": "$1,000.00"}),
        wants(amount_cents=100_000),
    ),
    Case("amount null", body({**TO, "amount_cents": None}), wants(amount_cents=None)),
    Case("amount too small", body({**TO, "amount_cents": 10}), wants(amount_cents=None)),
    Case("amount too large", body({**TO, "amount_cents": 10**9}), wants(amount_cents=100_000)),
    Case("metadata with a number", body({**SEND, "metadata": {"order": 5}}), wants()),
    Case("note as a number", body({**SEND, "note": 7}), wants()),
    Case("recipient as a list", body({**SEND, "recipient_email": ["ann@example.com"]}), wants()),
    Case("distinct as text", body({**SEND, "distinct": "true"}), wants()),
    Case("reference too long", body({**SEND, "reference": "x" * 200}), wants()),
    Case(
        "send_at in seconds",
        body({**SEND, "send_at": 1_782_907_200}),
        lambda told: told["success"] and told["data"]["scheduled_for"] == "2026-07-01T12:00:00Z",
    ),
    Case(
        "send_at without a zone",
        body({**SEND, "send_at": "2026-07-01T12:00:00"}),
        lambda told: told["success"] and told["data"]["scheduled_for"] == "2026-07-01T12:00:00Z",
    ),
    Case("send_at in the past", body({**SEND, "send_at": "2020-01-01T00:00:00Z"}), wants()),
]
PLATFORMS: Final = [
    Case("cluade", body({**SEND, "platform": "cluade"}), wants()),
    Case("Anthropic", body({**SEND, "platform": "Anthropic"}), wants()),
    Case("OpenAI", body({**SEND, "platform": "openai"}), wants(platform="chatgpt")),
    Case("unknown", body({**SEND, "platform": "zzz"}), wants(platform=None)),
    Case("platform as a number", body({**SEND, "platform": 7}), wants(platform=None)),
]
MAIL: Final = [
    Case("no domain", body({**SEND, "recipient_email": "ann@"}), wants(recipient_email=None)),
    Case("a name before it", body({**SEND, "recipient_email": "Ann <ann@example.com>"}), wants()),
    Case("mailto", body({**SEND, "recipient_email": "mailto:ann@example.com"}), wants()),
    Case("a space in it", body({**SEND, "recipient_email": "ann @example.com"}), wants()),
]
ENVIRONMENT: Final = [
    Case("live with a staging key", body({**SEND, "environment": "live"}), wants()),
    Case("test with a staging key", body({**SEND, "environment": "test"}), wants()),
    Case("staging with a live key", _live_key_for_a_test, wants()),
]
PLACES: Final = [
    Case("PUT", called("PUT", "/topup/send", SEND), wants()),
    Case("POST for a read", called("POST", "/topup/balance"), succeeds),
    Case("/topups/send", called("POST", "/topups/send", SEND), wants()),
    Case("/send", called("POST", "/send", SEND), wants()),
    Case("a slash at the end", called("POST", "/topup/send/", SEND), wants()),
    Case("without the prefix", called("POST", "!/v1/topup/send", SEND), wants()),
    Case("id as a query", status_by("query"), has(**SEND)),
    Case("unknown id", called("GET", "/topup/status/txn_00000000000000000000000000"), succeeds),
    Case(
        "as a form",
        body(
            SEND,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            sent=b"platform=claude",
        ),
        wants(),
    ),
    Case("as plain text", body(SEND, headers={"Content-Type": "text/plain"}), wants()),
    Case("JSON with a comma too many", body(SEND, sent=b'{"platform": "claude",}'), wants()),
    Case("Idempotency-Key too long", body(SEND, headers={"Idempotency-Key": "x" * 300}), wants()),
]
KEYS: Final = [
    Case("in X-API-Key", without_key(Authorization="", X_API_Key="{key}"), wants()),
    Case("without Bearer", without_key(Authorization="{key}"), wants()),
    Case("cut off", without_key(Authorization="Bearer ak_staging_abc"), wants()),
    Case("no key", without_key(Authorization=""), wants()),
    Case("without the scope", limited(SEND, scopes=["topup:read"]), None),
    Case("paused", _paused, None),
    Case("ended", _expired, None),
]
LIMITS: Final = [
    Case("over the cap of a call", limited(SEND, per_call_cents=500), wants(amount_cents=500)),
    Case("over what is left today", limited(SEND, used=1000, per_day_cents=2000), wants()),
    Case("nothing left today", limited(SEND, used=2000, per_day_cents=2000), wants()),
    Case("nothing left for good", limited(SEND, used=2000, lifetime_cents=2000), None),
    Case("a platform outside its list", limited(SEND, platforms=["gemini"]), None),
    Case("out of funds", _out_of_funds, wants()),
]
REPEATED: Final = [
    Case(
        "a reference", repeated({**SEND, "reference": "a"}, {**SEND, "reference": "a"}), has(**SEND)
    ),
    Case(
        "an intent for another",
        repeated(
            {**SEND, "intent": "intent-0123456789abcdef"},
            {**SEND, "amount_cents": 500, "intent": "intent-0123456789abcdef"},
        ),
        has(**SEND),
    ),
    Case("planned again", repeated(SEND, SEND), has(**SEND)),
    Case("a quote that ended", _expired_quote, wants()),
    Case("cancel of a delivered one", status_by("cancel"), has(**SEND)),
]
OTHERS: Final = [
    Case("limit of a list", called("GET", "/topup/history", query={"limit": 1000}), succeeds),
    Case("page of a list", called("GET", "/topup/history", query={"page": 2}), succeeds),
    Case("state of a list", called("GET", "/topup/history", query={"status": "sucess"}), succeeds),
    Case("cursor of a list", called("GET", "/topup/history", query={"cursor": "2"}), succeeds),
    Case(
        "a cap in text",
        body({"name": "Agent", "per_day_cents": "5.00"}, "/keys"),
        lambda told: told["success"] and told["data"]["caps"]["per_day_cents"] == 500,
    ),
    Case(
        "a scope misspelt",
        body({"name": "Agent", "scopes": ["topup:sned"]}, "/keys"),
        has(scopes=["topup:send"]),
    ),
    Case("waited too long for", status_by("wait"), has(**SEND)),
]
BULK: Final = [
    Case("an amount of an item", items({"amount_cents": 10}), accepted(1)),
    Case("a platform of an item", items({"platform": "cluade"}), accepted(1)),
    Case("a name in an item", items({"amount_cents": "-", "amount": 1500}), accepted(1)),
    Case("mail of an item", items({"recipient_email": "Ann <ann@example.com>"}), accepted(1)),
    Case("one of two", items({}, {"platform": "cluade"}), accepted(1)),
    Case("no items", body({"items": []}, "/topup/bulk"), succeeds),
]
CASES: Final = [
    *(NAMES + TYPES + PLATFORMS + MAIL + ENVIRONMENT),
    *(PLACES + KEYS + LIMITS + REPEATED + OTHERS + BULK),
]


def test_there_are_as_many_as_are_promised() -> None:
    assert len(CASES) >= 75
    assert len({case.name for case in CASES}) == len(CASES)
    assert sum(case.wanted is None for case in CASES) <= 5


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_a_wrong_call_is_repaired_by_its_answer(
    gateway: Gateway, clock: FixedClock, case: Case
) -> None:
    wrong = await case.prepare(gateway, await gateway.account(email="me@example.com"))

    async def wait(seconds: float) -> None:
        clock.advance_s(seconds)

    client = PlainClient(gateway.client, wrong.key, wait)
    answer = await client.call(wrong.request)
    told = [one.text for one in client.seen]

    assert not client.seen[0].json()["success"] or case.name == "one of two", (
        "it was wrong at first"
    )
    if case.wanted is None:
        assert client.pages[0].startswith(f"{gateway.url}/dashboard/"), told
    else:
        assert case.wanted(answer.json()), told


async def test_an_event_that_is_misspelt_is_registered(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with Receiver() as receiver:
        for wrong in (
            {"url": receiver.url, "events": ["topup.deliverd"]},
            {"url": receiver.url, "events": "topup.delivered"},
            {"endpoint": receiver.url, "events": ["topup.delivered"]},
        ):
            client = PlainClient(gateway.client, key)
            answer = await client.call(Request("POST", url(gateway, "/webhooks/register"), wrong))
            assert has(url=receiver.url, events=["topup.delivered"])(answer.json()), [
                one.text for one in client.seen
            ]
