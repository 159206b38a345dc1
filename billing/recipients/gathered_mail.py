"""Combine an account's news of one kind into one email for each person who wants it.

A worker locks a row for the account and kind, so that only one worker writes the email. News that nobody wants is
marked as reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import msgspec

from billing.ledger.balances import balance_micros
from billing.ledger.money import micros_to_cents
from billing.recipients import owner_mail
from billing.recipients.language import Language
from billing.recipients.letter import Listed, OwnerLetter
from billing.recipients.owner_mail import OwnerMail, addressees, written_mail
from billing.topups.mail import HINT
from kernel.clock import MINUTE_US
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import AuditEntry, NamedEntry
from keys.notifications import Person, people_of
from store.database import Transaction
from webhooks.deliveries import notice
from webhooks.deliveries.notice import DISABLED_STAGE, RECOVERED, WARNED_STAGE, NotifiedEndpoint

GatheredKind = Literal["webhook", "balance", "key"]
GATHERED: Final[tuple[GatheredKind, ...]] = get_args(GatheredKind)
# Further notifications within this time go into the same email.
GATHER_US: Final[Mapping[GatheredKind, int]] = {
    "webhook": 5 * MINUTE_US,
    "balance": MINUTE_US,
    "key": MINUTE_US,
}
SPACING_US: Final = 15 * MINUTE_US
EVENT_OF: Final[Mapping[str, str]] = {"balance": "balance.low", "key": "key.created"}


@dataclass(frozen=True, slots=True)
class News:
    tenant: Tenant
    kind: GatheredKind
    first_at: int
    first_no: int = 0
    last_no: int = 0

    @property
    def data(self) -> Mapping[str, int]:
        return {"first_at": self.first_at, "first_no": self.first_no, "last_no": self.last_no}


async def find_news(
    tx: Transaction, kind: GatheredKind, *, since_us: int, now_us: int, limit: int
) -> Sequence[News]:
    times = {"gathered_at": now_us - GATHER_US[kind], "spaced_at": now_us - SPACING_US}
    if kind == "webhook":
        rows = await tx.fetch(_NOTICES, limit=limit, **times)
        return [
            News(Tenant(row["account_id"], row["environment"]), kind, row["first_at"])
            for row in rows
        ]
    rows = await tx.fetch(
        _EVENTS, kind=kind, type=EVENT_OF[kind], since=since_us, limit=limit, **times
    )
    return [
        News(
            Tenant(row["account_id"], row["environment"]),
            kind,
            row["first_at"],
            row["first_no"],
            row["last_no"],
        )
        for row in rows
    ]


async def take_turn(tx: Transaction, news: News, *, now_us: int) -> bool:
    """Lock the row for this account and kind until the commit. Return False if another worker has locked it, or
    if no email is due yet.
    """
    place = {
        "account_id": news.tenant.account_id,
        "environment": news.tenant.environment,
        "kind": news.kind,
    }
    await tx.insert(
        "notification_turns",
        ("account_id", "environment", "kind"),
        [tuple(place.values())],
        on_conflict="ON CONFLICT (account_id, environment, kind) DO NOTHING",
    )
    row = await tx.fetch_one(_TURN, **place)
    if row is None or (row["written_at"] or 0) > now_us - SPACING_US:
        return False
    return news.kind == "webhook" or row["notified_no"] < news.first_no


async def note_told(tx: Transaction, news: News, *, written_at: int | None) -> None:
    await tx.execute(
        """UPDATE notification_turns
           SET notified_no = :notified_no, written_at = COALESCE(:written_at, written_at)
           WHERE account_id = :account_id AND environment = :environment AND kind = :kind""",
        notified_no=news.last_no,
        written_at=written_at,
        account_id=news.tenant.account_id,
        environment=news.tenant.environment,
        kind=news.kind,
    )


# Write the types exactly as in the index. Otherwise SQLite reads all events.
_EVENTS: Final = """
WITH e AS MATERIALIZED (
    SELECT account_id, environment, event_no, created_at FROM events
    WHERE type IN ('balance.low', 'key.created') AND type = :type AND created_at > :since
      AND is_sample = 0)
SELECT e.account_id, e.environment, MIN(e.created_at) AS first_at, MIN(e.event_no) AS first_no,
    MAX(e.event_no) AS last_no
FROM e
LEFT JOIN notification_turns t ON t.account_id = e.account_id
    AND t.environment = e.environment AND t.kind = :kind
WHERE e.event_no > COALESCE(t.notified_no, 0) AND COALESCE(t.written_at, 0) <= :spaced_at
GROUP BY e.account_id, e.environment HAVING MIN(e.created_at) <= :gathered_at
ORDER BY e.account_id, e.environment LIMIT :limit
"""
_NOTICES: Final = """
SELECT w.account_id, w.environment, MIN(w.at) AS first_at
FROM (
    SELECT account_id, environment, created_at AS at FROM notices
    WHERE notified_at IS NULL AND ended_at IS NULL
    UNION ALL
    SELECT account_id, environment, ended_at AS at FROM notices
    WHERE notified_at IS NOT NULL AND ended_at IS NOT NULL AND end_notified_at IS NULL) AS w
