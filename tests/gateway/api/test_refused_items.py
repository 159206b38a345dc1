"""Which call comes next after an item is refused: links of each refusal that an item of a bulk send or of a
batch of usage can get, in the answer to the call and where the batch is read later.
"""

import re
from typing import Any, NamedTuple

import pytest

from tests.support.gateway import API, Gateway
from tests.support.prices import GPT, price

pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]

EMAIL = "user@example.com"
SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": EMAIL}
TOKENS = {"model": "gpt-4o", "input_tokens": 10, "output_tokens": 10}
FUND = ("fund", "POST", "/sandbox/fund")
BALANCE = ("balance", "GET", "/topup/balance")
PLATFORMS = ("platforms", "GET", "/platforms")
LIMITS = ("limits", "GET", "/keys/self")
SMALLER = ("smaller_send", "POST", "/topup/send")
PAGE = ("page", "GET", "/dashboard/keys/{key}")
EARLIER = ("earlier", "GET", "/topup/status/{first}")


class Case(NamedTuple):
    """changes: of the second of two items. links: of its refusal in the answer to the call. body: of the
    first link. read: the links where the batch is read later, where they are others.
    """

    changes: dict[str, Any]
    code: int
    links: list[tuple[str, str, str]]
    body: dict[str, Any] | None = None
    key: dict[str, Any] | None = None
    read: list[tuple[str, str, str]] | None = None


SENDS = {
    "a wrong field": Case({"amount_cents": "10"}, 2007, []),
    "an unknown platform": Case({"platform": "claud"}, 2003, [PLATFORMS]),
    "no address": Case({"recipient_email": "nobody"}, 2004, []),
    "too small": Case({"amount_cents": 1}, 2005, [PLATFORMS]),
    "too little credit": Case(
        {"amount_cents": 99_900}, 2002, [FUND, BALANCE], {"amount_cents": 99_900}
    ),
    "its reference again": Case({"reference": "first"}, 2006, [EARLIER]),
    "looks repeated": Case({}, 2006, [EARLIER], key={"repeat_guard_s": 600}),
    "a limit that leaves less": Case(
        {"amount_cents": 2000, "note": "for May", "metadata": {"team": "a"}},
        2008,
        [SMALLER, LIMITS, PAGE],
        {
            "platform": "claude",
            "amount_cents": 1500,
            "recipient_email": EMAIL,
            "reference": "second",
            "note": "for May",
            "metadata": {"team": "a"},
        },
        key={"lifetime_cents": 2500},
        read=[PAGE, LIMITS],
    ),
    "a limit that leaves nothing": Case({}, 2008, [PAGE, LIMITS], key={"lifetime_cents": 1000}),
    "too many sends": Case({}, 2008, [LIMITS], key={"max_sends_per_hour": 1}),
    "a platform outside the mandate": Case(
        {"platform": "gemini"}, 2009, [PAGE, LIMITS], key={"platforms": ["claude"]}
    ),
    "a recipient outside the mandate": Case(
        {"recipient_email": "else@example.com"}, 2009, [PAGE, LIMITS], key={"recipients": [EMAIL]}
    ),
}
RECORDS = {
    "a wrong field": Case({"input_tokens": "10"}, 2007, []),
    "a model without a price": Case({"model": "gpt-9"}, 2007, [("prices", "GET", "/prices")]),
    "too little credit": Case(
        {"input_tokens": 10**9, "output_tokens": 10**9},
        2002,
        [FUND, BALANCE],
        # $12,500.00, of which the account has $10,000.00 less the first record's 125 micros.
        {"amount_cents": 250_001},
    ),
    "its reference again": Case(
        {"reference": "a b", "input_tokens": 11},
        2006,
        [("earlier", "GET", "/usage?reference=a%20b")],
    ),
    "a limit": Case({"input_tokens": 10**9}, 2008, [PAGE, LIMITS], key={"lifetime_cents": 100}),
}


def shown(gateway: Gateway, error: dict[str, Any], first: str) -> list[tuple[str, str, str]]:
    """The links, {first} for the id of the item that was accepted and {key} for a key's."""
    links = error.get("links", [])
    assert all(one["href"].startswith(gateway.url) for one in links)
    return [
        (
            one["rel"],
            one["method"],
            re.sub(
                r"key_\w+",
                "{key}",
                one["href"].removeprefix(gateway.url).removeprefix(API).replace(first, "{first}"),
            ),
        )
        for one in links
    ]


