"""What operators did: who changed what, how it was before, and why; newest first."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from msgspec import Meta

from kernel.fields import Page, ShortText, Time as TimeText, time_us
from kernel.shaped import Shaped
from kernel.words import AccountName, Environment, Time
from keys import audit_log
from keys.account import id_named
from keys.act import OPERATOR, ActContext, ListAct
from keys.audit_log import AuditEntry
from store.keyset import Begin


class AuditQuery(Page, frozen=True, kw_only=True):
    account: AccountName | None = None
    action: Annotated[
        ShortText | None,
        Meta(description="That one, or all that begin with it and a point, such as account."),
    ] = None
    by: Annotated[
        ShortText | None, Meta(description="A credential's id, or the account of who acted.")
    ] = None
    subject_id: Annotated[ShortText | None, Meta(description="What it was done to.")] = None
    created_after: Annotated[TimeText | None, Meta(description="From this time on.")] = None
    created_before: Annotated[TimeText | None, Meta(description="Before this time.")] = None


class OperatorsAct(Shaped, kw_only=True):
    """One act of an operator, as other operators see it."""

    id: Annotated[str, Meta(pattern=r"^adt_[0-9A-Za-z]+$")]
    created_at: Time
    action: Annotated[str, Meta(description="Such as pack.disable.")]
    outcome: Annotated[str, Meta(description="done or refused.")]
    environment: Annotated[
        Environment | None, Meta(description="null: it concerns an account as a whole.")
    ]
    account_id: Annotated[str | None, Meta(description="Whom it was done to; null: nobody.")]
    subject_id: Annotated[str, Meta(description="What it was done to.")]
    actor_kind: Annotated[str | None, Meta(description="What kind of credential did it.")]
    actor: Annotated[str, Meta(description="The credential's id; cli: the command line.")]
    actor_account_id: Annotated[str | None, Meta(description="The account of who acted.")]
    address: Annotated[str | None, Meta(description="Where the request came from.")]
    user_agent: Annotated[str | None, Meta(description="What the request said of its program.")]
    before: Annotated[Mapping[str, Any] | None, Meta(description="What differed before.")]
    after: Annotated[Mapping[str, Any] | None, Meta(description="What it is now.")]
    reason: Annotated[str | None, Meta(description="Why; null: not said.")]

    @classmethod
    def of(cls, entry: AuditEntry, /, **more: Any) -> Self:
        return super().of(entry, environment=entry.environment or None, **more)


async def list_acts(
    context: ActContext, asked: AuditQuery, begin: Begin, limit: int
) -> Sequence[AuditEntry]:
    """List operators' acts in this environment, and on accounts as a whole."""
    return await audit_log.page(
        context.tx,
        context.environment,
        account_id=await id_named(context.tx, asked.account),
        action=asked.action,
        by=asked.by,
        subject_id=asked.subject_id,
        created_after=time_us(asked.created_after, "created_after"),
        created_before=time_us(asked.created_before, "created_before"),
        before_id=begin,
        limit=limit,
    )


LIST_ACTS = ListAct(
    name="audit-log.list",
    summary="List what operators did",
    path="/audit-log",
    audience=(OPERATOR,),
    query=AuditQuery,
    run=list_acts,
    result=OperatorsAct,
    prefix="adt",
    is_catalogue=True,
    columns=("created_at", "action", "actor", "subject_id", "account_id", "reason"),
    examples=("topup audit-log list --environment live --action account.suspended",),
)
