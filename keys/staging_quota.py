"""Limit what an account's staging environment can store in a UTC day.

A worker regularly counts stored rows (worker/money/chores.py), so sends don't have to. A count isn't stored
if another worker has changed the sum meanwhile, so nothing is counted twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kernel.clock import DAY_US, MINUTE_US, SECOND_US, Clock, rfc3339
from kernel.errors import DomainError
from keys.principal import Environment, Principal
from store.database import Row, Transaction
from store.stored import StoredAmount

FULL_UNTIL: Final = "a.staging_full_until"
UNVERIFIED: Final = "unverified"
_UNVERIFIED: Final = """(CASE WHEN a.live_opened_at IS NULL AND a.email_verified_at IS NULL AND a.is_operator = 0
    THEN 1 ELSE 0 END)"""
RESERVE_RETRY_S: Final = 60


class StagingFull(DomainError):
    """The account has reached today's storage quota in staging."""


class StagingClosed(DomainError):
    """The installation currently has no space for staging."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The maximum that one account's staging can store in a day. 0 means no limit."""

    rows: int
    bytes: int

    def is_used_up(self, stored: StoredAmount) -> bool:
        return 0 < self.rows <= stored.rows or 0 < self.bytes <= stored.bytes


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas of a verified account, of an unverified account, and of all unverified accounts together."""

    verified: Quota
    unverified: Quota
    together: Quota

    @property
    def are_open(self) -> bool:
        return not any(
            one.rows or one.bytes for one in (self.verified, self.unverified, self.together)
        )

    def is_full(self, account: "Counting", *, is_over: bool) -> bool:
        if account.is_unverified:
            return is_over or self.unverified.is_used_up(account.stored)
        return self.verified.is_used_up(account.stored)


@dataclass(frozen=True, slots=True)
class Counting:
    """What an active account has stored on this day until `until_us`."""

    account_id: str
    is_unverified: bool
    full_until: int | None
    stored: StoredAmount
    until_us: int


class StagingRoom:
    """Whether staging accepts changes in this process. A check of the disk or database sets `is_short`."""

    def __init__(self) -> None:
        self.is_short = False

    def check(self, caller: Principal, clock: Clock) -> None:
        if self.is_short:
            self.check_environment(caller.environment)
        until = caller.staging_full_until
        if until is not None and caller.environment == "staging":
            now_us = clock.now_us()
            if now_us < until:
                raise full(until, now_us)

    def has_room(self, caller: Principal, clock: Clock) -> bool:
        try:
            self.check(caller, clock)
        except (StagingFull, StagingClosed):
            return False
        return True

    def check_environment(self, environment: Environment) -> None:
        if self.is_short and environment == "staging":
            raise StagingClosed(
                "This gateway's disk or database is nearly full, so staging accepts no changes "
                "until the operator frees space. Staging can still be read, and live isn't affected.",
                reason="storage_reserve",
                retry_after_s=RESERVE_RETRY_S,
            )


def full(until: int, now_us: int) -> StagingFull:
    return StagingFull(
        "This account has reached today's storage limit for staging. Staging accepts "
        f"changes again at {rfc3339(until)}. Staging can still be read. Live isn't affected, and "
        "webhooks for accepted calls are still sent. An account with a verified email address "
        "may store more, and "
        "the operator can raise the limit.",
        reason="staging_quota",
        retry_after_s=max(1, -(-(until - now_us) // SECOND_US)),
        extra={"resets_at": rfc3339(until)},
    )


async def check_new_sandbox(tx: Transaction, quotas: Quotas, *, now_us: int) -> None:
    day = now_us // DAY_US * DAY_US
    if quotas.together.is_used_up(await _together(tx, day)):
        raise full(day + DAY_US, now_us)


async def active_accounts(
    tx: Transaction, *, after: str, day_us: int, limit: int
) -> list[Counting]:
    rows = await tx.fetch(
        f"""SELECT a.id, a.staging_full_until, {_UNVERIFIED} AS is_unverified, s.day_start_at, s.rows_stored,
                  s.bytes_stored, s.counted_until_at, a.created_at
           FROM accounts a LEFT JOIN staging_storage s ON s.account_id = a.id
           WHERE a.id > :after AND a.last_active_at >= :active_from
           ORDER BY a.id LIMIT :rows""",
        after=after,
        # An account's use is recorded once a day, so the last use may be up to a day later than recorded.
        active_from=day_us - DAY_US,
        rows=limit,
    )
    return [_counting(row, day_us) for row in rows]


def _counting(row: Row, day_us: int) -> Counting:
    is_of_day = row["day_start_at"] == day_us
    return Counting(
        row["id"],
        bool(row["is_unverified"]),
        row["staging_full_until"],
        StoredAmount(row["rows_stored"], row["bytes_stored"]) if is_of_day else StoredAmount(),
        # An account's first rows have IDs that are slightly older than the account.
        row["counted_until_at"] if is_of_day else max(day_us, row["created_at"] - MINUTE_US),
    )


async def add(
    tx: Transaction,
    counted: Sequence[Counting],
    grown: Mapping[str, StoredAmount],
    *,
    day_us: int,
    until_us: int,
    quotas: Quotas,
) -> list[Counting]:
    """Add what these accounts stored until `until_us`, and update which of them are full.

    Return only accounts that no other worker has counted in the meantime.
    """
    after = [
        replace(
            one, stored=one.stored + grown.get(one.account_id, StoredAmount()), until_us=until_us
        )
        for one in counted
    ]
    rows = sorted((one.account_id, *one.stored) for one in after)
    added = await tx.fetch(_ADD, added=rows, day=day_us, until=until_us, was=counted[0].until_us)
    ids = {row["account_id"] for row in added}
    ours = [one for one in after if one.account_id in ids]
    more = StoredAmount()
    for one in ours:
        if one.is_unverified:
            more += grown.get(one.account_id, StoredAmount())
    together = await _add_together(tx, more, day_us=day_us, until_us=until_us)
    is_over = quotas.together.is_used_up(together)
    marked = [
        replace(one, full_until=day_us + DAY_US if quotas.is_full(one, is_over=is_over) else None)
        for one in ours
    ]
    await _mark(tx, [one for one, before in zip(marked, ours, strict=True) if one != before])
    return marked


async def _mark(tx: Transaction, changed: Sequence[Counting]) -> None:
    for until in {one.full_until for one in changed}:
        await tx.execute(
            "UPDATE accounts SET staging_full_until = :until WHERE id IN :ids[text]",
            until=until,
            ids=sorted(one.account_id for one in changed if one.full_until == until),
        )


async def _add_together(
    tx: Transaction, more: StoredAmount, *, day_us: int, until_us: int
) -> StoredAmount:
    await tx.execute(
        _ADD_TOGETHER,
        account_id=UNVERIFIED,
        day=day_us,
        rows=more.rows,
        bytes=more.bytes,
        until=until_us,
    )
    return await _together(tx, day_us)


async def _together(tx: Transaction, day_us: int) -> StoredAmount:
    row = await tx.fetch_one(
        """SELECT rows_stored, bytes_stored FROM staging_storage
           WHERE account_id = :account_id AND day_start_at = :day""",
        account_id=UNVERIFIED,
        day=day_us,
    )
    return StoredAmount() if row is None else StoredAmount(row["rows_stored"], row["bytes_stored"])


_COLUMNS: Final = "(account_id, day_start_at, rows_stored, bytes_stored, counted_until_at)"
_ADD: Final = f"""
INSERT INTO staging_storage AS s {_COLUMNS}
SELECT v.account_id, :day, v.rows_stored, v.bytes_stored, :until
FROM :added[account_id text, rows_stored bigint, bytes_stored bigint] AS v
WHERE 1 = 1 ORDER BY v.account_id
ON CONFLICT (account_id) DO UPDATE SET
    day_start_at = excluded.day_start_at, rows_stored = excluded.rows_stored,
    bytes_stored = excluded.bytes_stored, counted_until_at = excluded.counted_until_at
WHERE (s.counted_until_at = :was AND s.day_start_at = excluded.day_start_at)
   OR s.day_start_at < excluded.day_start_at
RETURNING account_id
"""
_ADD_TOGETHER: Final = f"""
INSERT INTO staging_storage AS s {_COLUMNS} VALUES (:account_id, :day, :rows, :bytes, :until)
ON CONFLICT (account_id) DO UPDATE SET
    rows_stored = CASE WHEN s.day_start_at = :day THEN s.rows_stored ELSE 0 END + :rows,
    bytes_stored = CASE WHEN s.day_start_at = :day THEN s.bytes_stored ELSE 0 END + :bytes,
    day_start_at = :day, counted_until_at = :until
WHERE s.day_start_at <= :day
"""
