"""What a person granted is worth nothing once they may no longer grant it, whatever it is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from kernel.clock import FixedClock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys import account_access, member, session
from keys.account import create_account
from keys.authorization.client import AuthorizationRefused
from keys.oauth.grant import CodeRefused
from keys.principal import MemberRole
from keys.sign_in import password_reset
from keys.tokens import device_login
from keys.tokens.device_login import LoggedIn, LoginDenied
from store.database import Database, Transaction
from tests.support.mcp_client import open_client
from tests.support.oauth_consent import open_consent

pytestmark = pytest.mark.fixed_clock


@dataclass
class Person:
    """A colleague with the role, who is signed in; or the owner."""

    database: Database
    clock: FixedClock
    account_id: str
    person_id: str
    session_id: str
    member_id: str = ""

    async def allow(self, *scopes: str) -> str:
        """The device code of a login that the person allowed."""
        now_us = self.clock.now_us()

        async def work(tx: Transaction) -> str:
            begun = await device_login.begin(tx, name="laptop", address="", now_us=now_us)
            found = await device_login.find_open(tx, begun.user_code, now_us=now_us)
            assert found is not None
            assert await device_login.approve(
                tx,
                found,
                Tenant(self.account_id, "staging"),
                scopes=scopes,
                life_days=None,
                by=self.session_id,
                now_us=now_us,
            )
            return begun.device_code

        return await self.database.transaction(work)

    async def take(self, code: str) -> LoggedIn:
        now_us = self.clock.now_us()

        async def work(tx: Transaction) -> LoggedIn:
            login = await device_login.find(tx, code, now_us=now_us)
            return await device_login.take(tx, login, now_us=now_us)

        return await self.database.transaction(work)

    async def do(self, work: Callable[[Transaction], Awaitable[object]]) -> None:
        self.clock.advance_s(1)
        await self.database.transaction(work)


async def given_account(database: Database, clock: FixedClock, email: str | None) -> str:
    return await database.transaction(
        lambda tx: create_account(tx, name="Ann", email=email, now_us=clock.now_us())
    )


async def signed_in(database: Database, clock: FixedClock, account_id: str) -> str:
    begun, _ = await database.transaction(
        lambda tx: session.begin(
            tx, account_id=account_id, user_agent="test", now_us=clock.now_us()
        )
    )
    return begun.id


async def given_owner(database: Database, clock: FixedClock) -> Person:
    account_id = await given_account(database, clock, "boss@acme.example")
    session_id = await signed_in(database, clock, account_id)
    return Person(database, clock, account_id, account_id, session_id)


async def given_member(
    database: Database, clock: FixedClock, role: MemberRole = "developer"
) -> Person:
    owner = await given_owner(database, clock)
    person_id = await given_account(database, clock, "dev@acme.example")
    session_id = await signed_in(database, clock, person_id)

    async def work(tx: Transaction) -> str:
        made = await member.invite(
            tx,
            account_id=owner.account_id,
            email="dev@acme.example",
            role=role,
            invited_by=owner.account_id,
            now_us=clock.now_us(),
        )
        await member.accept(tx, made, person_id, now_us=clock.now_us())
        return made.id

    member_id = await database.transaction(work)
    return Person(database, clock, owner.account_id, person_id, session_id, member_id)


def removed(one: Person) -> Callable[[Transaction], Awaitable[object]]:
    return lambda tx: member.remove(tx, one.account_id, one.member_id, now_us=one.clock.now_us())


def demoted(one: Person) -> Callable[[Transaction], Awaitable[object]]:
    return lambda tx: member.change_role(tx, one.account_id, one.member_id, "reader")


def new_password(one: Person) -> Callable[[Transaction], Awaitable[object]]:
    return lambda tx: password_reset.change_password(
        tx,
        one.person_id,
        "argon2's text",
        now_us=one.clock.now_us(),
        kept_session_id=one.session_id,
    )


def signed_out(one: Person) -> Callable[[Transaction], Awaitable[object]]:
    return lambda tx: session.end(tx, one.person_id, one.session_id)


def signed_out_elsewhere(one: Person) -> Callable[[Transaction], Awaitable[object]]:
    return lambda tx: session.end_others(
        tx, one.person_id, one.session_id, now_us=one.clock.now_us()
    )


def suspended(one: Person) -> Callable[[Transaction], Awaitable[object]]:
    return lambda tx: account_access.suspend(tx, one.account_id, "abuse", now_us=one.clock.now_us())


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (removed, "no longer has access"),
        (demoted, "role of the person"),
        (new_password, "changed their password"),
        (signed_out, "sign-in that allowed it has ended"),
        (signed_out_elsewhere, "signed out everywhere"),
        (suspended, "the account is suspended"),
    ],
)
async def test_a_login_of_somebody_whose_access_ended_gives_no_key(
    database: Database,
    clock: FixedClock,
    end: Callable[[Person], Callable[[Transaction], Awaitable[object]]],
    says: str,
) -> None:
    person = await given_member(database, clock)
    code = await person.allow("topup:send", "topup:read")

    await person.do(end(person))

    with pytest.raises(LoginDenied, match=says) as refused:
        await person.take(code)
    assert refused.value.reason == "access_denied"
    rows = await database.read(lambda tx: tx.fetch("SELECT id FROM api_keys"))
    assert len(rows) == 0


async def test_a_login_is_good_while_the_role_covers_it(
    database: Database, clock: FixedClock
) -> None:
    person = await given_member(database, clock)
    code = await person.allow("topup:read")

    await person.do(demoted(person))
    made = await person.take(code)

    assert made.key.scopes == ("topup:read",)


async def test_who_was_removed_and_came_back_allows_anew(
    database: Database, clock: FixedClock
) -> None:
    person = await given_member(database, clock)
    code = await person.allow("topup:read")

    async def come_back(tx: Transaction) -> None:
        now_us = clock.now_us()
        await member.remove(tx, person.account_id, person.member_id, now_us=now_us)
        made = await member.invite(
            tx,
            account_id=person.account_id,
            email="dev@acme.example",
            role="developer",
            invited_by=person.account_id,
            now_us=now_us,
        )
        await member.accept(tx, made, person.person_id, now_us=now_us)

    await person.do(come_back)

    with pytest.raises(LoginDenied):
        await person.take(code)


@pytest.mark.parametrize("end", [new_password, signed_out_elsewhere, suspended])
async def test_an_invitation_of_somebody_whose_access_ended_opens_nothing(
    database: Database,
    clock: FixedClock,
    end: Callable[[Person], Callable[[Transaction], Awaitable[object]]],
) -> None:
    owner = await given_owner(database, clock)
    person_id = await given_account(database, clock, "new@acme.example")
    made = await database.transaction(
        lambda tx: member.invite(
            tx,
            account_id=owner.account_id,
            email="new@acme.example",
            role="finance",
            invited_by=owner.account_id,
            now_us=clock.now_us(),
        )
    )

    await owner.do(end(owner))

    invitation_id = made.invitation_id or ""
    with pytest.raises(NotFound):
        await database.read(
            lambda tx: member.find_invitation(tx, invitation_id, now_us=clock.now_us())
        )
    with pytest.raises(NotFound):
        await database.transaction(
            lambda tx: member.accept(tx, made, person_id, now_us=clock.now_us())
        )


async def test_a_new_link_counts_after_the_password_changed(
    database: Database, clock: FixedClock
) -> None:
    owner = await given_owner(database, clock)
    person_id = await given_account(database, clock, "new@acme.example")
    made = await database.transaction(
        lambda tx: member.invite(
            tx,
            account_id=owner.account_id,
            email="new@acme.example",
            role="finance",
            invited_by=owner.account_id,
            now_us=clock.now_us(),
        )
    )
    await owner.do(new_password(owner))
    clock.advance_s(1)

    again = await database.transaction(
        lambda tx: member.renew(tx, owner.account_id, made.id, now_us=clock.now_us())
    )
    await database.transaction(
        lambda tx: member.accept(tx, again, person_id, now_us=clock.now_us())
    )

    teams = await database.read(lambda tx: member.teams_of(tx, person_id))
    assert [one.role for one in teams] == ["finance"]


@pytest.mark.parametrize("end", [new_password, signed_out, signed_out_elsewhere, suspended])
async def test_a_code_of_an_mcp_client_ends_with_the_access_of_who_consented(
    database: Database,
    clock: FixedClock,
    end: Callable[[Person], Callable[[Transaction], Awaitable[object]]],
) -> None:
    client = await open_client(database, clock)
    code, _, _ = await client.consent()
    person = await consenting(database, clock, client.account_id)

    await person.do(end(person))

    with pytest.raises(AuthorizationRefused) as refused:
        await client.exchange(code)
    assert refused.value.error == "invalid_grant"


@pytest.mark.parametrize("end", [new_password, signed_out, signed_out_elsewhere, suspended])
async def test_a_code_of_an_app_ends_with_the_access_of_who_consented(
    database: Database,
    clock: FixedClock,
    end: Callable[[Person], Callable[[Transaction], Awaitable[object]]],
) -> None:
    app = await open_consent(database, clock)
    code = await app.code()
    person = await consenting(database, clock, app.user_id)

    await person.do(end(person))

    with pytest.raises(CodeRefused):
        await app.exchange(code)
    assert await app.grants() == []


async def consenting(database: Database, clock: FixedClock, account_id: str) -> Person:
    """The owner whose session consented."""
    row = await database.read(
        lambda tx: tx.fetch_one("SELECT id FROM sessions WHERE account_id = :id", id=account_id)
    )
    assert row is not None
    return Person(database, clock, account_id, account_id, row["id"])