LEFT JOIN notification_turns t ON t.account_id = w.account_id
    AND t.environment = w.environment AND t.kind = 'webhook'
WHERE COALESCE(t.written_at, 0) <= :spaced_at
GROUP BY w.account_id, w.environment HAVING MIN(w.at) <= :gathered_at
ORDER BY w.account_id, w.environment LIMIT :limit
"""
_TURN: Final = """
SELECT notified_no, written_at FROM notification_turns
WHERE account_id = :account_id AND environment = :environment AND kind = :kind
FOR NO KEY UPDATE SKIP LOCKED
"""


ACCOUNTS_AT_ONCE: Final = 50


async def write_due(
    tx: Transaction,
    kind: GatheredKind,
    *,
    sent_in: frozenset[str],
    since_us: int,
    now_us: int,
    accounts_max: int = ACCOUNTS_AT_ONCE,
) -> tuple[int, bool]:
    found = await find_news(tx, kind, since_us=since_us, now_us=now_us, limit=accounts_max)
    people = await people_of(tx, [one.tenant.account_id for one in found])
    mails: list[OwnerMail] = []
    taken = 0
    for news in found:
        if await take_turn(tx, news, now_us=now_us):
            is_sent = news.tenant.environment in sent_in
            told = addressees(people[news.tenant.account_id], kind, news.tenant, is_sent=is_sent)
            mails += await _mails_of(tx, news, told, is_sent=is_sent, now_us=now_us)
            taken += 1
    if mails:
        await owner_mail.insert(tx, mails)
        tx.hint(HINT)
    return len(mails), taken == accounts_max


async def _mails_of(
    tx: Transaction, news: News, told: Sequence[Person], *, is_sent: bool, now_us: int
) -> list[OwnerMail]:
    if news.kind == "webhook":
        await notice.take_unnotified(tx, news.tenant, is_notified=bool(told), now_us=now_us)
    await note_told(tx, news, written_at=now_us if told else None)
    return [
        written_mail(
            news.tenant,
            news.kind,
            data=None if news.kind == "webhook" else news.data,
            is_sent=is_sent,
            now_us=now_us,
            member_id=one.member_id,
        )
        for one in told
    ]


LISTED_MAX: Final = 20
# The maximum number of balance drops that one email covers. An account can have at most ten thresholds.
FALLS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class NotifiedKey:
    id: str
    name: str
    scopes: Sequence[str]
    made: NamedEntry | None


@dataclass(frozen=True, slots=True)
class NotifiedKeys:
    count: int
    first: Sequence[NotifiedKey]


@dataclass(frozen=True, slots=True)
class LowBalance:
    balance_cents: int
    threshold_cents: int


async def made_keys(tx: Transaction, mail: OwnerMail) -> NotifiedKeys:
    rows = await tx.fetch(_TOLD_EVENTS, **_range(mail), limit=LISTED_MAX)
    row = await tx.fetch_one(_COUNT, **_range(mail))
    told = [_data_of(one["body"]) for one in rows]
    made = await audit_log.acts_on(
        tx,
        mail.account_id,
        "key.created",
        [one["id"] for one in told],
        since_us=mail.data["first_at"],
    )
    first = [
        NotifiedKey(one["id"], one["name"], one["scopes"], made.get(one["id"])) for one in told
    ]
    return NotifiedKeys(0 if row is None else int(row["number"]), first)


async def low_balance_of(tx: Transaction, mail: OwnerMail, *, now_us: int) -> LowBalance | None:
    tenant = Tenant(mail.account_id, mail.environment)
    has_cents = micros_to_cents(await balance_micros(tx, tenant, now_us=now_us))
    rows = await tx.fetch(_TOLD_EVENTS, **_range(mail), limit=FALLS_MAX)
    fell_below = {_data_of(row["body"])["low_balance_threshold_cents"] for row in rows}
    still = [one for one in fell_below if has_cents < one]
    return LowBalance(has_cents, min(still)) if still else None


def _range(mail: OwnerMail) -> dict[str, Any]:
    return {
        "account_id": mail.account_id,
        "environment": mail.environment,
        "type": EVENT_OF[mail.kind],
        **mail.data,
    }


def _data_of(body: bytes) -> dict[str, Any]:
    data = msgspec.json.decode(body)["data"]
    assert isinstance(data, dict), "an event's data is an object"
    return data


# Write the types exactly as in the index, so that no other events are read.
_TOLD: Final = """
WITH e AS MATERIALIZED (
    SELECT id, account_id, environment, event_no FROM events
    WHERE type IN ('balance.low', 'key.created') AND type = :type AND created_at >= :first_at
      AND is_sample = 0)
"""
_WHERE: Final = """
FROM e WHERE account_id = :account_id AND environment = :environment
  AND event_no BETWEEN :first_no AND :last_no
