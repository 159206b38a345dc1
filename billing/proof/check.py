"""Check a tenant's or an environment's rows in steps, for `topup audit`. Each step reads a limited number of rows in
one snapshot.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

from billing.ledger.rule import Finding
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction

ROWS_AT_ONCE: Final = 1_000


class Broken(NamedTuple):
    says: str
    row_id: str
    expected: int
    found: int


class Step(NamedTuple):
    broken: Sequence[Broken]
    after: str | None


class Place(NamedTuple):
    """The place at which a check continues. A tenant without an account means the whole environment."""

    tenant: Tenant
    after: str
    # Rows that may have changed since this time are checked. Small tables are always checked in full.
    since_us: int


class Check(Protocol):
    @property
    def rules(self) -> Sequence[str]: ...

    async def step(self, tx: Transaction, at: Place) -> Step: ...


def differs(says: str, row_id: str, expected: int, found: int) -> Iterator[Broken]:
    if expected != found:
        yield Broken(says, row_id, expected, found)


def fails(says: str, row_id: str, *, is_true: bool) -> Iterator[Broken]:
    return differs(says, row_id, 1, int(is_true))


async def page(
    tx: Transaction, text: str, at: Place, **values: object
) -> tuple[Sequence[Row], str | None]:
    """Return the next rows in the order of `id`. Also return the ID at which to continue, or None at the end."""
    rows = await tx.fetch(
        f"{text} ORDER BY id LIMIT {ROWS_AT_ONCE}", **at.tenant._asdict(), after=at.after, **values
    )
    return rows, str(rows[-1]["id"]) if len(rows) == ROWS_AT_ONCE else None


async def findings_of(
    database: Database, checks: Sequence[Check], tenant: Tenant, *, since_us: int
) -> AsyncIterator[Finding]:
    first = await database.read(partial(_first, checks=checks, tenant=tenant, since_us=since_us))
    for check, step in zip(checks, first, strict=True):
        for one in step.broken:
            yield _finding(one, tenant)
        after = step.after
        while after is not None:
            more = await database.read(partial(check.step, at=Place(tenant, after, since_us)))
            for one in more.broken:
                yield _finding(one, tenant)
            after = more.after


async def findings_at_once(
    tx: Transaction, checks: Sequence[Check], tenant: Tenant
) -> Sequence[Finding]:
    found: list[Finding] = []
    for check in checks:
        after: str | None = ""
        while after is not None:
            step = await check.step(tx, Place(tenant, after, 0))
            found += [_finding(one, tenant) for one in step.broken]
            after = step.after
    return found


async def _first(
    tx: Transaction, *, checks: Sequence[Check], tenant: Tenant, since_us: int
) -> Sequence[Step]:
    return [await check.step(tx, Place(tenant, "", since_us)) for check in checks]


def _finding(one: Broken, tenant: Tenant) -> Finding:
    return Finding(one.says, *tenant, one.row_id, one.expected, one.found)
