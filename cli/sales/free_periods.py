"""`topup subscriptions grant-period|revoke-period`: a free period of a plan, and its end."""

from typing import Any

import click

from billing.reports.subscription_overview import overview
from billing.subscriptions.manual.complimentary_period import GivePeriod, TakePeriodBack
from billing.subscriptions.subscription import Period
from cli.examples import examples
from cli.operator.supply import opened
from cli.output import json_option, show_record
from cli.person import by_option, who_acts
from kernel.clock import parse_rfc3339, rfc3339
from keys.audit_log import Actor
from runtime.context import Context

_reason_option = click.option("--reason", required=True, help="Why; it stands in the audit log.")


@click.command(
    "grant-period",
    epilog=examples(
        "topup subscriptions grant-period sub_4Kp1 --reason 'our provider was away'",
        "topup subscriptions grant-period sub_4Kp1 --from 2026-07-01T00:00:00Z --reason 'a gift'",
    ),
)
@click.argument("subscription_id")
@click.option(
    "--from",
    "period_start",
    help="When it begins: where the paid time ends. Else the period that is not paid now.",
)
@_reason_option
@by_option
@json_option
def grant_period(
    subscription_id: str, period_start: str | None, reason: str, by: str | None
) -> None:
    """Give a period of a plan free: all that a paid one grants, and no invoice."""
    start_at = None if period_start is None else _time_us(period_start)

    async def work(context: Context) -> Period:
        one = await context.database.read(lambda tx: overview(tx, subscription_id))
        return await context.engine.submit(
            GivePeriod(
                subscription_id=one.id,
                tenant=one.subscription.tenant,
                reason=reason,
                actor=Actor(),
                by_name=who_acts(by),
                period_start_at=start_at,
            )
        )

    show_record(_record(opened(work)))


@click.command(
    "revoke-period",
    epilog=examples(
        "topup subscriptions revoke-period sub_4Kp1 per_7Qx2 --reason 'given to the wrong account'"
    ),
)
@click.argument("subscription_id")
@click.argument("period_id")
@click.option("--allow-owed", is_flag=True, help="Also where its credit was used up.")
@_reason_option
@by_option
@json_option
def revoke_period(
    *, subscription_id: str, period_id: str, allow_owed: bool, reason: str, by: str | None
) -> None:
    """Revoke a free period: what is left of its credit is removed."""

    async def work(context: Context) -> Period:
        one = await context.database.read(lambda tx: overview(tx, subscription_id))
        return await context.engine.submit(
            TakePeriodBack(
                subscription_id=one.id,
                tenant=one.subscription.tenant,
                period_id=period_id,
                reason=reason,
                actor=Actor(),
                by_name=who_acts(by),
                allow_owed=allow_owed,
            )
        )

    show_record(_record(opened(work)))


def _time_us(text: str) -> int:
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise click.BadParameter(
            "a time such as 2026-07-01T00:00:00Z", param_hint="--from"
        ) from error


def _record(period: Period) -> dict[str, Any]:
    taken_at = period.comp_ended_at
    return {
        "id": period.id,
        "subscription_id": period.subscription_id,
        "plan_id": period.plan_id,
        "from": rfc3339(period.period_start_at),
        "until": rfc3339(period.period_end_at),
        "credits": (period.credits_micros - period.reversed_micros) // 1000,
        "reason": period.comp_reason,
        "granted_by": period.comp_by,
        "revoked_at": None if taken_at is None else rfc3339(taken_at),
    }
