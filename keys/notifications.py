"""Choose which emails each person with access to an account gets. Their role decides, unless they chose otherwise.

Rows store only the differences from the role. Nobody can switch off reports of failed payments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from kernel.errors import NotFound
from keys.principal import ROLE_SCOPES, MemberRole
from store.database import Row, Transaction

MailChoice = Literal["expiring", "receipt", "approval"]
MAIL_CHOICES: Final[tuple[MailChoice, ...]] = get_args(MailChoice)
_CHOOSE: Final[Mapping[MailChoice, str]] = {
    "expiring": "UPDATE accounts SET expiring_mail_off_at = :off_at WHERE id = :id",
    "receipt": "UPDATE accounts SET receipt_mail_off_at = :off_at WHERE id = :id",
    "approval": "UPDATE accounts SET approval_mail_off_at = :off_at WHERE id = :id",
}
Notification = Literal["webhook", "approval", "balance", "key", "receipt", "expiring"]
NOTIFICATIONS: Final[tuple[Notification, ...]] = get_args(Notification)
# If this choice is on, the other choices also apply in staging.
STAGING: Final = "staging"
CHOICES: Final = (*NOTIFICATIONS, STAGING)
PersonRole = Literal["owner", MemberRole]
TOLD: Final[Mapping[PersonRole, frozenset[str]]] = {
    "owner": frozenset(NOTIFICATIONS),
    "finance": frozenset({"balance", "receipt", "expiring"}),
    "developer": frozenset({"webhook", "key"}),
    "support": frozenset({"approval"}),
    "reader": frozenset(),
}


async def choose_mail(
    tx: Transaction, account_id: str, choice: MailChoice, *, is_on: bool, now_us: int
) -> None:
    await tx.execute(_CHOOSE[choice], off_at=None if is_on else now_us, id=account_id)


async def mail_language(tx: Transaction, account_id: str) -> str | None:
    row = await tx.fetch_one("SELECT mail_language FROM accounts WHERE id = :id", id=account_id)
    return None if row is None else row["mail_language"]


async def set_mail_language(tx: Transaction, account_id: str, tag: str) -> None:
    await tx.execute(
        "UPDATE accounts SET mail_language = :tag WHERE id = :id", tag=tag, id=account_id
    )


@dataclass(frozen=True, slots=True)
class Person:
    """An account's owner or member. The owner has no `member_id`. `wanted` has the CHOICES that are on."""

    account_id: str
    account_name: str
    person_id: str
    member_id: str | None
    role: PersonRole
    email: str | None
    language: str | None
    wanted: frozenset[str]

    @property
    def subject_id(self) -> str:
        return self.member_id or self.account_id

    @property
    def may_decide(self) -> bool:
        return self.role == "owner" or "approvals:write" in ROLE_SCOPES[self.role]

    def is_notified(self, kind: Notification, environment: str) -> bool:
        """Return whether the person wants this email. The owner's account-wide choices also apply in staging."""
        if kind not in self.wanted:
            return False
        is_accounts = self.role == "owner" and kind in MAIL_CHOICES
        return environment == "live" or is_accounts or STAGING in self.wanted


async def people_of(tx: Transaction, account_ids: Sequence[str]) -> Mapping[str, Sequence[Person]]:
    rows = await tx.fetch(_OF_ACCOUNTS, ids=sorted(set(account_ids)))
    found: dict[str, list[Person]] = {account_id: [] for account_id in account_ids}
    for person in await _read(tx, rows):
        found[person.account_id].append(person)
    return found


async def places_of(tx: Transaction, person_id: str) -> Sequence[Person]:
    return await _read(tx, await tx.fetch(_OF_PERSON, id=person_id))


async def find_person(tx: Transaction, subject_id: str) -> Person:
    found = await _read(tx, await tx.fetch(_OF_SUBJECT, id=subject_id))
    if not found:
        raise NotFound("Person")
    return found[0]


