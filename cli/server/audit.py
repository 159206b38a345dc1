"""`topup audit`: prove the ledger, print each row that breaks a rule, and store the result."""

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import click

from billing.checkpoints.checkpoint import day_text
from billing.checkpoints.proving import (
    LastVerified,
    last_verified,
    note_all,
    prove_checkpoints,
    verify_all,
)
from billing.checkpoints.sums import ProofBasis, open_basis
from billing.ledger.proof import note_proof
from billing.proof.audit import audit as findings_of
from billing.records.kind import NAMES, PLURALS
from billing.records.proving import Unproved, prove_records, unproved
from cli.database import save_if_writable
from cli.output import EXIT_REFUSED, examples, fail, json_option, note, run, show_rows, wants_json
from kernel.clock import DAY_US, SystemClock, day_start_us, rfc3339
from keys.vault import Vault
from runtime.installation import known_secret_key, open_store, open_vault, opens_what_is_sealed
from runtime.settings import Settings, load_settings
from store.database import Database

FINDINGS_MAX = 10_000
# Each audit compares this many days with their transfers. `topup checkpoints verify` also compares older days.
_RECENT_US: Final = 4 * DAY_US
_COLUMNS = ("rule", "account_id", "environment", "day", "row_id", "expected", "found")
_Found = list[dict[str, Any]]
_T = TypeVar("_T")


class ProvingKey(NamedTuple):
    """`vault` checks signing keys. It is None if the master key is unknown or wrong (`is_wrong`)."""

    vault: Vault | None
    is_wrong: bool = False

    def check(self) -> None:
        if self.is_wrong:
            raise fail(
                "the master key doesn't open what the database holds encrypted",
                advice="set TOPUP_SECRET_KEY to the key with which this database ran",
            )


class _Result(NamedTuple):
    findings: _Found
    basis: ProofBasis
    verified: Mapping[str, LastVerified]
    unproved: Unproved
    key: ProvingKey


@click.command(
    epilog=examples(
        "topup audit",
        "topup audit --full",
        "topup audit --json > findings.json",
    )
)
@click.option(
    "--full",
    is_flag=True,
    help="Check every transfer from the first one on. Otherwise, the sealed days are trusted "
    "for accounts with many transfers.",
)
@json_option
@click.pass_context
def audit(context: click.Context, *, full: bool) -> None:
    """Prove the ledger. Exit 1 if anything is wrong.

    The audit checks every sum, balance, hold and event number. It also detects sealed days, events, deliveries,
    audit entries and billing documents that were changed, removed or added. Rows that are newer than the last signed
    head of the record log are listed as unproved.

    The first audit checks all transfers. For an account with more than 5,000 transfers, later audits use the sealed
    days. They also check the changes since the last clean audit. /metrics and `topup doctor` show when the ledger
    was last proved.
    """
    result = run(_collect(is_full=full))
    for line in _relied_on(result):
        note(line)
    facts = {"unproved": _facts_of(result.unproved)}
    if result.findings:
        show_rows(result.findings, *_COLUMNS, facts=facts)
        note(f"Rows that break a rule: {len(result.findings)} (figures in micros)")
        note(
            "Keep a copy with `topup backup` and change no row by hand. "
            "TopupLedgerBroken in docs/alerts.md says how to continue."
        )
        _note_unproved(result)
        context.exit(EXIT_REFUSED)
    if wants_json():
        show_rows([], "rule", facts=facts)
    note("the ledger is proved: every balance is the sum of its transfers")
    _note_unproved(result)
    result.key.check()


def _note_unproved(result: _Result) -> None:
    for line in _lines_of(result.unproved):
        note(line)
    if result.key.vault is None:
        note("signing keys weren't checked: set TOPUP_SECRET_KEY to the installation's master key")


async def _collect(*, is_full: bool) -> _Result:
    clock = SystemClock()
    began_at = clock.now_us()
    settings = load_settings()
    key = await proving_key(settings)
    async with open_store(settings) as database:
        patient = database.unhurried()
        basis = await open_basis(patient, is_full=is_full, now_us=began_at)
        found = [
            dataclasses.asdict(one) async for one in _at_most(findings_of(patient, basis=basis))
        ]
        found += await _sealed(database, patient, basis, began_at)
        since_day = 0 if basis.is_full else day_start_us(began_at - _RECENT_US)
        records = prove_records(patient, since_day=since_day, vault=key.vault)
        found += [one._asdict() async for one in _at_most(records)]
        keep = partial(
            note_proof,
            began_at=began_at,
            ended_at=clock.now_us(),
            findings=len(found),
            is_full=basis.is_full,
            days={} if basis.is_full else basis.days,
        )
        await save_if_writable(database, keep)
        verified = await database.read(last_verified)
        return _Result(found, basis, verified, await unproved(patient), key)


async def _sealed(
    database: Database, patient: Database, basis: ProofBasis, began_at: int
) -> _Found:
    if not basis.is_full:
        since_day = day_start_us(began_at - _RECENT_US)
        some = prove_checkpoints(patient, since_day=since_day)
        return [one._asdict() async for one in _at_most(some)]
    found, noted = await verify_all(patient, began_at=began_at)
    if noted:
        await save_if_writable(database, partial(note_all, noted=noted))
    return [one._asdict() for one in found]


async def _at_most(found: AsyncIterator[_T]) -> AsyncIterator[_T]:
    number = 0
    async for one in found:
        yield one
        number += 1
        if number >= FINDINGS_MAX:
            return


def _relied_on(result: _Result) -> Sequence[str]:
    if result.basis.is_full:
        return ()
    return [
        f"{environment}: relied on the sealed days up to {day_text(day)},"
        f" {_verified(result.verified.get(environment))}"
        for environment, day in sorted(result.basis.days.items())
    ]


def _verified(last: LastVerified | None) -> str:
    if last is None:
        return "which were never verified: run `topup checkpoints verify`"
    found = f"with {last.findings} differences" if last.findings else "without a difference"
    return f"verified up to {day_text(last.day_start_at)} at {rfc3339(last.began_at)} {found}"


async def proving_key(settings: Settings) -> ProvingKey:
    secret_key = known_secret_key(settings)
    if not secret_key:
        return ProvingKey(None)
    vault = open_vault(secret_key)
    if await opens_what_is_sealed(settings, vault) is False:
        return ProvingKey(None, is_wrong=True)
    return ProvingKey(vault)


def _facts_of(found: Unproved) -> dict[str, Any]:
    return {
        "since": rfc3339(found.since) if found.since else None,
        "no_leaves_before": rfc3339(found.before) if found.before else None,
        "rows": dict(found.rows),
    }


def _lines_of(found: Unproved) -> Sequence[str]:
    if not found.since:
        return ["unproved: the record log has no head yet; a worker signs one each hour"]
    counted = [
        f"{number:,} {NAMES[name] if number == 1 else PLURALS[name]}"
        for name, number in found.rows.items()
        if number
    ]
    rows = ", ".join(counted) or "nothing"
    return [
        f"unproved: {rows} made since {rfc3339(found.since)}; the last signed head covers what is older",
        f"never sealed: rows made before {rfc3339(found.before)}, when sealing began",
    ]
