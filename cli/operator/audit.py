"""`topup audit`: proves the ledger; prints each row that breaks a rule."""

import dataclasses
from typing import Any

import click

from billing.ledger.audit import audit as findings_of
from cli.examples import examples
from cli.output import EXIT_REFUSED, json_option, note, run, show_rows, wants_json
from runtime.installation import open_store
from runtime.settings import load_settings

# Beyond this the reader knows that something is wrong on a grand scale.
FINDINGS_MAX = 10_000


@click.command(
    epilog=examples(
        "topup audit",
        "topup audit --json > findings.json",
    )
)
@json_option
@click.pass_context
def audit(context: click.Context) -> None:
    """Prove the ledger: no sum, balance, hold or event number is off. Exit 1 if one is."""
    findings = run(_collect())
    if findings:
        show_rows(findings, "rule", "account_id", "environment", "row_id", "expected", "found")
        note(f"{len(findings)} rows break a rule (figures in micros)")
        context.exit(EXIT_REFUSED)
    if wants_json():
        show_rows([], "rule")
    note("the ledger is proved: every balance is the sum of its transfers")


async def _collect() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with open_store(load_settings()) as database:
        async for finding in findings_of(database.unhurried()):
            found.append(dataclasses.asdict(finding))
            if len(found) >= FINDINGS_MAX:
                break
    return found