async def spender(
    gateway: Gateway, named: str, mandate: dict[str, Any] | None = None
) -> tuple[str, str]:
    """A key with that mandate in an account of that name, and the account's own."""
    account = await gateway.account(email=f"{named.replace(' ', '.')}@example.org")
    owner = await gateway.key(account)
    if mandate is None:
        return owner, owner
    scopes = ["topup:send", "topup:read", "usage:write", "usage:read"]
    made = await gateway.call(
        "POST", "/keys", key=owner, json={"name": "agent", "scopes": scopes, **mandate}
    )
    return made.json()["data"]["key"], owner


async def test_an_item_of_a_bulk_send_says_which_call_comes_next(gateway: Gateway) -> None:
    for named, case in SENDS.items():
        key, owner = await spender(gateway, named, case.key)
        if case.code == 2002:
            used = {"amount_micros": 9_100_000_000, "description": "all but $900"}
            await gateway.call("POST", "/usage", key=owner, json=used)
        items = [SEND | {"reference": "first"}, SEND | {"reference": "second"} | case.changes]

        body = {"items": items}
        tried = await gateway.call("POST", "/topup/bulk", key=key, json=body | {"dry_run": True})
        answer = await gateway.call("POST", "/topup/bulk", key=key, json=body)

        data = answer.json()["data"]
        read = (await gateway.call("GET", f"/batches/{data['id']}", key=owner)).json()["data"]
        first, second = read["items"]["items"]
        (refused,) = data["errors"]
        assert (refused["code"], second["code"]) == (case.code, case.code), named
        assert shown(gateway, refused["error"], first["transaction_id"]) == case.links, named
        later = case.links if case.read is None else case.read
        assert shown(gateway, second["error"], first["transaction_id"]) == later, named
        if case.body is not None:
            assert refused["error"]["links"][0]["body"] == case.body, named
        # A dry run has no earlier top-up to name, and says the rest alike.
        (foretold,) = tried.json()["data"]["errors"]
        if case.code != 2006:
            assert foretold["error"].get("links") == refused["error"].get("links"), named


async def test_a_record_of_usage_says_which_call_comes_next(gateway: Gateway) -> None:
    await price(gateway.context.database, GPT)
    for named, case in RECORDS.items():
        key, _ = await spender(gateway, named, case.key)
        records = [TOKENS | {"reference": "a b"}, TOKENS | {"reference": "second"} | case.changes]

        answer = await gateway.call("POST", "/usage", key=key, json={"records": records})

        refused = answer.json()["data"]["results"][1]
        assert refused["code"] == case.code, named
        assert shown(gateway, refused["error"], "none") == case.links, named
        if case.body is not None:
            assert refused["error"]["links"][0]["body"] == case.body, named


async def test_a_smaller_send_leaves_out_the_quote_of_the_greater_one(gateway: Gateway) -> None:
    key, _ = await spender(gateway, "quote", {"lifetime_cents": 2500})
    big = SEND | {"amount_cents": 2000}
    quoted = await gateway.call("POST", "/topup/validate", key=key, json=big)
    await gateway.call("POST", "/topup/send", key=key, json=SEND)

    refused = await gateway.call(
        "POST", "/topup/send", key=key, json=big | {"quote_id": quoted.json()["data"]["quote_id"]}
    )

    link = refused.json()["data"]["error"]["links"][0]
    assert link["body"] == SEND | {"amount_cents": 1500}
    sent = await gateway.call("POST", "/topup/send", key=key, json=link["body"])
    assert sent.json()["code"] == 1001


async def test_who_reads_a_batch_is_told_no_more_of_an_item_than_it_shows(gateway: Gateway) -> None:
    key, owner = await spender(gateway, "reader", {"lifetime_cents": 100})
    told = {"delivery": {"message": "words to one person"}, "note": "inner note"}
    items = [SEND | {"reference": "one", "metadata": {"case": "hidden"}} | told]
    made = await gateway.call("POST", "/topup/bulk", key=key, json={"items": items})
    reader = await gateway.call("POST", "/keys", key=owner, json={"scopes": ["topup:read"]})

    path = f"/batches/{made.json()['data']['batch']['id']}"
    read = await gateway.call("GET", path, key=reader.json()["data"]["key"])

    assert [one["code"] for one in read.json()["data"]["items"]["items"]] == [2008]
    assert not any(words in read.text for words in ("words to one", "inner note", "hidden"))
