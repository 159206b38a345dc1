"""An endpoint's health: shares and times by hand, and failures put together by what was answered."""

from typing import Any

import pytest

from kernel.clock import HOUR_US
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database, Transaction
from webhooks.deliveries.endpoint_health import (
    LOOKED_AT_MAX,
    PING,
    EndpointHealth,
    load_health,
    phrase_of,
)

NOW_US = 1_800_000_000_000_000
DAY_US = 24 * HOUR_US
PAGE = b"<html><head><title>502 Bad\n Gateway</title></head><body>nginx</body></html>"
TRACE = b"""Traceback (most recent call last):
  File "/app/views.py", line 4021, in hook
    order = Order.objects.get(id=98231)
shop.models.Order.DoesNotExist: Order 98231 of 5f2b8c1e9a7d matching query does not exist.
"""


@pytest.mark.parametrize(
    ("body", "phrase"),
    [
        (b"", ""),
        (b"  \n ", ""),
        (b"oops", "oops"),
        (PAGE, "502 Bad Gateway"),
        (b"<p>Not <b>here</b></p>", "Not here"),
        (TRACE, "shop.models.Order.DoesNotExist: Order … of … matching query does not exist."),
        (
            b'{"error": {"code": "no_such_order", "message": "Order 1234 is gone"}}',
            "Order … is gone",
        ),
        (b'{"message": "Unauthorized"}', "Unauthorized"),
        (b'{"errors": [1, 2]}', '{"errors": [1, 2]}'),
        (b"[" * 4000, "[" * 120),
        (b"\xff\xfe not text", "\ufffd\ufffd not text"),
        ("ä".encode() * 400, "ä" * 120),
    ],
)
def test_an_answer_is_told_in_a_line(body: bytes, phrase: str) -> None:
    assert phrase_of(body) == phrase


class Log:
    """Writes deliveries as a worker leaves them."""

    def __init__(self, database: Database, tenant: Tenant) -> None:
        self.database, self.tenant = database, tenant
        self.endpoint_id = new_id("we")
        self._deliveries: list[Any] = []
        self._attempts: list[Any] = []

    def add(
        self,
        status: str,
        at_us: int,
        *,
        http: int | None = 200,
        error: str | None = None,
        body: bytes = b"",
        ms: int = 10,
        event_type: str = "topup.delivered",
    ) -> str:
        id_ = new_id("dlv")
        made = (id_, new_id("evt"), self.endpoint_id, *self.tenant, event_type, status, 1, at_us)
        self._deliveries.append(made)
        said = (http, error, "{}", "{}", body)
        self._attempts.append((id_, 1, new_id("att"), *self.tenant, at_us, ms * 1000, *said))
        return id_

    async def health(self, period_us: int = DAY_US) -> EndpointHealth:
        deliveries, attempts = self._deliveries, self._attempts
        self._deliveries, self._attempts = [], []

        async def work(tx: Transaction) -> EndpointHealth:
            await tx.insert("deliveries", _DELIVERY, deliveries)
            await tx.insert("attempts", _ATTEMPT, attempts)
            return await load_health(
                tx, self.tenant, self.endpoint_id, period_us=period_us, now_us=NOW_US
            )

        return await self.database.transaction(work)


_DELIVERY = (
    *("id", "event_id", "endpoint_id", "account_id", "environment", "event_type", "status"),
    *("attempts_made", "created_at"),
)
_ATTEMPT = (
    *("delivery_id", "number", "id", "account_id", "environment", "started_at", "duration_us"),
    *("http_status", "error", "timings_ms", "request_headers", "response_body"),
)


@pytest.fixture
def log(database: Database) -> Log:
    return Log(database, Tenant(new_id("acc"), "staging"))


async def test_shares_times_and_groups_are_added_up_by_hand(log: Log) -> None:
    hour = HOUR_US
    for number, ms in enumerate((10, 20, 30, 400)):
        log.add("delivered", NOW_US - hour // 2 - number, ms=ms)
    log.add("delivered", NOW_US - 23 * hour, ms=50)
    oldest = log.add("failed", NOW_US - 3 * hour, http=500, error="http", body=b"Order 1111 gone")
    newest = log.add("failed", NOW_US - 2 * hour, http=500, error="http", body=b"Order 2222 gone")
    log.add("failed", NOW_US - 2 * hour - 1, http=None, error="timeout")
    log.add("pending", NOW_US - 1, http=503, error="http")
    log.add("cancelled", NOW_US - 1, http=None)
    # Of another day, and a ping: neither counts.
    log.add("failed", NOW_US - 25 * hour, http=500, error="http")
    log.add("delivered", NOW_US - 5, event_type=PING)

    health = await log.health()

    assert oldest < newest
    assert (health.delivered, health.failed, health.open) == (5, 3, 1)
    assert health.success_share == 0.625
    # Answered: 10, 10, 10, 10, 20, 30, 50, 400 ms; what timed out was not.
    assert (health.duration_ms(0.5), health.duration_ms(0.95)) == (20, 400)
    [orders, timeouts] = health.groups
    assert (orders.deliveries, orders.http_status, orders.phrase) == (2, 500, "Order … gone")
    assert (orders.newest_id, orders.last_at, orders.first_at) == (
        newest,
        NOW_US - 2 * hour,
        NOW_US - 3 * hour,
    )
    assert (timeouts.deliveries, timeouts.error, timeouts.phrase) == (1, "timeout", "")
    ended = {place: (one.delivered, one.failed) for place, one in enumerate(health.steps)}
    assert {place: pair for place, pair in ended.items() if any(pair)} == {
        1: (1, 0),
        21: (0, 2),
        22: (0, 1),
        23: (4, 0),
    }


async def test_nothing_has_no_share(log: Log) -> None:
    health = await log.health()

    assert (health.success_share, health.duration_ms(0.95), health.groups) == (None, None, [])
    assert len(health.steps) == 24


@pytest.mark.one_database
async def test_a_busy_endpoint_is_judged_by_its_newest_deliveries(log: Log) -> None:
    for number in range(LOOKED_AT_MAX + 10):
        log.add("delivered" if number < LOOKED_AT_MAX else "failed", NOW_US - 1000 * (number + 1))

    health = await log.health()

    assert (health.delivered, health.failed) == (LOOKED_AT_MAX, 0)
    assert health.since == NOW_US - 1000 * LOOKED_AT_MAX


async def test_another_accounts_deliveries_are_none_of_it(log: Log) -> None:
    log.add("delivered", NOW_US - 5)
    await log.health()
    log.tenant = Tenant(new_id("acc"), "staging")

    assert (await log.health()).delivered == 0
