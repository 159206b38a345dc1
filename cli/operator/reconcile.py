"""`topup reconcile`: compare a provider's list of payments with ours."""

from typing import Final

import click
import msgspec

from billing.payments import fees
from billing.providers.abilities.finding import ability
from billing.providers.abilities.listing import Listing
from billing.reconciliation.provider_list import Compared, compare
from cli.examples import examples
from cli.operator.supply import opened
from cli.options import Moment, environment_option
from cli.output import json_option, note, print_json, show_rows, wants_json
from kernel.errors import InvalidInput
from keys.principal import Environment
from runtime.context import Context

_COLUMNS: Final = ("kind", "payment_id", "owner_id", "here", "there", "press")


@click.command(
    epilog=examples(
        "topup reconcile stripe --from 2026-06 --to 2026-07",
        "topup reconcile creem --from 2026-06-01 --keep-fees --json",
    )
)
@click.argument("provider")
@click.option("--from", "since", type=Moment(), required=True, help="Paid from then on.")
@click.option("--to", "until", type=Moment(), help="Paid before then; else now.")
@click.option("--keep-fees", is_flag=True, help="Write what the provider kept of each payment.")
@click.option("--others", "shows_others", is_flag=True, help="Show other shops' payments too.")
@environment_option
@json_option
def reconcile(
    provider: str,
    environment: Environment,
    *,
    since: int,
    until: int | None,
    keep_fees: bool,
    shows_others: bool,
) -> None:
    """Compare the provider's list of a time with ours, and name what is missing or differs: amount, currency,
    status, refunded, fee.

    Changes nothing but fees, if requested. Exits with 1 if there is a difference, and if the list is too long
    to compare. Payments of other shops on the same account, with no order or customer of this gateway, are
    counted and are no difference.
    """
    if until is not None and until <= since:
        raise InvalidInput("--to has to be later than --from", param="to")

    async def act(context: Context) -> Compared:
        found = context.payments.providers.of(provider, environment)
        listing = None if found is None else ability(found, Listing)  # type: ignore[type-abstract]
        if found is None:
            raise InvalidInput(f"{provider} is not configured in {environment}", param="provider")
        if listing is None:
            raise InvalidInput(f"{provider} has no list of its payments to read", param="provider")
        now_us = context.clock.now_us()
        compared = await compare(
            context.database,
            listing,
            provider=provider,
            environment=environment,
            since=since,
            until=now_us + 1 if until is None else until,
            now_us=now_us,
            linked=context.payments.linked,
        )
        if keep_fees:
            await context.database.transaction(lambda tx: fees.keep(tx, compared.fees))
        return compared

    compared = opened(act)
    rows = [msgspec.to_builtins(one) for one in compared.differences]
    others = [msgspec.to_builtins(one) for one in compared.others] if shows_others else []
    if wants_json():
        told = {"payments": compared.payments, "differences": rows, "fees": len(compared.fees)}
        told |= {"other_payments": others} if shows_others else {}
        print_json({**told, "others": len(compared.others)})
    else:
        show_rows([*rows, *others], *_COLUMNS)
        _sum_up(compared, keep_fees=keep_fees, shows_others=shows_others)
    if rows:
        raise SystemExit(1)


def _sum_up(compared: Compared, *, keep_fees: bool, shows_others: bool) -> None:
    kept = "kept" if keep_fees else "not kept"
    note(
        f"Payments compared: {compared.payments}. Differences: {len(compared.differences)}."
        f" Fees {kept}: {len(compared.fees)}."
    )
    if compared.others:
        more = "" if shows_others else "; --others shows them"
        note(
            f"Payments on this account that name no order or customer of this gateway:"
            f" {len(compared.others)}, another shop's{more}"
        )
