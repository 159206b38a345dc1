"""Change each money column and each state column, and delete and move each kind of row: the proof finds it.

Few prove nothing, each with why. `make prove` tries every change; a run of the suite a sample, another one each day.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeVar

import pytest

from billing.ledger.rule import Finding
from billing.proof.audit import audit, findings_in
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.open import open_database
from store.schema import metadata
from tests.billing.proof.silent_rows import SILENT
from tests.support.changed_columns import (
    KINDS,
    STATE_NAMES,
    STATES,
    Change,
    alternatives,
    apply,
    changes,
    is_sorted,
    is_state,
    proved_columns,
)
from tests.support.changed_rows import RowChange, apply_row, row_changes
from tests.support.sampled import drawn, is_whole

PROVES_NOTHING_MAX = 20
SAMPLE = 120
_MAIL = "how a mail went is its server's word; no money hangs on it"
_HELD = (
    "a provider's word that nothing is booked by yet: a person decides, at the provider's own page"
)
# What no other row of the database bears out, and why.
PROVES_NOTHING = {
    "device_logins.status": "a login of minutes, of which the key that it gave stands in the audit log",
    "disputes.amount": "what a bank wants beyond what its payment was of; what it took is proved",
    "fulfilment_attempts.cost_cents": "of a delivery before costs were in the books there is no transfer",
    "fulfilment_attempts.outcome": "a supplier's last word while it is open; how the top-up ended is proved",
    "held_invoices.amount": _HELD,
    "held_invoices.paid_amount": _HELD,
    "held_invoices.price_amount": _HELD,
    "mails.status": _MAIL,
    "owner_mails.status": _MAIL,
    "payment_fees.amount": "what a provider kept, as its list shows it; nothing is booked by it",
    "plan_grants.unreported_micros": "what an event left out; what went on and what came back is proved",
    "provider_events.outcome": "a log of what became of each notification; what it brought about is proved",
    "provider_strays.amount": "a provider's word on what is not known yet; once it counts it is proved",
    "replays.status": "whether a job of sending again goes on; each delivery has its own state",
    "subscription_periods.plan_micros": "of a change of plans that gave time back, which grants nothing",
    "subscription_steers.amount": "what a plan cost when a person wanted it; what was paid is proved",
    "subscription_steers.status": "a wish that was refused or given up; the subscription's state is proved",
    "supplier_words.cost_cents": "what a supplier says it took of what was not accepted; what is booked is proved",
    "subscriptions.carried_amount": "of a plan whose provider told of no change since it began",
    "volume_days.amount_micros": "a glance at sums, which reports add up from the rows themselves",
}
# What the sealer's leaves bear out, and no rule.
COVERED_BY_LEAVES = frozenset(
    {"audit_log.outcome", "credit_adjustments.credits", "deliveries.status"}
)
# What the proof from sealed days reads, and no whole look: tests/billing/checkpoints/test_sealed_sums.py.
COVERED_BY_SUMS = frozenset(
    {
        "sealed_balances.before_credits_micros",
        "sealed_balances.before_debits_micros",
        "sealed_balances.credits_micros",
        "sealed_balances.debits_micros",
    }
)


AnyChange = TypeVar("AnyChange", Change, RowChange)


class _Undone(Exception):
    """Takes a change back, with what was found of it."""

    def __init__(self, found: Sequence[Finding]) -> None:
        self.found = found


async def found_after(database: Database, change: Change | RowChange) -> Sequence[Finding] | None:
    """Return what is found of the change, which is taken back; None: the schema refuses it."""

    async def work(tx: Transaction) -> None:
        await (apply(tx, change) if isinstance(change, Change) else apply_row(tx, change))
        found: list[Finding] = []
        for tenant in change.tenants:
            if tenant.account_id:
                found += await findings_in(tx, tenant)
        for environment in sorted({one.environment for one in change.tenants}):
            found += await findings_in(tx, Tenant("", environment))
        raise _Undone(found)

    try:
        await database.transaction(work)
    except _Undone as undone:
        return undone.found
    except Exception:
        return None
    raise AssertionError("the work ends with what it found")


def chosen(every: Sequence[AnyChange], name: str) -> Sequence[AnyChange]:
    """Return some of each day's own; all of them in `make prove`."""
    return every if is_whole() else drawn(every, SAMPLE, name=name)


async def silent_ones(
    database: Database, every: Sequence[AnyChange]
) -> Mapping[str, Sequence[str]]:
    """Return the changes that nothing is found of, by what the lists of exceptions call them."""
    silent: defaultdict[str, list[str]] = defaultdict(list)
    for change in every:
        found = await found_after(database, change)
        if found is not None and not found:
            silent[change.column].append(str(change))
    return silent


@pytest.mark.long("facts")
@pytest.mark.sampled(2, group="facts")
async def test_each_changed_column_is_found(facts_url: str) -> None:
    database = open_database(facts_url)
    assert [one async for one in audit(database)] == [], "what nobody changed is proved"

    every = await database.read(changes)
    silent = await silent_ones(database, chosen(every, "columns"))
    await database.close()

    excused = {*PROVES_NOTHING, *COVERED_BY_LEAVES, *COVERED_BY_SUMS}
    assert {name: silent[name] for name in silent if name not in excused} == {}
    if is_whole():
        tried = {change.column for change in every}
        is_found = (PROVES_NOTHING.keys() & tried) - silent.keys()
        assert is_found == set(), "what is found leaves the list"
        columns = {f"{one.table.name}.{one.name}" for one in proved_columns()}
        assert columns - tried == set(), "tests/support/every_fact.py makes a row of each table"


@pytest.mark.long("facts")
@pytest.mark.sampled(2, group="facts")
async def test_each_deleted_or_moved_row_is_found(facts_url: str) -> None:
    database = open_database(facts_url)

    every = await database.read(row_changes)
    silent = await silent_ones(database, chosen(every, "rows"))
    await database.close()

    assert {name: silent[name] for name in silent if name not in SILENT} == {}
    if is_whole():
        tried = {change.column for change in every}
        is_found = (SILENT.keys() & tried) - silent.keys()
        assert is_found == set(), "what is found leaves the list"


def test_few_columns_prove_nothing_and_none_of_what_was_sold_or_sent() -> None:
    assert len(PROVES_NOTHING) <= PROVES_NOTHING_MAX
    assert all(PROVES_NOTHING.values())
    sold = ("orders.", "refunds.", "topups.", "billing_documents.")
    assert [one for one in PROVES_NOTHING if one.startswith(sold)] == []


def test_each_row_of_what_was_sold_or_sent_is_found() -> None:
    sold = ("orders ", "refunds ", "topups ", "billing_documents ", "transfers ")
    assert [one for one in SILENT if one.startswith(sold)] == []


def test_each_column_is_sorted_in() -> None:
    numbers = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if str(column.type) == "BIGINT" and not is_sorted(column)
    ]
    assert numbers == [], "money, time, flag or count: tests/support/changed_columns.py"
    assert alternatives() - STATE_NAMES - KINDS == set()
    states = {f"{one.table.name}.{one.name}" for one in proved_columns() if is_state(one)}
    assert states == STATES.keys()
