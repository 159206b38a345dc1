"""POST /topup/{id}/resend: mail a delivered top-up's recipient again, at the same address.

No second mail while one is on its way; a new one counts against the limits.
"""

from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet
from billing.topups.mail import Mail
from billing.topups.settlement import OnTopUp
from billing.topups.topup import AlreadyEnded, TopUp
from billing.topups.working_set import TopUpWorkingSet, topups_of
from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import DomainError

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
