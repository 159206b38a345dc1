"""Mail an account's owner and colleagues about sends that need a decision.

- If few sends are waiting, each gets its own email. Otherwise, one email covers them all. HOUR_MAX limits the
  emails per hour.
- Anyone with the owner's link can decide. A colleague's link works only while that colleague may decide.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from billing.recipients import owner_mail
from billing.recipients.language import Language
from billing.recipients.letter import ACCOUNT_PATH, OwnerLetter
from billing.recipients.owner_mail import OwnerMail, addressees, written_mail
from billing.topups import approval
from billing.topups.approval import Approval
from billing.topups.queries import AskedApproval
from billing.topups.rules import LinkTokens
from kernel.clock import HOUR_US
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.notifications import Person, find_person, people_of
from store.database import Transaction
from webhooks.events.schemas import ApprovalReason

HOUR_MAX: Final = 10
ONE_BY_ONE_MAX: Final = 3
TOGETHER_MAX: Final = 500
TENANTS_AT_ONCE: Final = 500
_MAIL: Final = """
SELECT about, member_id FROM owner_mails
WHERE id = :id AND kind = 'approval' AND member_id IS NOT NULL
"""


class Written(NamedTuple):
    mails: int
    after: Tenant | None


async def write_due(
    tx: Transaction,
    *,
    sent_in: frozenset[str],
    now_us: int,
    after: Tenant | None = None,
    tenants_max: int = TENANTS_AT_ONCE,
) -> Written:
    """Write due emails. A tenant that has reached its hourly limit doesn't delay others."""
    tenants = await approval.untold_tenants(tx, after=after, limit=tenants_max)
    if not tenants:
        return Written(0, None)
    written = await owner_mail.written_since(tx, "approval", tenants, after_us=now_us - HOUR_US)
    people = await people_of(tx, [one.account_id for one in tenants])
    mails: list[OwnerMail] = []
    for tenant in tenants:
        room = HOUR_MAX - written[tenant]
        if room <= 0:
            continue
        waiting = await approval.take_unnotified(tx, tenant, limit=TOGETHER_MAX, now_us=now_us)
        is_sent = tenant.environment in sent_in
        everybody = [one for one in people[tenant.account_id] if one.email is not None]
        wanting = addressees(everybody, "approval", tenant, is_sent=is_sent)
        for person in everybody:
            news = _News(tenant, person, is_sent, now_us)
            mails += news.mails(waiting, room, is_wanted=person in wanting)
    if mails:
        await owner_mail.insert(tx, mails)
    return Written(len(mails), tenants[-1] if len(tenants) == tenants_max else None)


class _News(NamedTuple):
    tenant: Tenant
    person: Person
    is_sent: bool
    now_us: int

    def mails(
        self, waiting: Mapping[str, ApprovalReason], room: int, *, is_wanted: bool
    ) -> list[OwnerMail]:
        """Return the mails. The owner gets one about a removed colleague's send even if `is_wanted` is false."""
        is_owner = self.person.member_id is None
        left = [one for one, why in waiting.items() if is_owner and why == "sender_left"]
        others = [one for one in waiting if is_wanted and one not in left]
        if left and others and room == 1:
            left, others = [*left, *others], []
        written = self._of(left, room - bool(others), is_always_sent=True)
        return written + self._of(others, room - len(written), is_always_sent=False)

    def _of(self, ids: Sequence[str], room: int, *, is_always_sent: bool) -> list[OwnerMail]:
        is_few = len(ids) <= min(ONE_BY_ONE_MAX, room)
        groups = [[one] for one in ids] if is_few else [list(ids)]
        more = {"is_always_sent": True} if is_always_sent else {}
        return [
            written_mail(
                self.tenant,
                "approval",
                data={"approval_ids": group, **more},
                is_sent=self.is_sent,
                now_us=self.now_us,
                member_id=self.person.member_id,
            )
            for group in groups
        ]


async def approval_of_link(
    tx: Transaction, links: LinkTokens, token: str, *, now_us: int
) -> Approval | None:
    approval_id = links.id_of("approval", token)
    if approval_id is not None:
        return await approval.find(tx, approval_id, now_us=now_us)
    mail_id = links.id_of("colleague_approval", token)
    return None if mail_id is None else await _of_colleague(tx, mail_id, now_us)


