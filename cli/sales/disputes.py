"""`topup disputes`: payments that a payer's bank disputes, and until when evidence counts."""

import click

from billing.payments import disputes as dispute_rows
from cli.database import read
from cli.examples import examples
from cli.options import environment_option
from cli.output import json_option, run, show_rows
from keys.principal import Environment

_COLUMNS = (
    *("id", "provider", "status", "reason", "amount", "currency", "order_id"),
    *("evidence_due_at", "page_url"),
)


@click.group(epilog=examples("topup disputes list --environment live"))
def disputes() -> None:
    """Disputes of payments, and until when evidence counts."""


@disputes.command("list", epilog=examples("topup disputes list --environment live"))
@environment_option
@json_option
def list_(environment: Environment) -> None:
    """List open disputes, the nearest end of evidence first."""
    found = run(read(lambda tx: dispute_rows.open_disputes(tx, environment)))
    show_rows([one.shape() for one in found], *_COLUMNS)
