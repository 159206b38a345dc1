"""Recharges: credit that is bought automatically when the balance drops.

Only a signed-in user can set up a recharge, because it spends money from outside the wallet. Operators can see and
disable it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from billing.accounts.acts import ACCOUNT
from billing.engine.engine import Engine
from billing.payments.recharging.saving import Savings
from billing.payments.recharging.setting import RemoveRecharge, SetRecharge, SwitchRechargeOff
from billing.providers.abilities import SavedMethod
from billing.providers.protocol import ProviderUnavailable
from billing.recharges import recharge
from billing.recharges.recharge import (
    AMOUNT_CENTS_MAX,
    AMOUNT_CENTS_MIN,
    BELOW_CENTS_MAX,
    MONTHLY_CENTS_MAX,
    FallCharge,
    Recharge as Row,
    check_limits,
)
from kernel.clock import time_of
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields, Int64, Text, said, within
from kernel.limits import URL_CHARACTERS_MAX
from kernel.shaped import Shaped
from kernel.words import Cents, Count, Last4, Time
from keys.act import MERCHANT, OPERATOR, ActContext, CallContext, EngineAct, ReadAct, StepsAct
from store.database import Database


class PaymentMethod(Shaped, kw_only=True):
    """A saved payment method."""

    ref: Annotated[str, Meta(description="The provider's ID of the payment method.")]
    brand: str
    last4: Last4
    expires: Annotated[
        str | None,
        Meta(description="The month in which the method expires, such as 2027-04, or null."),
    ]


class RechargeCharge(Shaped, kw_only=True):
    """The charge after a drop in the balance. If it was declined, reason says why. If the payer must confirm it, url is
    the page for that.
    """

    order_id: str
    amount_cents: Cents
    method: Annotated[str, Meta(description="The payment method, such as visa 4242.")]
    month: Annotated[
        str, Meta(description="The month whose maximum the charge counts against, such as 2026-11.")
    ]
    reason: Annotated[str | None, Meta(description="Why the charge was declined, or null.")]
    url: Annotated[
        str | None,
        Meta(description="The page where the payer confirms the charge. Null if not needed."),
    ]
    created_at: Time


class Recharge(Shaped, kw_only=True):
    """Credit that is bought automatically when the balance drops. If status is off, nothing is charged until the
    recharge is set again. disabled_reason is null if the recharge is on or was removed.
    """

    provider: str
    below_cents: Cents
    amount_cents: Cents
    monthly_max_cents: Annotated[
        int, Meta(description="The most to charge in a calendar month (UTC), in US cents.")
    ]
    method_ref: str
    brand: str
    last4: Last4
    status: Literal["on", "off"]
    disabled_reason: Annotated[
        Literal["failures", "operator", "dispute"] | None,
        Meta(description="Why the auto-recharge is off. Null if it is on or was removed."),
    ]
    failures: Annotated[Count, Meta(description="The number of failed charges in a row.")]
    retry_at: Annotated[
        Time | None, Meta(description="When a declined charge is retried, or null.")
    ]
    changed_at: Time
    charges: Annotated[list[RechargeCharge], Meta(description="The latest charges, newest first.")]


class PaymentMethods(Struct, kw_only=True):
    """The account's saved payment methods at one provider, newest first."""

    provider: str
    items: Annotated[
        list[PaymentMethod], Meta(description="The saved payment methods, newest first.")
    ]

    @classmethod
    def of(cls, provider: str, found: Sequence[SavedMethod]) -> "PaymentMethods":
        return cls(provider=provider, items=[PaymentMethod.of(one) for one in found])


class SavePage(Struct, kw_only=True):
    """The page on which a user saves a payment method."""

    url: Annotated[
        str, Meta(description="The page where the user agrees and saves the payment method.")
    ]


PATH: Final = "/topup/balance/recharge"
CHARGES_SHOWN: Final = 20
OWN_CHARGES_SHOWN: Final = 5


class RechargeBody(Fields, frozen=True, kw_only=True):
    """The settings of a recharge, in US cents. Without method_ref, the newest saved payment method is charged."""

    below_cents: Annotated[
        Int64,
        within(0, BELOW_CENTS_MAX),
        Meta(description="The balance below which credit is bought, in US cents."),
    ]
    amount_cents: Annotated[
        Int64,
        within(AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX),
        Meta(description="The credit to buy each time, in US cents."),
    ]
    monthly_max_cents: Annotated[
        Int64,
        within(AMOUNT_CENTS_MIN, MONTHLY_CENTS_MAX),
        Meta(description="The most to buy in a calendar month (UTC), in US cents."),
    ]
    provider: Text
    method_ref: (
        Annotated[
            Text, Meta(description="The saved payment method to charge, by default the newest.")
        ]
        | None
    ) = None


