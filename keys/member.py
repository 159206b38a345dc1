"""Manage colleagues: users who sign in with their own account, and act for another account in a role.

An invitation is valid once, for seven days. Rows are never deleted, so that the security log can name people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kernel.clock import DAY_US
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import email_of, lock_tenants
from keys.granted import Granted, why_ended
from keys.normalise import normalise_email
from keys.principal import ENVIRONMENTS, MemberRole
from store.database import Transaction
from store.row_mapping import RowMapping

INVITATION_US: Final = 7 * DAY_US
MEMBERS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Member:
    """A colleague. `person_id` is None until they join.

    An invitation's link is made from `invitation_id`, and is valid until `expires_at`.
    """

    id: str
    account_id: str
    email: str
    role: MemberRole
    invited_by: str
    created_at: int
    invitation_id: str | None = None
    expires_at: int | None = None
    person_id: str | None = None
    joined_at: int | None = None
    removed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """An account that a person can act for. `is_chosen` marks the one that the person used last."""

    account_id: str
    name: str
    role: MemberRole
    is_chosen: bool

    @property
    def as_row(self) -> tuple[str, str, str]:
        return self.account_id, self.name, self.role


@dataclass(frozen=True, slots=True)
class Invitation:
    member: Member
    team: str
    has_account: bool


async def get(tx: Transaction, account_id: str, member_id: str) -> Member:
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM members WHERE id = :id AND account_id = :account_id",
        id=member_id,
        account_id=account_id,
    )
    if row is None:
        raise NotFound("Member")
    return _ROWS.read(row)


async def list_members(tx: Transaction, account_id: str) -> Sequence[Member]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM members
            WHERE account_id = :account_id AND removed_at IS NULL ORDER BY id""",
        account_id=account_id,
    )
    return [_ROWS.read(row) for row in rows]


async def list_former(tx: Transaction, account_id: str, *, limit: int) -> Sequence[Member]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM members
            WHERE account_id = :account_id AND removed_at IS NOT NULL AND joined_at IS NOT NULL
            ORDER BY removed_at DESC, id DESC LIMIT :limit""",
        account_id=account_id,
        limit=limit,
    )
    return [_ROWS.read(row) for row in rows]


async def emails_of(
    tx: Transaction, people: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], str]:
    if not people:
        return {}
    rows = await tx.fetch(_EMAILS, pairs=sorted(set(people)))
    return {(row["account_id"], row["person_id"]): row["email"] for row in rows}


async def invite(
    tx: Transaction, *, account_id: str, email: str, role: MemberRole, invited_by: str, now_us: int
) -> Member:
    """Invite a person. If the person is already invited, send a new link with the new role.

    The caller holds the account's lock.
    """
    address = normalise_email(email, param="email")
    here = await list_members(tx, account_id)
    known = next((one for one in here if one.email == address), None)
    if known is not None and known.joined_at is not None:
        raise InvalidInput("This address belongs to a member. Change their role.", param="email")
    if await _is_own(tx, account_id, address):
        raise InvalidInput("This is the account's own address.", param="email")
    if known is not None:
        return await _offer(tx, known.id, role=role, now_us=now_us)
    if len(here) >= MEMBERS_MAX:
        raise InvalidInput(f"An account can have at most {MEMBERS_MAX} members.", param="email")
    made = Member(
        id=new_id("mbr"),
        account_id=account_id,
        email=address,
        role=role,
        invited_by=invited_by,
        created_at=now_us,
        invitation_id=new_id("inv"),
        expires_at=now_us + INVITATION_US,
    )
    await tx.insert("members", _ROWS.columns, [_ROWS.write(made)])
    return made


async def change_role(tx: Transaction, account_id: str, member_id: str, role: MemberRole) -> Member:
    found = await _find_locked(tx, account_id, member_id)
    await tx.execute("UPDATE members SET role = :role WHERE id = :id", role=role, id=found.id)
    return await _find(tx, account_id, member_id)


async def renew(tx: Transaction, account_id: str, member_id: str, *, now_us: int) -> Member:
    """Make a new link for an invited person. The earlier link stops working."""
    found = await _find(tx, account_id, member_id)
    if found.joined_at is not None:
        raise InvalidInput("This colleague has already joined.", param="member_id")
    return await _offer(tx, found.id, role=found.role, now_us=now_us)


async def remove(tx: Transaction, account_id: str, member_id: str, *, now_us: int) -> Member:
    found = await _find_locked(tx, account_id, member_id)
    await tx.execute(
        "UPDATE members SET removed_at = :now_us, invitation_id = NULL WHERE id = :id",
        now_us=now_us,
        id=found.id,
    )
    return found


async def leave(tx: Transaction, account_id: str, person_id: str, *, now_us: int) -> Member:
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.listed} FROM members WHERE account_id = :account_id
              AND person_id = :person_id AND removed_at IS NULL""",
        account_id=account_id,
        person_id=person_id,
    )
    if row is None:
        raise NotFound("Member")
    return await remove(tx, account_id, _ROWS.read(row).id, now_us=now_us)