async def _of_colleague(tx: Transaction, mail_id: str, now_us: int) -> Approval | None:
    row = await tx.fetch_one(_MAIL, id=mail_id)
    if row is None:
        return None
    try:
        person = await find_person(tx, row["member_id"])
    except NotFound:
        return None
    if not person.may_decide:
        return None
    ids: Sequence[str] = msgspec.json.decode(row["about"])["approval_ids"]
    found = [await approval.find(tx, one, now_us=now_us) for one in ids]
    asked = [one for one in found if one is not None and one.account_id == person.account_id]
    # If no approval is pending any more, return the one that ended last.
    return max(asked, key=_ended_last, default=None)


def _ended_last(asked: Approval) -> tuple[bool, int]:
    return asked.status == "pending", asked.decided_at or 0


APPROVALS_PATH: Final = "/dashboard/approvals"
TEAM_PATH: Final = "/dashboard/team"


def approval_letter(
    asked: Sequence[AskedApproval],
    *,
    public_url: str,
    link_of: Callable[[str], str] | None,
    language: Language,
    is_always_sent: bool = False,
) -> OwnerLetter:
    """Write an email about approvals. `link_of` is None if the reader may not decide."""
    if link_of is None:
        return _seen(asked, f"{public_url}{APPROVALS_PATH}", language)
    say = language.say
    if len(asked) == 1:
        (one,) = asked
        subject = say(
            "{amount} for {recipient} needs your decision",
            amount=language.money(one.topup.charged_cents),
            recipient=one.topup.recipient_email,
        )
        happened = (
            *_facts(one, language),
            say("Anyone who has this link can approve or deny the send once."),
        )
        button = say("Approve or deny")
        # Set the language, because the page would otherwise use the browser's language, not the owner's.
        url = f"{link_of(one.id)}?lang={language.tag}"
    else:
        subject = say("{count} sends need your decision", count=language.count(len(asked)))
        happened = (
            say(
                "{count} sends, {amount} in total, need your decision.",
                count=language.count(len(asked)),
                amount=language.money(_total(asked)),
            ),
        )
        button, url = say("Decide on the Approvals page"), f"{public_url}{APPROVALS_PATH}"
    after, path = say("To turn off emails like this, open this page:"), ACCOUNT_PATH
    if is_always_sent:
        after, path = (
            say(
                "To remove everything else that this colleague created, open Team in your dashboard:"
            ),
            TEAM_PATH,
        )
    return OwnerLetter(language, subject, happened, button, url, after, f"{public_url}{path}")


def _seen(asked: Sequence[AskedApproval], url: str, language: Language) -> OwnerLetter:
    say = language.say
    if len(asked) == 1:
        subject = say(
            "{amount} for {recipient} needs a decision",
            amount=language.money(asked[0].topup.charged_cents),
            recipient=asked[0].topup.recipient_email,
        )
        happened = _facts(asked[0], language)
    else:
        subject = say("{count} sends need a decision", count=language.count(len(asked)))
        happened = (
            say(
                "{count} sends, {amount} in total, need a decision.",
                count=language.count(len(asked)),
                amount=language.money(_total(asked)),
            ),
        )
    after = say("To turn off emails like this, open this page:")
    return OwnerLetter(language, subject, happened, say("Open the Approvals page"), url, after)


def _total(asked: Sequence[AskedApproval]) -> int:
    return sum(one.topup.charged_cents for one in asked)


def _facts(one: AskedApproval, language: Language) -> tuple[str, ...]:
    say, topup = language.say, one.topup
    known = {
        "amount": language.money(topup.charged_cents),
        "platform": topup.platform,
        "recipient": topup.recipient_email,
    }
    if one.approval.reason == "sender_left":
        asks = say(
            "{sender} wanted to send {amount} of {platform} credit to {recipient}, but no longer has access to your account.",
            sender=one.sender_email or say("One of your tokens"),
            **known,
        )
    elif one.key_name is None:
        asks = say("{amount} of {platform} credit is waiting to be sent to {recipient}.", **known)
    else:
        asks = say(
            "{key} wants to send {amount} of {platform} credit to {recipient}.",
            key=one.key_name,
            **known,
        )
    when = language.moment(one.approval.expires_at)
    return asks, say("Nothing will be charged unless you approve this send by {when}.", when=when)
