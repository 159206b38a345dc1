"""`topup audit`: proves the ledger; prints each row that breaks a rule, and keeps the result."""

import dataclasses
from typing import Any

import click

from billing.checkpoints.proving import prove_checkpoints
from billing.ledger.audit import audit as findings_of
from billing.ledger.proof import note_proof
from cli.examples import examples
from cli.output import EXIT_REFUSED, json_option, note, run, show_rows, wants_json
from kernel.clock import SystemClock
from runtime.installation import open_store
from runtime.settings import load_settings
from store.database import Database, Transaction
from store.errors import StoreError

# Beyond this the reader knows that something is wrong on a grand scale.
FINDINGS_MAX = 10_000
_COLUMNS = ("rule", "account_id", "environment", "day", "row_id", "expected", "found")


@click.command(
    epilog=examples(
        "topup audit",
        "topup audit --json > findings.json",
    )
)
@json_option
@click.pass_context
def audit(context: click.Context) -> None:
    """Prove the ledger: no sum, balance, hold or event number is off, and no transfer of a sealed day was
    changed, removed or added. Exit 1 if one is.

    The result is kept: /metrics and `topup doctor` show when the ledger was last proved.
    """
    findings = run(_collect())
    if findings:
        show_rows(findings, *_COLUMNS)
        note(f"{len(findings)} rows break a rule (figures in micros)")
        context.exit(EXIT_REFUSED)
    if wants_json():
        show_rows([], "rule")
    note("the ledger is proved: every balance is the sum of its transfers")


async def _collect() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    clock = SystemClock()
    began_at = clock.now_us()
    async with open_store(load_settings()) as database:
        async for finding in findings_of(database.unhurried()):
            found.append(dataclasses.asdict(finding))
            if len(found) >= FINDINGS_MAX:
                break
        async for sealed in prove_checkpoints(database.unhurried()):
            if len(found) >= FINDINGS_MAX:
                break
            found.append(sealed._asdict())
        await _keep(database, began_at=began_at, ended_at=clock.now_us(), findings=len(found))
    return found


async def _keep(database: Database, *, began_at: int, ended_at: int, findings: int) -> None:
    """Where nothing can be written, such as on a standby, the result is told all the same."""

    async def work(tx: Transaction) -> None:
        await note_proof(tx, began_at=began_at, ended_at=ended_at, findings=findings)

    try:
        await database.transaction(work)
    except StoreError as error:
        note(f"the result is not kept, so /metrics and doctor do not show it: {error}")
