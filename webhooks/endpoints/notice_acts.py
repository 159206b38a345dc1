"""Notices of failing endpoints: what the account should look at, newest first."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from msgspec import Meta

from kernel.clock import rfc3339
from kernel.fields import Page
from kernel.shaped import Shaped
from kernel.words import EndpointIdText, Time
from keys.act import MERCHANT, ActContext, ListAct
from store.keyset import Begin
from webhooks.deliveries import notice


class NoticesQuery(Page, frozen=True, kw_only=True):
    """Which notices."""

    open: (
        Annotated[
            bool, Meta(description="true: what still goes on. false: what is over. Left out: both.")
        ]
        | None
    ) = None


class Notice(Shaped, kw_only=True):
    """That an endpoint keeps failing, or was disabled for it; ended_at is null while it goes on."""

    id: Annotated[str, Meta(pattern=r"^ntc_[0-9A-Za-z]+$")]
    endpoint_id: EndpointIdText
    url: Annotated[str, Meta(description="The endpoint's address.")]
    stage: Annotated[
        str,
        Meta(
            description="How far it has come: failing, failing_for_a_day, failing_for_four_days, disabled."
        ),
    ]
    reason: Annotated[str | None, Meta(description="What went wrong; null: not known.")]
    failing_since: Time
    created_at: Time
    ended_at: Time | None
    disable_at: Annotated[
        Time | None,
        Meta(
            description="Of failing_for_four_days: when it is disabled unless something arrives before."
        ),
    ]

    @classmethod
    def of(cls, found: notice.Notice, /, **more: Any) -> Self:
        """Fill failing_since, which is older than the rule that a time's name ends in _at."""
        return super().of(found, failing_since=rfc3339(found.failing_since_at), **more)


async def list_notices(
    context: ActContext, asked: NoticesQuery, begin: Begin, limit: int
) -> Sequence[notice.Notice]:
    return await notice.list_notices(
        context.tx, tenant=context.tenant, is_open=asked.open, before_id=begin, limit=limit
    )


NOTICES: Final[ListAct[Any, Any]] = ListAct(
    name="webhooks.notices",
    summary="List notices of failing webhooks",
    path="/notices",
    scopes=("webhooks:read",),
    audience=(MERCHANT,),
    query=NoticesQuery,
    run=list_notices,
    result=Notice,
    prefix="ntc",
    columns=("id", "endpoint_id", "stage", "url", "created_at", "ended_at"),
    examples=("topup webhooks notices --open",),
)
ACTS: Final = (NOTICES,)
