"""`topup subscriptions`: accounts' plans: list, show and change them."""

from typing import Any, Literal

import click
from msgspec import to_builtins
from pydantic import SecretStr

from billing.payments.steering import SubscriptionChangeRequest
from billing.providers.abilities.steering import Act
from billing.providers.protocol import Interval
from billing.reports.subscription_acts import ACTS
from billing.reports.subscription_overview import SubscriptionOverview, overview
from billing.reports.subscription_views import SubscriptionHistory
from cli.acts.command import group_of
from cli.acts.shown import print_result
from cli.examples import examples
from cli.output import json_option, note, run
from cli.person import who_acts
from cli.sales.free_periods import grant_period, revoke_period
from kernel.clock import SECOND_US, parse_rfc3339
from keys.audit_log import Actor
from runtime.context import open_context
from runtime.installation import known_secret_key
from runtime.settings import load_settings

subscriptions = group_of(
    "subscriptions",
    "Plans that accounts have: list, show, end, pause, resume, change, and periods that cost nothing.",
    ACTS,
    grant_period,
    revoke_period,
)


_reason_option = click.option("--reason", help="Why; it stands in the audit log.")
_here_option = click.option(
    "--here",
    "is_local",
    is_flag=True,
    help="In this installation alone: its provider is not asked, and may go on charging.",
)


@subscriptions.command(
    "cancel",
    epilog=examples(
        "topup subscriptions cancel sub_4Kp1",
        "topup subscriptions cancel sub_4Kp1 --at now --reason 'chargeback'",
        "topup subscriptions cancel sub_4Kp1 --at now --here",
    ),
)
@click.argument("subscription_id")
@click.option(
    "--at",
    type=click.Choice(["period_end", "now"]),
    default="period_end",
    show_default=True,
    help="Nothing is paid back.",
)
@_here_option
@_reason_option
@json_option
def cancel(
    subscription_id: str,
    at: Literal["period_end", "now"],
    is_local: bool,  # noqa: FBT001
    reason: str | None,
) -> None:
    """End a subscription at its provider, with its period or at once."""
    act: Act = "cancel" if at == "period_end" else "cancel_now"
    _steer(subscription_id, act, reason, is_local=is_local)


@subscriptions.command(
    "pause",
    epilog=examples(
        "topup subscriptions pause sub_4Kp1 --reason 'away for the summer'",
        "topup subscriptions pause sub_4Kp1 --resumes-at 2026-09-01T00:00:00Z",
    ),
)
@click.argument("subscription_id")
@click.option("--resumes-at", help="When it goes on by itself; without it, when it is resumed.")
@_reason_option
@json_option
def pause(subscription_id: str, resumes_at: str | None, reason: str | None) -> None:
    """Pause a subscription at its provider: nothing is charged until it resumes."""
    _steer(subscription_id, "pause", reason, resumes_at=_whole_second(resumes_at))


@subscriptions.command(
    "resume",
    epilog=examples(
        "topup subscriptions resume sub_4Kp1",
        "topup subscriptions resume sub_4Kp1 --here --reason 'it goes on at the provider'",
    ),
)
@click.argument("subscription_id")
@_here_option
@_reason_option
@json_option
def resume(
    subscription_id: str,
    is_local: bool,  # noqa: FBT001
    reason: str | None,
) -> None:
    """Resume a subscription that is paused, or was to end with its period."""
    _steer(subscription_id, "resume", reason, is_local=is_local)


@subscriptions.command(
    "change",
    epilog=examples(
        "topup subscriptions change sub_4Kp1 --plan team",
    ),
)
@click.argument("subscription_id")
@click.option("--plan", "plan_id", required=True, help="Its id.")
@click.option(
    "--interval",
    type=click.Choice(["month", "year"]),
    default="month",
    show_default=True,
    help="How often it is paid from then on.",
)
@_reason_option
@json_option
def change(subscription_id: str, plan_id: str, interval: Interval, reason: str | None) -> None:
    """Change the plan: a dearer one is charged at once, a cheaper one counts from the next period."""
    _steer(subscription_id, "change", reason, plan_id=plan_id, interval=interval)


def _whole_second(text: str | None) -> int | None:
    """Return the time in microseconds, a whole second as providers have it; raise UsageError."""
    if text is None:
        return None
    try:
        at_us = parse_rfc3339(text)
    except ValueError:
        raise click.UsageError(
            "--resumes-at takes a time with its zone, such as 2026-09-01T00:00:00Z"
        ) from None
    return at_us - at_us % SECOND_US


def _steer(subscription_id: str, act: Act, reason: str | None, **more: Any) -> None:
    settings = load_settings()
    # Beside `topup dev` the key is the data directory's own.
    secret_key = SecretStr(known_secret_key(settings))
    who = who_acts(None)

    async def done() -> SubscriptionOverview:
        with_key = settings.model_copy(update={"secret_key": secret_key})
        async with open_context(with_key) as context:
            one = await context.database.read(lambda tx: overview(tx, subscription_id))
            wish = SubscriptionChangeRequest(act, who, by=Actor(), why=reason, **more)
            await context.payments.steering.steer(one.subscription.tenant, one.id, wish)
            return await context.database.read(lambda tx: overview(tx, subscription_id))

    found = run(done())
    print_result(SubscriptionHistory, to_builtins(SubscriptionHistory.of(found)))
    if found.open_steer is not None:
        provider = found.subscription.provider
        note(f"{provider} gave no clear answer; a worker asks it again until it does.")