class MethodsQuery(Fields, frozen=True, kw_only=True):
    """The provider whose saved payment methods are listed."""

    provider: Annotated[Text | None, Meta(description="The provider. Required.")] = None


class SaveBody(Fields, frozen=True, kw_only=True):
    """A payment method to save. The provider's page sends the user back to return_url."""

    provider: Text
    return_url: Annotated[str, Meta(max_length=URL_CHARACTERS_MAX)]


class SwitchOff(Fields, frozen=True, kw_only=True):
    """The reason for disabling an auto-recharge."""

    reason: Annotated[
        str,
        Meta(min_length=1, max_length=500, description="The reason, for the audit log."),
        said("Reason for disabling it", hint="Stored in the audit log."),
    ]


class FoundRecharge(NamedTuple):
    row: Row
    charges: Sequence[FallCharge]


async def _show(context: ActContext, *, charges: int) -> FoundRecharge:
    found = await recharge.find(context.tx, context.tenant)
    if found is None:
        raise NotFound("Recharge")
    latest = await recharge.latest_charges(context.tx, context.tenant, limit=charges)
    return FoundRecharge(found, latest)


async def show_recharge(context: ActContext) -> FoundRecharge:
    return await _show(context, charges=CHARGES_SHOWN)


async def show_own(context: ActContext) -> FoundRecharge:
    return await _show(context, charges=OWN_CHARGES_SHOWN)


async def set_recharge(context: CallContext, asked: RechargeBody) -> SetRecharge:
    tenant, savings = context.tenant, context.service(Savings)
    check_limits(asked.below_cents, asked.amount_cents, asked.monthly_max_cents)
    methods = await savings.methods(tenant, asked.provider)
    chosen = next((one for one in methods if asked.method_ref in {None, one.ref}), None)
    customer_ref = await savings.customer_ref(tenant, asked.provider)
    if chosen is None or customer_ref is None:
        raise InvalidInput(
            "Store a payment method first.", param="method_ref", reason="no_payment_method"
        )
    wanted = Row(
        account_id=tenant.account_id,
        environment=tenant.environment,
        provider=asked.provider,
        is_simulated=savings.is_simulated(tenant, asked.provider),
        customer_ref=customer_ref,
        method_ref=chosen.ref,
        brand=chosen.brand,
        last4=chosen.last4,
        below_cents=asked.below_cents,
        amount_cents=asked.amount_cents,
        monthly_max_cents=asked.monthly_max_cents,
        changed_at=context.now_us,
    )
    return SetRecharge(wanted, context.by)


async def remove_recharge(context: CallContext, _asked: Fields) -> RemoveRecharge:
    return RemoveRecharge(context.tenant)


async def find_methods(
    context: CallContext, asked: MethodsQuery, _database: Database
) -> PaymentMethods:
    provider = asked.provider or ""
    found = await context.service(Savings).methods(context.tenant, provider)
    return PaymentMethods.of(provider, found)


async def list_methods(context: ActContext, _asked: MethodsQuery) -> PaymentMethods:
    found: PaymentMethods = context.prepared
    return found


async def save_method(context: CallContext, asked: SaveBody) -> SavePage:
    savings = context.service(Savings)
    url = await savings.page(context.tenant, asked.provider, back_url=asked.return_url)
    return SavePage(url=url)


async def forget_method(context: CallContext, asked: MethodsQuery) -> PaymentMethods:
    tenant, method_ref = context.tenant, context.object_id
    provider, savings = asked.provider or "", context.service(Savings)
    database = context.service(Database)  # type: ignore[type-abstract]
    found = await database.read(lambda tx: recharge.find(tx, tenant))
    if found is not None and (found.provider, found.method_ref) == (provider, method_ref):
        # Remove the recharge first, so that it can't charge a payment method that was just removed.
        await context.service(Engine).submit(RemoveRecharge(tenant))
    await savings.forget(tenant, provider, method_ref)
    return PaymentMethods.of(provider, await savings.methods(tenant, provider))


async def switch_off(context: CallContext, asked: SwitchOff) -> SwitchRechargeOff:
    return SwitchRechargeOff(context.tenant, context.by, asked.reason, context.person)


def _view(found: FoundRecharge) -> Recharge:
    return view_of(found.row, found.charges)


def view_of(row: Row, charges: Sequence[FallCharge] = (), *, is_removed: bool = False) -> Recharge:
    return Recharge.of(
        row,
        status="on" if row.is_on and not is_removed else "off",
        retry_at=None if is_removed else time_of(row.retry_at),
        charges=[
            RechargeCharge.of(one, url=one.url if one.is_counted else None) for one in charges
        ],
    )