async def choose(
    tx: Transaction, person: Person, wanted: Mapping[str, bool], *, now_us: int
) -> Mapping[str, str]:
    changed: dict[str, str] = {}
    for choice in CHOICES:
        is_on = wanted.get(choice, choice in person.wanted)
        if is_on != (choice in person.wanted):
            await _write(tx, person, choice, is_on=is_on, now_us=now_us)
            changed[choice] = "on" if is_on else "off"
    return changed


async def _write(tx: Transaction, person: Person, choice: str, *, is_on: bool, now_us: int) -> None:
    for name in MAIL_CHOICES:
        if name == choice and person.role == "owner":
            await choose_mail(tx, person.account_id, name, is_on=is_on, now_us=now_us)
            return
    await tx.execute(
        """DELETE FROM notification_choices
           WHERE account_id = :account_id AND person_id = :person_id AND choice = :choice""",
        account_id=person.account_id,
        person_id=person.person_id,
        choice=choice,
    )
    if is_on != (choice in TOLD[person.role]):
        row = (person.account_id, person.person_id, choice, int(is_on), now_us)
        await tx.insert("notification_choices", _COLUMNS, [row], on_conflict=_KEEP)


async def _read(tx: Transaction, rows: Sequence[Row]) -> list[Person]:
    account_ids = sorted({row["account_id"] for row in rows})
    if not account_ids:
        return []
    chosen: dict[tuple[str, str], dict[str, bool]] = {}
    for row in await tx.fetch(_CHOSEN, ids=account_ids):
        of_person = chosen.setdefault((row["account_id"], row["person_id"]), {})
        of_person[row["choice"]] = bool(row["is_on"])
    people = [_person(row, chosen.get((row["account_id"], row["person_id"]), {})) for row in rows]
    return sorted(people, key=lambda one: (one.role != "owner", one.member_id or one.account_id))


def _person(row: Row, chosen: Mapping[str, bool]) -> Person:
    role: PersonRole = row["role"]
    told = {choice: choice in TOLD[role] for choice in CHOICES} | dict(chosen)
    if role == "owner":
        told |= {choice: row[f"{choice}_mail_off_at"] is None for choice in MAIL_CHOICES}
    return Person(
        account_id=row["account_id"],
        account_name=row["account_name"],
        person_id=row["person_id"],
        member_id=row["member_id"],
        role=role,
        email=row["email"],
        language=row["mail_language"],
        wanted=frozenset(choice for choice, is_on in told.items() if is_on),
    )


_COLUMNS: Final = ("account_id", "person_id", "choice", "is_on", "changed_at")
_KEEP: Final = "ON CONFLICT (account_id, person_id, choice) DO NOTHING"
_CHOSEN: Final = """
SELECT account_id, person_id, choice, is_on FROM notification_choices
WHERE account_id IN :ids[text]
"""
_OWNERS: Final = """
SELECT a.id AS account_id, a.name AS account_name, a.id AS person_id, NULL AS member_id,
    'owner' AS role, a.email, a.mail_language, a.receipt_mail_off_at, a.expiring_mail_off_at,
    a.approval_mail_off_at
FROM accounts a
"""
_MEMBERS: Final = """
SELECT m.account_id, a.name, m.person_id, m.id, m.role, p.email, p.mail_language, NULL, NULL, NULL
FROM members m JOIN accounts a ON a.id = m.account_id JOIN accounts p ON p.id = m.person_id
"""
_OF_ACCOUNTS: Final = f"""
{_OWNERS} WHERE a.id IN :ids[text]
UNION ALL {_MEMBERS} WHERE m.account_id IN :ids[text] AND m.removed_at IS NULL
"""
_OF_PERSON: Final = f"""
{_OWNERS} WHERE a.id = :id UNION ALL {_MEMBERS} WHERE m.person_id = :id AND m.removed_at IS NULL
"""
_OF_SUBJECT: Final = f"""
{_OWNERS} WHERE a.id = :id UNION ALL {_MEMBERS} WHERE m.id = :id AND m.removed_at IS NULL
"""
