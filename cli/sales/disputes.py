"""`topup disputes`: payments that a payer's bank disputes, and until when evidence counts."""

import click

from billing.payments.disputes import DisputeState, page_of_disputes
from cli.database import read
from cli.examples import examples
from cli.options import environment_option, limit_option
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
@click.option("--ended", "is_ended", is_flag=True, help="Those that ended, the latest first.")
@limit_option
@click.option("--cursor", help="The next_cursor of the page before.")
@json_option
def list_(*, environment: Environment, is_ended: bool, limit: int, cursor: str | None) -> None:
    """List open disputes, the nearest end of evidence first."""
    state: DisputeState = "ended" if is_ended else "open"
    found = run(
        read(lambda tx: page_of_disputes(tx, environment, state=state, after=cursor, limit=limit))
    )
    more = found[-1].cursor if len(found) == limit else None
    show_rows([one.shape() for one in found], *_COLUMNS, next_cursor=more)