async def find_invitation(tx: Transaction, invitation_id: str, *, now_us: int) -> Invitation:
    """Return what an invitation's page shows. Raise NotFound if the invitation can't be used."""
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.of("m")}, a.name AS team, p.id AS known_id FROM members m
            JOIN accounts a ON a.id = m.account_id LEFT JOIN accounts p ON p.email = m.email
            WHERE m.invitation_id = :id AND m.removed_at IS NULL AND m.joined_at IS NULL
              AND m.expires_at > :now_us""",
        id=invitation_id,
        now_us=now_us,
    )
    if row is None:
        raise NotFound("Invitation")
    found = _ROWS.read(row)
    await _check_granted(tx, found, now_us=now_us)
    return Invitation(found, row["team"], row["known_id"] is not None)


async def accept(tx: Transaction, found: Member, person_id: str, *, now_us: int) -> None:
    await _lock(tx, found.account_id)
    await _check_granted(tx, found, now_us=now_us)
    touched = await tx.execute(
        """UPDATE members SET person_id = :person_id, joined_at = :now_us, invitation_id = NULL
           WHERE id = :id AND invitation_id = :invitation_id AND removed_at IS NULL
             AND joined_at IS NULL AND expires_at > :now_us""",
        person_id=person_id,
        now_us=now_us,
        id=found.id,
        invitation_id=found.invitation_id,
    )
    if touched == 0:
        raise NotFound("Invitation")


async def teams_of(tx: Transaction, person_id: str) -> Sequence[Team]:
    rows = await tx.fetch(
        """SELECT m.account_id, a.name, m.role, m.chosen_at FROM members m
           JOIN accounts a ON a.id = m.account_id
           WHERE m.person_id = :person_id AND m.removed_at IS NULL ORDER BY a.name, m.account_id""",
        person_id=person_id,
    )
    return [
        Team(row["account_id"], row["name"], row["role"], row["chosen_at"] is not None)
        for row in rows
    ]


async def choose(tx: Transaction, person_id: str, account_id: str | None, *, now_us: int) -> None:
    """Record which account the person's next sign-in opens. None means their own account."""
    teams = {one.account_id for one in await teams_of(tx, person_id)}
    if account_id is not None and account_id not in teams:
        raise NotFound("Account")
    await tx.execute(
        "UPDATE members SET chosen_at = NULL WHERE person_id = :person_id AND chosen_at IS NOT NULL",
        person_id=person_id,
    )
    if account_id is not None:
        await tx.execute(
            """UPDATE members SET chosen_at = :now_us WHERE person_id = :person_id
                 AND account_id = :account_id AND removed_at IS NULL""",
            now_us=now_us,
            person_id=person_id,
            account_id=account_id,
        )


async def _offer(tx: Transaction, member_id: str, *, role: MemberRole, now_us: int) -> Member:
    await tx.execute(
        """UPDATE members SET role = :role, invitation_id = :invitation_id,
               expires_at = :expires_at WHERE id = :id AND joined_at IS NULL""",
        role=role,
        invitation_id=new_id("inv"),
        expires_at=now_us + INVITATION_US,
        id=member_id,
    )
    row = await tx.fetch_one(f"SELECT {_ROWS.listed} FROM members WHERE id = :id", id=member_id)
    assert row is not None, "the caller found it"
    return _ROWS.read(row)


async def _find(tx: Transaction, account_id: str, member_id: str) -> Member:
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.listed} FROM members
            WHERE id = :id AND account_id = :account_id AND removed_at IS NULL
            FOR NO KEY UPDATE""",
        id=member_id,
        account_id=account_id,
    )
    if row is None:
        raise NotFound("Member")
    return _ROWS.read(row)


async def is_open(tx: Transaction, found: Member, *, now_us: int) -> bool:
    if found.invitation_id is None or found.expires_at is None or found.expires_at <= now_us:
        return False
    offered = Granted(
        found.account_id, found.expires_at - INVITATION_US, person_id=found.invited_by
    )
    return await why_ended(tx, offered, now_us=now_us) is None


async def _check_granted(tx: Transaction, found: Member, *, now_us: int) -> None:
    if not await is_open(tx, found, now_us=now_us):
        raise NotFound("Invitation")


async def _lock(tx: Transaction, account_id: str) -> None:
    """Lock the account's rows. While they are locked, a grant stays valid (keys/granted.py)."""
    await lock_tenants(tx, [Tenant(account_id, one) for one in ENVIRONMENTS])


async def _find_locked(tx: Transaction, account_id: str, member_id: str) -> Member:
    await _lock(tx, account_id)
    return await _find(tx, account_id, member_id)


async def _is_own(tx: Transaction, account_id: str, address: str) -> bool:
    return await email_of(tx, account_id) == address


_ROWS = RowMapping(Member)
_EMAILS: Final = """
SELECT m.account_id, m.person_id, MAX(m.email) AS email
FROM :pairs[account_id text, person_id text] AS v
JOIN members m ON m.account_id = v.account_id AND m.person_id = v.person_id
GROUP BY m.account_id, m.person_id
"""
