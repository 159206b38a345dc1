"""Which events a filter lets through, and which filters are refused."""

from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Transaction
from tests.support.webhook_rows import given_account, given_endpoint
from webhooks.events.event import Outbox
from webhooks.events.payload_filter import check_filter, payload_filter

DATA: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 1000,
    "is_new": True,
    "reference": None,
    "metadata": {"shop": "eu", "count": "1"},
    "parts": [1, 2],
}


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ({"platform": ["claude", "gemini"]}, True),
        ({"platform": ["gemini"]}, False),
        ({"amount_cents": {"gte": 1000, "lte": 1000}}, True),
        ({"amount_cents": {"gte": 1001}}, False),
        ({"amount_cents": {"lte": 999}}, False),
        ({"amount_cents": [1000]}, True),
        ({"platform": ["claude"], "amount_cents": {"gte": 1001}}, False),
        ({"metadata.shop": ["eu"]}, True),
        ({"metadata.shop": ["us"]}, False),
        ({"metadata.shop.name": ["eu"]}, False),
        ({"metadata.count": {"gte": 0}}, False),
        ({"reference": [None]}, True),
        ({"absent": [None]}, False),
        # In JSON neither true nor "1" is 1.
        ({"is_new": [True]}, True),
        ({"is_new": [1]}, False),
        ({"is_new": {"gte": 0}}, False),
        ({"metadata.count": [1]}, False),
        ({"parts": [1]}, False),
        ({"platform": {"gte": 0}}, False),
    ],
)
def test_what_has_to_hold_holds(wanted: dict[str, Any], *, matches: bool) -> None:
    stored = check_filter(wanted)

    assert stored is not None
    assert payload_filter(stored).matches(DATA) is matches


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {f"path_{number}": [1] for number in range(11)},
        {"": [1]},
        {"a..b": [1]},
        {"a b": [1]},
        {"a.b.c.d.e.f": [1]},
        {"x" * 65: [1]},
        {"a": []},
        {"a": list(range(51))},
        {"a": [1.5]},
        {"a": [2**63]},
        {"a": ["x" * 257]},
        {"a": [["nested"]]},
        {"a": {}},
        {"a": {"gte": "1"}},
        {"a": {"gte": True}},
        {"a": {"gte": None}},
        {"a": {"gt": 1}},
        {"a": "claude"},
        {"a": None},
        # Each part is short enough, all of it is not: 4,001 bytes.
        {"a": ["x" * 256] * 15 + ["x" * 106]},
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_filter(wanted)

    assert refused.value.param == "filter"


async def test_an_endpoint_gets_what_its_filter_matches_and_every_event_is_there(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    names = {}
    for name, wanted in (
        ("all", None),
        ("claude", {"platform": ["claude"]}),
        ("large", {"amount_cents": {"gte": 1000}}),
    ):
        endpoint, _ = await given_endpoint(database, clock, tenant, wanted=wanted)
        names[endpoint.id] = name

    async def work(tx: Transaction) -> list[tuple[str, int]]:
        await lock_tenants(tx, [tenant])
        outbox = await Outbox.load(tx, [tenant])
        for platform, amount_cents in (("claude", 999), ("gemini", 1000), ("claude", 1000)):
            data = {"platform": platform, "amount_cents": amount_cents}
            outbox.publish(tenant, type="topup.pending", data=data, now_us=clock.now_us())
        await outbox.flush(tx)
        rows = await tx.fetch(
            "SELECT d.endpoint_id, e.event_no FROM deliveries d JOIN events e ON e.id = d.event_id"
        )
        return sorted((names[row["endpoint_id"]], row["event_no"]) for row in rows)

    assert await database.transaction(work) == [
        *(("all", 1), ("all", 2), ("all", 3)),
        *(("claude", 1), ("claude", 3)),
        *(("large", 2), ("large", 3)),
    ]
