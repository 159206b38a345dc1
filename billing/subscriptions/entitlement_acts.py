"""Entitlements: what the caller's plan lets it do, asked by name, and uses of what is limited."""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta

from billing.subscriptions import entitlement
from billing.subscriptions.entitlement import EntitlementState, UnknownEntitlement, UseEntitlement
from billing.topups.topup import DuplicateReference
from kernel.fields import Fields, Page
from kernel.shaped import Shaped
from kernel.words import CallerReferenceField, Count, Time
from keys.act import MERCHANT, ActContext, CallContext, EngineAct, ListAct, ReadAct
from store.keyset import Begin

_COUNT_MAX: Final = 1_000_000
_ASKS: Final = ("billing:read", "usage:write", "general_api_access")
_PATH: Final = "/entitlements/{entitlement_name}"


class Entitlement(Shaped, kw_only=True):
    """The answer to one question: may the account do this now?"""

    name: Annotated[str, Meta(description="As the plan names it.")]
    allowed: Annotated[
        bool, Meta(description="Of a question: at least one more use. Of a use: it was counted.")
    ]
    limit: Annotated[int | None, Meta(description="Null: a plain yes or no.")]
    used: Annotated[Count, Meta(description="What was told since the count last began.")]
    resets_at: Annotated[
        Time | None, Meta(description="When the count begins anew; null: nothing is counted.")
    ]


class UseBody(Fields, frozen=True, kw_only=True):
    """How many uses; one reference counts once, however often it is told."""

    reference: Annotated[
        CallerReferenceField, Meta(description="Your own name for this use: each counts once.")
    ]
    count: Annotated[int, Meta(ge=1, le=_COUNT_MAX, description="How many uses it is.")] = 1


async def list_all(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[EntitlementState]:
    return await entitlement.ask_all(context.tx, context.tenant, now_us=context.now_us)


async def show(context: ActContext) -> EntitlementState:
    return await entitlement.ask(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )


async def use(context: CallContext, asked: UseBody) -> UseEntitlement:
    return UseEntitlement(
        tenant=context.tenant,
        name=context.object_id,
        count=asked.count,
        reference=asked.reference,
        key_id=None if context.asker is None else context.asker.key_id,
    )


ACTS: Final = (
    ListAct(
        name="entitlements.list",
        summary="What the account's plan lets it do",
        description="Without a plan the list is empty.",
        path="/entitlements",
        scopes=_ASKS,
        audience=(MERCHANT,),
        query=Page,
        run=list_all,
        result=Entitlement,
        named_by="name",
    ),
    ReadAct(
        name="entitlements.show",
        summary="Whether the account may do this now",
        description=(
            "A name that another plan has and the account's has not is allowed false; one that no plan"
            " has is not found, with did_you_mean."
        ),
        path=_PATH,
        scopes=_ASKS,
        audience=(MERCHANT,),
        run=show,
        result=Entitlement,
        refuses=(UnknownEntitlement,),
    ),
    EngineAct(
        name="entitlements.use",
        summary="Count uses of what a plan limits",
        description=(
            "allowed false: the limit has no room for so many, and nothing was counted. The same"
            " reference again answers allowed true and counts nothing."
        ),
        path=f"{_PATH}/use",
        scopes=("usage:write", "advanced_access"),
        audience=(MERCHANT,),
        input=UseBody,
        command=use,
        result=Entitlement,
        refuses=(UnknownEntitlement, DuplicateReference),
    ),
)
