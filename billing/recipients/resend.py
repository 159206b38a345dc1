"""Recipients: the mail about a delivered top-up, once more, at the same address.

No second mail while one is on its way; a new one counts against the limits.
"""

from dataclasses import dataclass
from typing import Final

from billing.engine.batch_state import BatchState, ReadSet
from billing.topups.mail import Mail
from billing.topups.settlement import OnTopUp
from billing.topups.topup import AlreadyEnded, TopUp
from billing.topups.views import RecipientMail
from billing.topups.working_set import TopUpWorkingSet, topups_of
from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields
from keys.act import MERCHANT, CallContext, EngineAct, Told

# The limits count the last 24 hours.
_WAIT_S = HOUR_US // SECOND_US


class NotYetDelivered(DomainError):
    pass


class MailLimitReached(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Resent:
    topup: TopUp
    mail: Mail


@dataclass(frozen=True, slots=True)
class Resend(OnTopUp):
    def declare(self, read_set: ReadSet) -> None:
        OnTopUp.declare(self, read_set)
        read_set.working_set(TopUpWorkingSet).mailed_ids.add(self.topup_id)

    def decide(self, state: BatchState) -> Resent:
        topup, topups = self._topup(state), topups_of(state)
        facts = {"transaction_id": topup.id, "status": topup.status}
        if topup.status in {"pending", "scheduled"}:
            raise NotYetDelivered(
                "The top-up isn't delivered yet. Mail that was requested is sent automatically "
                "after delivery.",
                param="transaction_id",
                reason="not_delivered",
                extra=facts,
            )
        if topup.status != "delivered":
            raise AlreadyEnded(f"The top-up is {topup.status}, so no mail is sent.", extra=facts)
        before = topups.mails.queued_of(topup.id)
        if before is not None:
            return Resent(topup, before)
        if topups.mails.is_limited(topup):
            raise MailLimitReached(
                "This account, or this recipient, has reached its limit of mails in 24 hours.",
                reason="mail_limit",
                retry_after_s=_WAIT_S,
                extra=facts,
            )
        return Resent(topup, topups.write_mail(topup, state.now_us))


async def resend(context: CallContext, _asked: Fields) -> Resend:
    return Resend(context.object_id, context.tenant)


RESEND: Final = EngineAct(
    name="topups.resend",
    summary="Send the recipient's mail once more",
    description=(
        "To the top-up's own recipient, with the link to the claim page. While a mail is on its"
        " way no second one is written. Counts against the limits of mail in 24 hours."
    ),
    path="/topup/{transaction_id}/resend",
    scopes=("topup:send",),
    audience=(MERCHANT,),
    input=Fields,
    command=resend,
    view=lambda resent: RecipientMail.of(resent.mail),
    result=RecipientMail,
    refuses=(NotYetDelivered, NotFound, AlreadyEnded, MailLimitReached),
    told=lambda resent, _: Told(resent.topup.id, resent.topup.status),
    examples=("topup topups resend txn_4Kp1",),
)
