"""Check a person's grant again when it takes effect, because the person may have lost access in the meantime."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from keys.principal import ACCOUNT_SCOPES, ROLE_SCOPES, MemberRole
from keys.session import IDLE_US
from store.database import Row, Transaction

SIGN_IN_ENDED: Final = "the sign-in that allowed it has ended"
SIGNED_OUT: Final = (
    "the person who allowed it changed their password or signed out everywhere since"
)
NO_ACCESS: Final = "the person who allowed it no longer has access to the account"
ROLE_TOO_SMALL: Final = "the role of the person who allowed it no longer covers it"
SUSPENDED: Final = "the account is suspended"


@dataclass(frozen=True, slots=True)
class Membership:
    role: MemberRole
    joined_at: int


@dataclass(frozen=True, slots=True)
class Granted:
    """What a person allowed in an account, and when.

    If `scopes` is None, the grant is valid only if the person owns the account. If `session_id` is set, that
    session must still exist.
    """

    account_id: str
    granted_at: int
    scopes: frozenset[str] | None = None
    session_id: str | None = None
    person_id: str | None = None


async def why_ended(tx: Transaction, granted: Granted, *, now_us: int) -> str | None:
    """Return why the grant is no longer valid, or None if it is still valid.

    The session's row is locked, so that a sign-out has to wait. The caller holds the account's lock.
    """
    person_id = granted.person_id
    if granted.session_id is not None:
        row = await tx.fetch_one(_SESSION, id=granted.session_id)
        if row is None or min(row["expires_at"], row["last_seen_at"] + IDLE_US) <= now_us:
            return SIGN_IN_ENDED
        person_id = row["account_id"]
    assert person_id is not None, "somebody granted it"
    people = await load_people(tx, granted.account_id, [person_id])
    return why_person_lost(people.get(person_id), granted)


async def load_people(
    tx: Transaction, account_id: str, person_ids: Iterable[str]
) -> Mapping[str, Row]:
    """Return each person's access to the account, for `why_person_lost`."""
    wanted = sorted(set(person_ids))
    if not wanted:
        return {}
    rows = await tx.fetch(_STANDING, account_id=account_id, person_ids=wanted)
    return {row["id"]: row for row in rows}


def why_person_lost(person: Row | None, granted: Granted) -> str | None:
    if person is None:
        return NO_ACCESS
    if person["suspended_at"] is not None:
        return SUSPENDED
    if person["access_ended_at"] is not None and person["access_ended_at"] >= granted.granted_at:
        return SIGNED_OUT
    if person["id"] == granted.account_id:
        return None
    member = None if person["role"] is None else Membership(person["role"], person["joined_at"])
    return why_lost(member, granted)


async def person_of(tx: Transaction, session_id: str) -> str:
    row = await tx.fetch_one(_SESSION, id=session_id)
    assert row is not None, "the caller holds its lock"
    return str(row["account_id"])


def why_lost(member: Membership | None, granted: Granted) -> str | None:
    # A person who was removed and invited again loses earlier grants.
    if member is None or member.joined_at > granted.granted_at:
        return NO_ACCESS
    if granted.scopes is None or not granted.scopes <= ROLE_SCOPES[member.role]:
        return ROLE_TOO_SMALL
    return None


def scopes_handed_on(scopes: Iterable[str]) -> frozenset[str]:
    return frozenset(scopes) & frozenset(ACCOUNT_SCOPES)


async def load_memberships(
    tx: Transaction, pairs: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], Membership]:
    rows = await tx.fetch(_MEMBERSHIPS, pairs=sorted(set(pairs)))
    return {
        (row["account_id"], row["person_id"]): Membership(row["role"], row["joined_at"])
        for row in rows
    }


_SESSION: Final = """
SELECT account_id, expires_at, last_seen_at FROM sessions WHERE id = :id FOR NO KEY UPDATE
"""
_STANDING: Final = """
SELECT p.id, a.suspended_at, p.access_ended_at, m.role, m.joined_at
FROM accounts a
JOIN accounts p ON p.id IN :person_ids[text]
LEFT JOIN members m ON m.account_id = a.id AND m.person_id = p.id AND m.removed_at IS NULL
WHERE a.id = :account_id
"""
_MEMBERSHIPS: Final = """
SELECT m.account_id, m.person_id, m.role, m.joined_at
FROM :pairs[account_id text, person_id text] AS v
JOIN members m ON m.account_id = v.account_id AND m.person_id = v.person_id AND m.removed_at IS NULL
"""
