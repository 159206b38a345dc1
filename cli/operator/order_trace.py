"""`topup orders trace`: where an order's money is, and a question to its provider."""

import click
from pydantic import SecretStr

from billing.payments.trace import OrderTrace, trace as trace_of
from cli.database import read
from cli.examples import examples
from cli.output import json_option, note, print_json, run, show_rows, wants_json
from runtime.context import open_context
from runtime.installation import known_secret_key
from runtime.settings import load_settings

_WORDS = {
    "just_asked": "The provider was asked a moment ago; this is what it said.",
    "busy": "The provider is asked about other orders; try again in a moment.",
    "not_open": "There is no payment page yet that the provider could be asked about.",
}


@click.command(
    "trace",
    epilog=examples("topup orders trace ord_4Kp1", "topup orders trace ord_4Kp1 --ask"),
)
@click.argument("order_id")
@click.option("--ask", is_flag=True, help="Ask the provider first, and act on what it says.")
@json_option
def trace(order_id: str, *, ask: bool) -> None:
    """Show where an order's money is: each step with its time and verdict.

    The steps are: ordered, payment page opened, the provider's word, the ledger, the supplier, the
    claim. The payer sees them at the address that the order calls status_url.
    """
    found = run(_asked(order_id) if ask else read(lambda tx: trace_of(tx, order_id)))
    order, steps = found.order, [step.shape() for step in found.steps]
    if wants_json():
        print_json({"id": order.id, "status": order.status, "steps": steps})
        return
    note(f"{order.id} is {order.status}")
    show_rows(steps, "step", "verdict", "what", "detail", "at")


async def _asked(order_id: str) -> OrderTrace:
    settings = load_settings()
    # Beside `topup dev` the key is the data directory's own.
    key = SecretStr(known_secret_key(settings))
    async with open_context(settings.model_copy(update={"secret_key": key})) as context:
        found = await context.database.read(lambda tx: trace_of(tx, order_id))
        outcome = (await context.payments.questions.ask(found.order)).outcome
        if outcome in _WORDS:
            note(_WORDS[outcome])
        return await context.database.read(lambda tx: trace_of(tx, order_id))
