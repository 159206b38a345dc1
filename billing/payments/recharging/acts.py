"""Auto-recharge for operators: see what an account buys automatically, and disable it."""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from billing.accounts.acts import ACCOUNT
from billing.payments.recharging.setting import SwitchRechargeOff
from billing.recharges import records
from billing.recharges.recharge import FallCharge, Recharge as Row
from billing.recharges.views import Recharge
from kernel.errors import NotFound
from kernel.fields import Fields, said
from keys.act import OPERATOR, ActContext, CallContext, EngineAct, ReadAct

CHARGES_SHOWN: Final = 20


class SwitchOff(Fields, frozen=True, kw_only=True):
    """Why."""

    reason: Annotated[
        str,
        Meta(min_length=1, max_length=500, description="Why, for the audit log."),
        said("Reason to switch it off", hint="Kept in the audit log."),
    ]


class FoundRecharge(NamedTuple):
    row: Row
    charges: Sequence[FallCharge]


async def show_recharge(context: ActContext) -> FoundRecharge:
    found = await records.find(context.tx, context.tenant)
    if found is None:
        raise NotFound("Recharge")
    charges = await records.latest_charges(context.tx, context.tenant, limit=CHARGES_SHOWN)
    return FoundRecharge(found, charges)


async def switch_off(context: CallContext, asked: SwitchOff) -> SwitchRechargeOff:
    return SwitchRechargeOff(context.tenant, context.by, asked.reason, context.person)


def _view(found: FoundRecharge) -> Recharge:
    return Recharge.of(found.row, found.charges)


SHOW_RECHARGE = ReadAct(
    name="accounts.recharge",
    summary="Show what an account buys by itself",
    description="With the latest charges, and why they were declined. Only the account sets it, at its page.",
    path=f"{ACCOUNT}/recharge",
    audience=(OPERATOR,),
    run=show_recharge,
    view=_view,
    result=Recharge,
    examples=("topup accounts recharge ops@acme.example --environment live",),
)
SWITCH_OFF = EngineAct(
    name="accounts.recharge-off",
    summary="Switch an account's recharge off",
    description="Until the account sets it again. A charge that is under way goes on to its end.",
    path=f"{ACCOUNT}/recharge-off",
    audience=(OPERATOR,),
    input=SwitchOff,
    command=switch_off,
    view=Recharge.of,
    result=Recharge,
    refuses=(NotFound,),
    names_person=True,
    asks="Switch the recharge of {name} ({id}) off? Nothing is bought by itself until the account sets it again.",
    done="The recharge is off: nothing is bought by itself until the account sets it again.",
    examples=(
        "topup accounts recharge-off ops@acme.example --environment live --reason 'the card is stolen'",
    ),
)
ACTS = (SHOW_RECHARGE, SWITCH_OFF)
