"""`topup providers`: which payment providers are set up, and what each says of its settings."""

import click

from billing.payments.setup import CheckedProvider, ProviderStanding, check as check_one, standings
from cli.examples import examples
from cli.operator.supply import opened
from cli.output import json_option, note, print_json, show_rows, wants_json
from cli.sales.forgotten import forgotten
from kernel.errors import InvalidInput
from keys.principal import ENVIRONMENTS
from runtime.context import Context

_UNASKED = {
    "off": "nothing was asked, as it has no credentials; `topup settings` lists them",
    "sandbox": "nothing was asked, as it has no credentials; the sandbox stands in for it",
    "ready": "it has nothing to look at",
}
_WORDS = {True: "ok", None: "look", False: "wrong"}


@click.group(
    epilog=examples("topup providers list", "topup providers check --environment live"),
)
def providers() -> None:
    """Payment providers: list them, check that each is set up, and see the customers it has yet to delete."""


@providers.command("list", epilog=examples("topup providers list"))
@json_option
def list_() -> None:
    """List every provider in both environments, with the webhook's address to enter there."""
    show_rows([one.shape() for one in opened(_standings)], *_LISTED)


@providers.command(
    "check",
    epilog=examples("topup providers check", "topup providers check stripe --environment live"),
)
@click.argument("name", required=False)
@click.option("--environment", type=click.Choice(ENVIRONMENTS), help="Only this one.")
@json_option
def check(name: str | None, environment: str | None) -> None:
    """Check each provider's key, mode, webhook, events and prices; change nothing.

    Exits with 1 if something is wrong. `look` is what couldn't be checked, or may be intended.
    """

    async def act(context: Context) -> list[CheckedProvider]:
        known = await _standings(context)
        if name is not None and name not in {one.name for one in known}:
            listed = ", ".join(sorted({one.name for one in known}))
            raise InvalidInput(f"is one of {listed}", param="name")
        wanted = [
            one
            for one in known
            if name in {None, one.name} and environment in {None, one.environment}
        ]
        return [await check_one(context.database, context.payments, one) for one in wanted]

    checked = opened(act)
    for one in checked:
        if name is not None and not one.findings:
            note(
                f"{one.standing.label}, {one.standing.environment}: {_UNASKED[one.standing.state]}"
            )
    rows = [
        {
            "provider": one.standing.name,
            "environment": one.standing.environment,
            "about": finding.about,
            "result": _WORDS[finding.is_well],
            "detail": finding.detail,
        }
        for one in checked
        for finding in one.findings
    ]
    if wants_json():
        print_json({"items": rows, "is_well": all(one.is_well for one in checked)})
    else:
        show_rows(rows, "provider", "environment", "about", "result", "detail")
    if not all(one.is_well for one in checked):
        raise SystemExit(1)


async def _standings(context: Context) -> list[ProviderStanding]:
    return list(standings(context.payments, context.settings.public_url))


providers.add_command(forgotten)
_LISTED = ("provider", "environment", "state", "webhook")