"""
_TOLD_EVENTS: Final = f"""
{_TOLD} SELECT body FROM events WHERE id IN (SELECT id {_WHERE} ORDER BY event_no LIMIT :limit)
ORDER BY event_no
"""
_COUNT: Final = f"{_TOLD} SELECT COUNT(*) AS number {_WHERE}"


WEBHOOKS_PATH: Final = "/dashboard/webhooks"
KEYS_PATH: Final = "/dashboard/keys"
BUY_PATH: Final = "/dashboard/buy"
URL_CHARACTERS_MAX: Final = 200


def webhook_letter(
    told: Sequence[NotifiedEndpoint], *, public_url: str, language: Language
) -> OwnerLetter:
    say = language.say
    unwell = [one for one in told if one.stage != RECOVERED]
    happened = (
        say("The events are stored and retried on each webhook's schedule."),
        say("A disabled webhook gets no events until it is enabled again."),
    )
    well = (say("Events are arriving again."),)
    return OwnerLetter(
        language,
        _webhook_subject(unwell, len(told), language),
        happened if unwell else well,
        say("Open the webhooks"),
        f"{public_url}{WEBHOOKS_PATH}",
        say("To turn off emails like this, open this page:"),
        listed=tuple(
            Listed(_of_endpoint(one, language), f"{public_url}{WEBHOOKS_PATH}/{one.endpoint_id}")
            for one in told[:LISTED_MAX]
        ),
        more=max(len(told) - LISTED_MAX, 0),
    )


def _webhook_subject(unwell: Sequence[NotifiedEndpoint], told: int, language: Language) -> str:
    say, count = language.say, language.count
    if len(unwell) > 1:
        return say("{count} webhooks are failing", count=count(len(unwell)))
    if unwell:
        return _one_subject(unwell[0].stage, language)
    if told == 1:
        return say("A webhook works again")
    return say("{count} webhooks work again", count=count(told))


def _one_subject(stage: str, language: Language) -> str:
    say = language.say
    if stage == DISABLED_STAGE:
        return say("A webhook was disabled")
    return (
        say("A webhook will be disabled soon") if stage == WARNED_STAGE else say("A webhook fails")
    )


def _of_endpoint(one: NotifiedEndpoint, language: Language) -> str:
    url = one.url.partition("?")[0][:URL_CHARACTERS_MAX]
    say, known = language.say, {"url": url, "when": language.moment(one.at_us)}
    if one.stage == RECOVERED:
        return say("{url} has been working again since {when}.", **known)
    if one.stage == DISABLED_STAGE:
        return say("{url} was disabled. It had been failing since {when}.", **known)
    if one.stage == WARNED_STAGE:
        then = language.moment(one.disable_us)
        return say(
            "{url} has been failing since {when}. It will be disabled on {then} unless an event is delivered first.",
            then=then,
            **known,
        )
    return say("{url} has been failing since {when}.", **known)


def balance_letter(low: LowBalance, *, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("The balance is below {threshold}", threshold=language.money(low.threshold_cents)),
        (
            say("{balance} is left.", balance=language.money(low.balance_cents)),
            say("Charges above the balance will be refused until you buy credit."),
        ),
        say("Buy credit"),
        f"{public_url}{BUY_PATH}",
        say("To turn off emails like this, open this page:"),
    )


def key_letter(made: NotifiedKeys, *, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    is_one = made.count == 1
    subject = (
        say("New key: {name}", name=made.first[0].name or made.first[0].id)
        if is_one
        else say("{count} new keys", count=language.count(made.count))
    )
    return OwnerLetter(
        language,
        subject,
        (say("Revoke any key that your team didn't create, and check the security log."),),
        say("Open the keys"),
        f"{public_url}{KEYS_PATH}",
        say("To turn off emails like this, open this page:"),
        listed=tuple(
            Listed(_of_key(one, language), f"{public_url}{KEYS_PATH}/{one.id}")
            for one in made.first
        ),
        more=made.count - len(made.first),
    )


def _of_key(one: NotifiedKey, language: Language) -> str:
    say, name = language.say, one.name or one.id
    may = say("The key {name} has these scopes: {scopes}.", name=name, scopes=" ".join(one.scopes))
    if one.made is None:
        return may
    entry = one.made.entry
    who = one.made.actor_name or _actor_words(entry, language)
    if entry.address is None:
        made = say("Created by {who}.", who=who)
    else:
        made = say("Created by {who} from {address}.", who=who, address=entry.address)
    return f"{may} {made}"


def _actor_words(entry: AuditEntry, language: Language) -> str:
    if entry.actor_kind == "session" and entry.actor_account_id == entry.account_id:
        return language.say("the owner")
    if entry.actor_kind == "cli":
        return language.say("the command line")
    return entry.actor


async def gathered_letter(
    tx: Transaction, mail: OwnerMail, *, public_url: str, language: Language, now_us: int
) -> OwnerLetter | None:
    if mail.kind == "webhook":
        tenant = Tenant(mail.account_id, mail.environment)
        told = await notice.notified_at(tx, tenant, mail.created_at)
        return webhook_letter(told, public_url=public_url, language=language) if told else None
    if mail.kind == "balance":
        low = await low_balance_of(tx, mail, now_us=now_us)
        return balance_letter(low, public_url=public_url, language=language) if low else None
    made = await made_keys(tx, mail)
    return key_letter(made, public_url=public_url, language=language) if made.count else None
