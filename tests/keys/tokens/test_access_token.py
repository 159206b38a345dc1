"""sat_ and adm_ tokens: whose they are, and that none outlives or outspends its maker."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from keys import token_format
from keys.account import create_account, set_operator
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey, NewKey
from keys.api_keys.grantable import KeyLimitReached
from keys.principal import ACCOUNT_SCOPES, SCOPES, Environment, Principal, Refusal, ScopeMissing
from keys.tokens import access_token
from keys.tokens.access_token import AccessToken
from store.database import Database, Transaction


@dataclass
class TokenOwner:
    database: Database
    clock: FixedClock
    account_id: str
    environment: Environment = "live"

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    async def create(
        self,
        name: str = "token",
        *,
        by: Principal | None = None,
        kind: Any = "system",
        scopes: Any = (),
    ) -> tuple[AccessToken, str]:
        return await self.database.transaction(
            lambda tx: access_token.create(
                tx,
                kind=kind,
                account_id=self.account_id,
                environment=self.environment,
                name=name,
                maker=by,
                scopes=scopes,
                now_us=self.clock.now_us(),
            )
        )

    async def be_operator(self, *, is_operator: bool) -> None:
        await self.database.transaction(
            lambda tx: set_operator(tx, self.account_id, is_operator=is_operator)
        )

    async def look_up(self, secret: str) -> Principal | Refusal | None:
        digest = token_format.digest(secret)
        found = await self.database.read(
            lambda tx: access_token.load_principals(tx, [digest], now_us=self.clock.now_us())
        )
        return found.get(digest)

    async def principal(self, secret: str) -> Principal:
        found = await self.look_up(secret)
        assert isinstance(found, Principal)
        return found

    async def key(self, *, by: Principal | None = None, **fields: Any) -> tuple[ApiKey, Principal]:
        key, _ = await self.database.transaction(
            lambda tx: api_key.mint(
                tx,
                account_id=self.account_id,
                environment="live",
                parent=by,
                new=NewKey(name="key", **fields),
                now_us=self.clock.now_us(),
            )
        )
        return key, a_principal(self, (key.id, *key.lineage), key.scopes)

    async def names(self, viewer: Principal | None = None, **options: Any) -> list[str]:
        tokens = await self.database.read(
            lambda tx: access_token.list_tokens(tx, self.tenant, viewer=viewer, **options)
        )
        return [token.name for token in tokens]

    async def revoke(
        self, token_id: str, *, by: Principal | None = None, kind: Any = "system"
    ) -> AccessToken:
        return await self.database.transaction(
            lambda tx: access_token.revoke(
                tx, self.tenant, token_id, kind=kind, asker=by, now_us=self.clock.now_us()
            )
        )


def a_principal(
    token_owner: TokenOwner, lineage: tuple[str, ...], scopes: tuple[str, ...]
) -> Principal:
    return Principal(
        account_id=token_owner.account_id,
        environment="live",
        kind="key" if lineage else "session",
        credential_id=lineage[0] if lineage else "ses_1",
        key_id=lineage[0] if lineage else None,
        lineage=lineage,
        scopes=frozenset(scopes),
        ip_allow_lists=(),
        expires_at=None,
        is_sandbox=False,
        approval_threshold_cents=None,
        account_email=None,
    )


async def open_shop(database: Database, clock: FixedClock, **flags: Any) -> TokenOwner:
    account_id = await database.transaction(
        lambda tx: create_account(tx, name="Shop", email=None, now_us=clock.now_us(), **flags)
    )
    return TokenOwner(database, clock, account_id)


@pytest.fixture
async def operator(database: Database, clock: FixedClock) -> TokenOwner:
    return await open_shop(database, clock, is_operator=True)


@pytest.fixture
async def token_owner(database: Database, clock: FixedClock) -> TokenOwner:
    return await open_shop(database, clock)


async def test_an_accounts_own_token_holds_every_scope_but_admin(token_owner: TokenOwner) -> None:
    token, secret = await token_owner.create(by=a_principal(token_owner, (), ACCOUNT_SCOPES))

    assert secret.startswith("sat_live_")
    assert (token.prefix, token.last4, token.key_id) == (secret[:16], secret[-4:], None)
    assert await token_owner.principal(secret) == Principal(
        account_id=token_owner.account_id,
        environment="live",
        kind="system_token",
        credential_id=token.id,
        key_id=None,
        lineage=(),
        scopes=frozenset(ACCOUNT_SCOPES),
        ip_allow_lists=(),
        expires_at=None,
        is_sandbox=False,
        approval_threshold_cents=None,
        account_email=None,
    )


async def test_an_operator_accounts_own_token_may_administer(
    database: Database, clock: FixedClock
) -> None:
    operator = await open_shop(database, clock, is_operator=True)
    _, secret = await operator.create()

    assert (await operator.principal(secret)).scopes == frozenset(SCOPES)


async def test_an_operator_token_holds_every_scope(operator: TokenOwner) -> None:
    _, secret = await operator.create(kind="operator")
    found = await operator.principal(secret)

    assert secret.startswith("adm_live_")
    assert found.kind == "operator_token"
    assert found.scopes == {*SCOPES, "operator:read", "operator:write", "operator:money"}


async def test_an_operator_token_with_scopes_of_its_own_has_no_others(operator: TokenOwner) -> None:
    token, secret = await operator.create(
        kind="operator", scopes=["operator:write", "operator:read"]
    )

    assert token.scopes == ("operator:read", "operator:write")
    found = await operator.principal(secret)
    assert found.scopes == {"operator:read", "operator:write"}


async def test_an_operator_token_may_what_its_account_may(operator: TokenOwner) -> None:
    secrets = [
        (await operator.create(kind="operator", scopes=scopes))[1]
        for scopes in ([], ["operator:read"])
    ]

    await operator.be_operator(is_operator=False)

    assert [(await operator.principal(one)).scopes for one in secrets] == [frozenset()] * 2
    with pytest.raises(ScopeMissing, match="operators' accounts"):
        await operator.create(kind="operator")


async def test_a_system_token_takes_no_scopes(token_owner: TokenOwner) -> None:
    with pytest.raises(InvalidInput, match="Only an operator token"):
        await token_owner.create(scopes=["operator:read"])


async def test_no_system_token_calls_the_operators_api(operator: TokenOwner) -> None:
    _, secret = await operator.create()

    assert (await operator.principal(secret)).scopes == set(SCOPES)


async def test_operator_tokens_come_from_the_command_line_only(token_owner: TokenOwner) -> None:
    with pytest.raises(ScopeMissing):
        await token_owner.create(kind="operator", by=a_principal(token_owner, (), SCOPES))


async def test_a_sandbox_account_never_administers(database: Database, clock: FixedClock) -> None:
    sandbox = await open_shop(database, clock, is_sandbox=True)
    sandbox.environment = "staging"
    _, secret = await sandbox.create()

    assert (await sandbox.principal(secret)).scopes == frozenset(ACCOUNT_SCOPES)
    with pytest.raises(ScopeMissing):
        await sandbox.create(kind="operator")


async def test_a_token_makes_no_tokens(token_owner: TokenOwner) -> None:
    _, secret = await token_owner.create()

    with pytest.raises(ScopeMissing):
        await token_owner.create(by=await token_owner.principal(secret))


async def test_a_token_made_by_a_key_is_bound_to_it(token_owner: TokenOwner) -> None:
    root, _ = await token_owner.key(scopes=ACCOUNT_SCOPES)
    key, by_key = await token_owner.key(
        by=a_principal(token_owner, (root.id,), ACCOUNT_SCOPES),
        scopes=["keys:write", "topup:send"],
        ip_allow_list=["192.0.2.0/24"],
        approval_threshold_cents=9,
        expires_at=token_owner.clock.now_us() + 1_000_000,
    )

    token, secret = await token_owner.create(by=by_key)
    found = await token_owner.principal(secret)

    assert token.key_id == key.id
    assert (found.kind, found.credential_id) == ("system_token", token.id)
    # It spends on the caps of the key and its ancestors.
    assert (found.key_id, found.lineage) == (key.id, (key.id, root.id))
    assert found.scopes == {"keys:write", "topup:send"}
    assert [[str(net) for net in nets] for nets in found.ip_allow_lists] == [["192.0.2.0/24"]]
    assert (found.approval_threshold_cents, found.expires_at) == (9, key.expires_at)


async def test_a_bound_token_ends_with_its_key_or_an_ancestor(token_owner: TokenOwner) -> None:
    root, by_root = await token_owner.key(scopes=ACCOUNT_SCOPES)
    end = token_owner.clock.now_us() + 1_000_000
    child, by_child = await token_owner.key(by=by_root, scopes=ACCOUNT_SCOPES, expires_at=end)
    _, of_root = await token_owner.create(by=by_root)
    _, of_child = await token_owner.create(by=by_child)

    token_owner.clock.advance_s(1)
    assert await token_owner.look_up(of_child) == Refusal("expired", child.id)
    await token_owner.principal(of_root)
    await token_owner.database.transaction(
        lambda tx: api_key.revoke(
            tx, token_owner.tenant, root.id, asker=None, now_us=token_owner.clock.now_us()
        )
    )
    assert await token_owner.look_up(of_root) == Refusal("revoked", root.id)


async def test_a_token_bound_to_a_key_that_is_gone_works_no_longer(token_owner: TokenOwner) -> None:
    _, by_key = await token_owner.key(scopes=ACCOUNT_SCOPES)
    _, secret = await token_owner.create(by=by_key)

    async def lose(tx: Transaction) -> None:
        await tx.execute("DELETE FROM api_keys")

    await token_owner.database.transaction(lose)

    assert await token_owner.look_up(secret) == Refusal("revoked")


async def test_a_revoked_token_stays_revoked_since_the_first_time(token_owner: TokenOwner) -> None:
    token, secret = await token_owner.create()
    first = token_owner.clock.now_us()

    await token_owner.revoke(token.id)
    token_owner.clock.advance_s(9)

    assert (await token_owner.revoke(token.id)).revoked_at == first
    assert await token_owner.look_up(secret) == Refusal("revoked")
    assert await token_owner.look_up(token_format.new_token("system_token", "live")) is None


async def test_tokens_are_listed_newest_first_by_kind_and_pages(token_owner: TokenOwner) -> None:
    await token_owner.be_operator(is_operator=True)
    ids = [(await token_owner.create(f"token {number}"))[0].id for number in range(3)]
    operator, _ = await token_owner.create("operator", kind="operator")

    assert await token_owner.names(limit=2) == ["token 2", "token 1"]
    assert await token_owner.names(before_id=ids[1]) == ["token 0"]
    assert await token_owner.names(kind="operator") == ["operator"]
    with pytest.raises(NotFound):
        await token_owner.revoke(operator.id)
    assert (await token_owner.revoke(operator.id, kind="operator")).revoked_at is not None


async def test_a_key_sees_and_ends_the_tokens_of_its_line_only(token_owner: TokenOwner) -> None:
    _, by_root = await token_owner.key(scopes=ACCOUNT_SCOPES)
    _, by_child = await token_owner.key(by=by_root, scopes=ACCOUNT_SCOPES)
    of_account, _ = await token_owner.create("account's")
    of_root, _ = await token_owner.create("root's", by=by_root)
    of_child, _ = await token_owner.create("child's", by=by_child)

    assert await token_owner.names(by_root) == ["child's", "root's"]
    assert await token_owner.names(by_child) == ["child's"]
    assert await token_owner.names() == ["child's", "root's", "account's"]
    for hidden in (of_account, of_root):
        with pytest.raises(NotFound, match="Token not found"):
            await token_owner.revoke(hidden.id, by=by_child)
    assert (await token_owner.revoke(of_child.id, by=by_root)).revoked_at is not None


async def test_another_account_or_environment_does_not_exist(
    token_owner: TokenOwner, database: Database, clock: FixedClock
) -> None:
    token, _ = await token_owner.create()
    other = await open_shop(database, clock)

    assert await other.names() == []
    with pytest.raises(NotFound):
        await other.revoke(token.id)
    staging = Tenant(token_owner.account_id, "staging")
    assert await database.read(lambda tx: access_token.list_tokens(tx, staging)) == []


async def test_an_account_has_at_most_a_hundred_live_tokens(token_owner: TokenOwner) -> None:
    for _ in range(100):
        token, _ = await token_owner.create()

    with pytest.raises(KeyLimitReached):
        await token_owner.create()
    await token_owner.revoke(token.id)
    await token_owner.create()


async def test_a_token_has_a_name(token_owner: TokenOwner) -> None:
    with pytest.raises(InvalidInput):
        await token_owner.create("")


async def test_use_is_noted_by_the_minute(token_owner: TokenOwner) -> None:
    token, _ = await token_owner.create()
    token_owner.clock.advance_s(61)

    async def mark() -> int:
        return await token_owner.database.transaction(
            lambda tx: access_token.mark_used(tx, [token.id], now_us=token_owner.clock.now_us())
        )

    assert (await mark(), await mark()) == (1, 0)
    (stored,) = await token_owner.database.read(
        lambda tx: access_token.list_tokens(tx, token_owner.tenant)
    )
    assert stored == replace(token, last_used_at=token.created_at + 60_000_000)


@pytest.mark.fixed_clock
async def test_a_token_of_a_rotated_secret_ends_with_that_secrets_overlap(
    database: Database, clock: FixedClock
) -> None:
    token_owner = await open_shop(database, clock)
    key, principal = await token_owner.key(scopes=("topup:read",))
    _, old = await token_owner.create(by=principal)
    clock.advance_s(1)
    await database.transaction(
        lambda tx: api_key.rotate(
            tx, token_owner.tenant, key.id, overlap_s=60, asker=None, now_us=clock.now_us()
        )
    )
    by_old = replace(principal, expires_at=clock.now_us() + 60_000_000)
    with pytest.raises(ScopeMissing):
        await token_owner.create(by=by_old)
    clock.advance_s(1)
    _, new = await token_owner.create(by=principal)

    clock.advance_s(58)
    during = await token_owner.look_up(old)
    clock.advance_s(1)
    after = await token_owner.look_up(old)
    fresh = await token_owner.look_up(new)

    assert isinstance(during, Principal)
    assert after == Refusal("revoked")
    assert isinstance(fresh, Principal)
