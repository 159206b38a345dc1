"""Sessions: how they begin, what they may do, and every way they end."""

import pytest

from kernel.clock import DAY_US, FixedClock
from keys import session
from keys.authenticator import Authenticator, InvalidCredential
from keys.principal import ACCOUNT_SCOPES, SCOPES, CredentialEnded, Environment, Principal, Refusal
from keys.session import Session
from keys.token_format import digest, new_session_token, parse
from store.database import Database
from tests.support.key_owner import KeyOwner, open_key_owner

DAY_S = DAY_US / 1_000_000


async def begin(key_owner: KeyOwner, user_agent: str = "Firefox") -> tuple[Session, str]:
    return await key_owner.database.transaction(
        lambda tx: session.begin(
            tx,
            account_id=key_owner.account_id,
            user_agent=user_agent,
            now_us=key_owner.clock.now_us(),
        )
    )


async def principal_of(key_owner: KeyOwner, token: str) -> Principal | Refusal | None:
    found = await key_owner.database.read(
        lambda tx: session.load_principals(tx, [digest(token)], now_us=key_owner.clock.now_us())
    )
    return found.get(digest(token))


async def listed(key_owner: KeyOwner) -> list[str]:
    found = await key_owner.database.read(
        lambda tx: session.list_sessions(tx, key_owner.account_id, now_us=key_owner.clock.now_us())
    )
    return [one.id for one in found]


async def switch(key_owner: KeyOwner, session_id: str, environment: Environment) -> str:
    return await key_owner.database.transaction(
        lambda tx: session.switch(tx, key_owner.account_id, session_id, environment=environment)
    )


async def end(key_owner: KeyOwner, session_id: str) -> None:
    await key_owner.database.transaction(
        lambda tx: session.end(tx, key_owner.account_id, session_id)
    )


async def test_a_session_may_do_what_its_account_may(database: Database, clock: FixedClock) -> None:
    key_owner = await open_key_owner(database, clock)

    made, token = await begin(key_owner)

    found = await principal_of(key_owner, token)
    assert isinstance(found, Principal)
    assert (found.kind, found.environment, found.credential_id) == ("session", "staging", made.id)
    assert found.scopes == frozenset(ACCOUNT_SCOPES)
    assert found.lineage == ()
    assert parse(token) is not None


async def test_an_operators_session_administers(database: Database, clock: FixedClock) -> None:
    key_owner = await open_key_owner(database, clock, is_operator=True)

    _, token = await begin(key_owner)

    found = await principal_of(key_owner, token)
    assert isinstance(found, Principal)
    assert found.scopes == frozenset(SCOPES)


async def test_the_token_is_not_stored(database: Database, clock: FixedClock) -> None:
    key_owner = await open_key_owner(database, clock)
    _, token = await begin(key_owner)

    row = await database.read(lambda tx: tx.fetch_one("SELECT * FROM sessions"))

    assert row is not None
    assert token[4:] not in " ".join(str(row[name]) for name in ("id", "digest", "user_agent"))


@pytest.mark.parametrize(("days_used", "days_later", "works"), [(0, 6.9, True), (0, 7, False)])
async def test_seven_days_without_use_end_it(
    database: Database, clock: FixedClock, days_used: int, days_later: float, works: bool
) -> None:
    key_owner = await open_key_owner(database, clock)
    _, token = await begin(key_owner)

    clock.advance_s((days_used + days_later) * DAY_S)

    assert isinstance(await principal_of(key_owner, token), Principal) is works


async def test_thirty_days_end_it_however_much_it_was_used(
    database: Database, clock: FixedClock
) -> None:
    key_owner = await open_key_owner(database, clock)
    made, token = await begin(key_owner)

    for _ in range(29):
        clock.advance_s(DAY_S)
        await database.transaction(
            lambda tx: session.mark_used(tx, [made.id], now_us=clock.now_us())
        )
    before = await principal_of(key_owner, token)
    clock.advance_s(DAY_S)

    assert isinstance(before, Principal)
    assert await principal_of(key_owner, token) == Refusal("expired")
    assert await listed(key_owner) == []


async def test_a_switch_is_another_token_of_the_same_session(
    database: Database, clock: FixedClock
) -> None:
    key_owner = await open_key_owner(database, clock)
    made, token = await begin(key_owner)

    switched = await switch(key_owner, made.id, "live")

    found = await principal_of(key_owner, switched)
    assert isinstance(found, Principal)
    assert (found.environment, found.credential_id) == ("live", made.id)
    assert await principal_of(key_owner, token) is None


async def test_a_session_ends_for_its_own_account_only(
    database: Database, clock: FixedClock
) -> None:
    key_owner = await open_key_owner(database, clock)
    clock.advance_s(1)
    other = await open_key_owner(database, clock)
    made, token = await begin(key_owner)

    with pytest.raises(Exception, match="Session not found"):
        await end(other, made.id)
    with pytest.raises(Exception, match="Session not found"):
        await switch(other, made.id, "live")

    assert isinstance(await principal_of(key_owner, token), Principal)
    await end(key_owner, made.id)
    assert await principal_of(key_owner, token) is None


async def test_the_others_end_when_a_password_changes(
    database: Database, clock: FixedClock
) -> None:
    key_owner = await open_key_owner(database, clock)
    kept, _ = await begin(key_owner)
    for _ in range(3):
        await begin(key_owner)

    ended = await database.transaction(
        lambda tx: session.end_others(tx, key_owner.account_id, kept.id, now_us=clock.now_us())
    )

    assert ended == 3
    assert await listed(key_owner) == [kept.id]


async def test_an_account_has_twenty_sessions(database: Database, clock: FixedClock) -> None:
    key_owner = await open_key_owner(database, clock)
    made = []
    for _ in range(21):
        clock.advance_s(60)
        made.append((await begin(key_owner))[0].id)

    assert await listed(key_owner) == made[:0:-1]


async def test_the_authenticator_knows_it(database: Database, clock: FixedClock) -> None:
    key_owner = await open_key_owner(database, clock)
    made, token = await begin(key_owner)
    authenticator = Authenticator(database, clock)

    found = await authenticator.authenticate(token)

    assert found.credential_id == made.id
    clock.advance_s(600)
    await authenticator.authenticate(token)
    await authenticator.close()
    seen = await database.read(
        lambda tx: session.list_sessions(tx, key_owner.account_id, now_us=clock.now_us())
    )
    assert seen[0].last_seen_at == clock.now_us()
    clock.advance_s(7 * DAY_S)
    with pytest.raises(CredentialEnded):
        await authenticator.authenticate(token)
    with pytest.raises(InvalidCredential):
        await authenticator.authenticate(token[:-1] + ("a" if token[-1] != "a" else "b"))
    await authenticator.close()


def test_the_forms_token_is_of_one_session_only() -> None:
    first, second = new_session_token(), new_session_token()

    assert session.is_forgery_token(session.forgery_token(first), first)
    assert not session.is_forgery_token(session.forgery_token(first), second)
    assert not session.is_forgery_token("", first)
    assert not session.is_forgery_token("\u20ac", first)
    assert first not in session.forgery_token(first)
