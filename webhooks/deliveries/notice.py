"""Notify an account of its failing endpoint, in stages.

The stages are the first failure, a day of failures, four days of failures, and the disabling. The third stage is the
warning, a day before the endpoint is disabled. Each notice is written in the same transaction as the change it
reports. A notice ends when the endpoint recovers or is deleted, or when its owner changes its status.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import DAY_US
from kernel.ids import new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping

FAILING_STAGE: Final = "failing"
DAY_STAGE: Final = "failing_for_a_day"
WARNED_STAGE: Final = "failing_for_four_days"
DISABLED_STAGE: Final = "disabled"
DAY_STAGE_US: Final = DAY_US
WARNED_STAGE_US: Final = 4 * DAY_US
# The minimum time between the warning and the disabling.
WARNED_US: Final = DAY_US
RECOVERED: Final = "recovered"

# The endpoint may have recovered since the claim, so the statement checks its current row.
_WRITE = """
INSERT INTO notices (id, account_id, environment, endpoint_id, stage, failing_since_at, created_at)
SELECT v.id, p.account_id, p.environment, p.id, v.stage, p.failing_since_at, v.now_us
FROM :rows[id text, endpoint_id text, stage text, since_us_max bigint, now_us bigint] AS v
JOIN endpoints p ON p.id = v.endpoint_id
WHERE p.failing_since_at <= v.since_us_max AND p.status = 'enabled' AND p.deleted_at IS NULL
ON CONFLICT (endpoint_id, failing_since_at, stage) DO NOTHING
"""
_WRITE_DISABLED = """
INSERT INTO notices (id, account_id, environment, endpoint_id, stage, reason, failing_since_at,
    created_at)
SELECT v.id, p.account_id, p.environment, p.id, 'disabled', p.disabled_reason,
    COALESCE(p.failing_since_at, p.disabled_at), p.disabled_at
FROM :rows[id text, endpoint_id text] AS v
JOIN endpoints p ON p.id = v.endpoint_id
WHERE p.status = 'disabled'
ON CONFLICT (endpoint_id, failing_since_at, stage) DO NOTHING
"""
_END = """
UPDATE notices SET ended_at = :now_us WHERE endpoint_id IN :ids[text] AND ended_at IS NULL
"""


class Failure(NamedTuple):
    """A failed attempt.

    - is_first: whether it is the first failure since the endpoint's last success.
    - since_us: when the failures started, as read when the delivery was claimed, or None.
    """

    endpoint_id: str
    at_us: int
    is_first: bool
    since_us: int | None


@dataclass(frozen=True, slots=True)
class Notice:
    id: str
    endpoint_id: str
    url: str
    stage: str
    reason: str | None
    failing_since_at: int
    created_at: int
    ended_at: int | None

    @property
    def disable_at(self) -> int | None:
        is_warning = self.stage == WARNED_STAGE and self.ended_at is None
        return self.created_at + WARNED_US if is_warning else None


class NotifiedEndpoint(NamedTuple):
    """A stage of an endpoint's failures, for the email. It began at at_us. Its notice was written at told_us."""

    endpoint_id: str
    url: str
    stage: str
    at_us: int
    told_us: int

    @property
    def disable_us(self) -> int:
        return self.told_us + WARNED_US


async def write_failing(tx: Transaction, failures: Sequence[Failure]) -> None:
    """Write notices for the stages that these failures reach."""
    rows = []
    for one in failures:
        if (reached := _reached(one)) is not None:
            stage, after_us = reached
            row = (new_id("ntc"), one.endpoint_id, stage, one.at_us - after_us, one.at_us)
            rows.append(row)
    if rows:
        # Sort by the unique key, so that two workers can't deadlock.
        await tx.execute(_WRITE, rows=sorted(rows, key=lambda row: row[1]))


def _reached(one: Failure) -> tuple[str, int] | None:
    if one.is_first:
        return FAILING_STAGE, 0
    if one.since_us is None:
        return None
    failed_us = one.at_us - one.since_us
    if failed_us >= WARNED_STAGE_US:
        return WARNED_STAGE, WARNED_STAGE_US
    return (DAY_STAGE, DAY_STAGE_US) if failed_us >= DAY_STAGE_US else None


async def write_disabled(tx: Transaction, endpoint_ids: Collection[str]) -> None:
    rows = [(new_id("ntc"), endpoint_id) for endpoint_id in sorted(endpoint_ids)]
    await tx.execute(_WRITE_DISABLED, rows=rows)


async def end(tx: Transaction, endpoint_ids: Collection[str], *, now_us: int) -> None:
    await tx.execute(_END, ids=sorted(endpoint_ids), now_us=now_us)