SHOW_RECHARGE = ReadAct(
    name="accounts.recharge",
    summary="Show an account's auto-recharge",
    description=(
        "Shows the latest charges, and why they were declined. Only the account itself can"
        " change the settings, on its page."
    ),
    path=f"{ACCOUNT}/recharge",
    audience=(OPERATOR,),
    run=show_recharge,
    view=_view,
    result=Recharge,
    examples=("topup accounts recharge ops@acme.example --environment live",),
)
SWITCH_OFF = EngineAct(
    name="accounts.recharge-off",
    summary="Disable an account's auto-recharge",
    description=(
        "It stays disabled until the account sets it again. A charge in progress is completed."
    ),
    path=f"{ACCOUNT}/recharge-off",
    audience=(OPERATOR,),
    input=SwitchOff,
    command=switch_off,
    view=view_of,
    result=Recharge,
    refuses=(NotFound,),
    names_person=True,
    asks="Disable the auto-recharge of {name} ({id})? It buys nothing until the account sets it again.",
    done="The auto-recharge is disabled until the account sets it again.",
    examples=(
        "topup accounts recharge-off ops@acme.example --environment live --reason 'the card is stolen'",
    ),
)
_READS: Final = ("billing:read",)
_WRITES: Final = ("billing:write",)
_PERSON: Final = "Requires a signed-in user: keys can't set charges beyond the wallet."

SHOW_OWN = ReadAct(
    name="recharge.show",
    summary="Show the auto-recharge and its latest charges",
    description=_PERSON,
    path=PATH,
    scopes=_READS,
    audience=(MERCHANT,),
    session_only=True,
    run=show_own,
    view=_view,
    result=Recharge,
)
SET_RECHARGE = EngineAct(
    name="recharge.set",
    summary="Set the auto-recharge",
    description=(
        "When the balance drops below `below_cents`, it buys credit for `amount_cents` with the"
        " saved payment method: once for each drop, and at most `monthly_max_cents` in a calendar"
        " month (UTC). If the balance is already below, it buys at once. After three failed charges"
        f" in a row it is disabled until you set it again. {_PERSON}"
    ),
    method="PUT",
    path=PATH,
    scopes=_WRITES,
    audience=(MERCHANT,),
    session_only=True,
    input=RechargeBody,
    command=set_recharge,
    view=view_of,
    result=Recharge,
    refuses=(NotFound, ProviderUnavailable),
    moves_money=True,
)
REMOVE_RECHARGE = EngineAct(
    name="recharge.remove",
    summary="Remove the auto-recharge",
    description=f"A charge in progress is completed. {_PERSON}",
    method="DELETE",
    path=PATH,
    scopes=_WRITES,
    audience=(MERCHANT,),
    session_only=True,
    input=Fields,
    command=remove_recharge,
    view=partial(view_of, is_removed=True),
    result=Recharge,
    refuses=(NotFound,),
)
LIST_METHODS = ReadAct(
    name="recharge.methods",
    summary="List saved payment methods",
    description=_PERSON,
    path=f"{PATH}/methods",
    scopes=_READS,
    audience=(MERCHANT,),
    session_only=True,
    query=MethodsQuery,
    prepare=find_methods,
    run=list_methods,
    result=PaymentMethods,
    refuses=(ProviderUnavailable,),
)
SAVE_METHOD = StepsAct(
    name="recharge.save",
    summary="Get the page for saving a payment method",
    description=(
        "On the provider's page, the user agrees that the card is stored, and charged while they are"
        f" away. Nothing is charged on that page. {_PERSON}"
    ),
    path=f"{PATH}/methods",
    scopes=_WRITES,
    audience=(MERCHANT,),
    session_only=True,
    input=SaveBody,
    run=save_method,
    result=SavePage,
    status=201,
    shows_secret=True,
    refuses=(ProviderUnavailable,),
)
FORGET_METHOD = StepsAct(
    name="recharge.forget",
    summary="Remove a saved payment method",
    description=f"An auto-recharge that uses it is removed, too. {_PERSON}",
    method="DELETE",
    path=f"{PATH}/methods/{{method_ref}}",
    scopes=_WRITES,
    audience=(MERCHANT,),
    session_only=True,
    input=MethodsQuery,
    is_in_query=True,
    run=forget_method,
    result=PaymentMethods,
    refuses=(NotFound, ProviderUnavailable),
)
ACTS = (SHOW_RECHARGE, SWITCH_OFF)
OWN_ACTS = (
    SHOW_OWN,
    SET_RECHARGE,
    REMOVE_RECHARGE,
    LIST_METHODS,
    SAVE_METHOD,
    FORGET_METHOD,
)