async def find_warning(tx: Transaction, endpoint_id: str) -> Notice | None:
    row = await tx.fetch_one(_WARNING, endpoint_id=endpoint_id)
    return None if row is None else _ROWS.read(row)


async def take_unnotified(
    tx: Transaction, tenant: Tenant, *, is_notified: bool, now_us: int
) -> int:
    """Mark notices and recoveries as reported in this transaction's mail. Return how many were marked.

    is_notified: whether the account receives mail. If it doesn't, these notices' later recoveries are also marked.
    """
    own = {"account_id": tenant.account_id, "environment": tenant.environment, "now_us": now_us}
    begun = await tx.execute(_TAKE, **own, end_at=None if is_notified else now_us)
    return begun + await tx.execute(_TAKE_ENDS, **own)


async def notified_at(tx: Transaction, tenant: Tenant, at_us: int) -> Sequence[NotifiedEndpoint]:
    """Return the stages and recoveries that the email written at at_us reports, if they are still current.

    If the owner changed the endpoint in the meantime, its recovery isn't reported.
    """
    rows = await tx.fetch(
        _TOLD, account_id=tenant.account_id, environment=tenant.environment, at=at_us
    )
    found: dict[str, NotifiedEndpoint] = {}
    for row in rows:
        found.setdefault(row["endpoint_id"], NotifiedEndpoint(*row))
    return list(found.values())


async def prune(tx: Transaction, tenant: Tenant, *, before_us: int, rows_max: int) -> int:
    """Delete a limited number of notices that ended before before_us. Return how many were deleted."""
    return await tx.execute(
        """DELETE FROM notices WHERE id IN (
               SELECT id FROM notices WHERE account_id = :account_id
                 AND environment = :environment AND ended_at < :before_us LIMIT :rows_max)""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        before_us=before_us,
        rows_max=rows_max,
    )


async def list_notices(
    tx: Transaction,
    tenant: Tenant,
    *,
    is_open: bool | None = None,
    before_id: Begin = None,
    limit: int = PAGE_ITEMS,
) -> list[Notice]:
    """List notices, newest first. If is_open is None, list both open and ended ones."""
    rows = await _PAGES.page(
        tx,
        tenant,
        before_id=before_id,
        limit=limit,
        is_open=is_open is True,
        is_ended=is_open is False,
    )
    return [_ROWS.read(row) for row in rows]


# Notices that another transaction is ending are skipped, so that no delivery waits for the mail.
_TAKE: Final = """
UPDATE notices SET notified_at = :now_us, end_notified_at = :end_at WHERE id IN (
    SELECT id FROM notices
    WHERE account_id = :account_id AND environment = :environment
      AND notified_at IS NULL AND ended_at IS NULL
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
_TAKE_ENDS: Final = """
UPDATE notices SET end_notified_at = :now_us WHERE id IN (
    SELECT id FROM notices
    WHERE account_id = :account_id AND environment = :environment
      AND notified_at IS NOT NULL AND ended_at IS NOT NULL AND end_notified_at IS NULL
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
# The newest stage of each endpoint comes first.
_TOLD: Final = """
SELECT n.endpoint_id, p.url,
    CASE WHEN n.ended_at IS NULL THEN n.stage ELSE 'recovered' END AS stage,
    COALESCE(n.ended_at, n.failing_since_at) AS at, n.created_at
FROM notices n JOIN endpoints p ON p.id = n.endpoint_id
WHERE n.account_id = :account_id AND n.environment = :environment AND p.deleted_at IS NULL
  AND (n.notified_at = :at AND n.ended_at IS NULL
    OR n.end_notified_at = :at AND n.notified_at <> :at AND n.ended_at <> COALESCE(p.enabled_at, 0)
      AND p.status = 'enabled' AND p.failing_since_at IS NULL)
ORDER BY CASE WHEN n.ended_at IS NULL THEN 0 ELSE 1 END, n.id DESC
"""
_ROWS = RowMapping(Notice)
_SHOWN = _ROWS.of("n", url="p.url")
_FROM = "notices n JOIN endpoints p ON p.id = n.endpoint_id"
_WARNING = f"""
SELECT {_SHOWN} FROM {_FROM}
WHERE n.endpoint_id = :endpoint_id AND n.stage = '{WARNED_STAGE}' AND n.ended_at IS NULL
"""
_PAGES = Keyset(
    _SHOWN,
    _FROM,
    "n.account_id = :account_id AND n.environment = :environment",
    filters={"is_open": "n.ended_at IS NULL", "is_ended": "n.ended_at IS NOT NULL"},
    key="n.id",
)
