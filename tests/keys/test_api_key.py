"""API keys: minting, lineage, change, rotation, revocation. Times are microseconds."""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from keys import api_key, key_grant, key_principal, token_format
from keys.account import create_account, lock_scopes
from keys.api_key import ApiKey, KeyChanges, KeyState, NewKey
from keys.key_grant import KeyLimitReached
from keys.lineage import Refusal
from keys.principal import (
    ACCOUNT_SCOPES,
    DEFAULT_SCOPES,
    SCOPES,
    Environment,
    Principal,
    Scope,
    ScopeMissing,
)
from store.db import Database, Transaction

ALL = tuple(ACCOUNT_SCOPES)


@dataclass
class Shop:
    """One account, and short ways to use its keys."""

    database: Database
    clock: FixedClock
    account_id: str
    environment: Environment = "staging"

    @property
    def scope(self) -> Scope:
        return (self.account_id, self.environment)

    async def mint(
        self, name: str = "key", *, by: Principal | None = None, **fields: Any
    ) -> tuple[ApiKey, str]:
        async def work(tx: Transaction) -> tuple[ApiKey, str]:
            await lock_scopes(tx, [self.scope])
            return await api_key.mint(
                tx,
                account_id=self.account_id,
                environment=self.environment,
                parent=by,
                new=NewKey(name=name, **fields),
                now_us=self.clock.now_us(),
            )

        return await self.database.transaction(work)

    async def look_up(self, secret: str) -> Principal | Refusal | None:
        digest = token_format.digest(secret)
        found = await self.database.read(
            lambda tx: key_principal.load_principals(tx, [digest], now_us=self.clock.now_us())
        )
        return found.get(digest)

    async def principal(self, secret: str) -> Principal:
        found = await self.look_up(secret)
        assert isinstance(found, Principal)
        return found

    async def minted(
        self, name: str = "key", *, by: Principal | None = None, **fields: Any
    ) -> tuple[ApiKey, Principal]:
        key, secret = await self.mint(name, by=by, **fields)
        return key, await self.principal(secret)

    async def patch(self, key_id: str, *, by: Principal | None = None, **fields: Any) -> ApiKey:
        return await self.database.transaction(
            lambda tx: api_key.patch(
                tx,
                self.scope,
                key_id,
                changes=KeyChanges(**fields),
                asker=by,
                now_us=self.clock.now_us(),
            )
        )

    async def rotate(
        self, key_id: str, *, by: Principal | None = None, overlap_s: int = 0
    ) -> tuple[ApiKey, str]:
        return await self.database.transaction(
            lambda tx: api_key.rotate(
                tx,
                self.scope,
                key_id,
                overlap_s=overlap_s,
                asker=by,
                now_us=self.clock.now_us(),
            )
        )

    async def revoke(self, key_id: str, *, by: Principal | None = None) -> ApiKey:
        return await self.database.transaction(
            lambda tx: api_key.revoke(tx, self.scope, key_id, asker=by, now_us=self.clock.now_us())
        )

    async def names(self, viewer: Principal | None = None) -> list[str]:
        keys = await self.database.read(
            lambda tx: api_key.list_keys(tx, self.scope, viewer=viewer, limit=200)
        )
        return [key.name for key in keys]


async def open_shop(
    database: Database, clock: FixedClock, *, is_operator: bool = False, is_sandbox: bool = False
) -> Shop:
    account_id = await database.transaction(
        lambda tx: create_account(
            tx,
            name="Shop",
            email=None if is_sandbox else f"{clock.now_us()}@example.com",
            is_operator=is_operator,
            is_sandbox=is_sandbox,
            now_us=clock.now_us(),
        )
    )
    return Shop(database, clock, account_id)


@pytest.fixture
async def shop(database: Database, clock: FixedClock) -> Shop:
    return await open_shop(database, clock)


def a_session(shop: Shop, scopes: tuple[str, ...] = ALL) -> Principal:
    return Principal(
        account_id=shop.account_id,
        environment=shop.environment,
        kind="session",
        credential_id="ses_1",
        key_id=None,
        lineage=(),
        scopes=frozenset(scopes),
        ip_allow_lists=(),
        expires_at=None,
        is_sandbox=False,
        approval_threshold_cents=None,
        account_email=None,
    )


# Minting


async def test_a_key_is_what_was_asked_for(shop: Shop) -> None:
    end = shop.clock.now_us() + 1

    key, secret = await shop.mint(
        " Till ",
        scopes=["topup:read", "topup:send", "topup:read"],
        ip_allow_list=["192.0.2.7", "::ffff:10.0.0.0/104", "2001:DB8::/32", "192.0.2.7/32"],
        per_call_cents=1,
        per_day_cents=2,
        per_month_cents=3,
        approval_threshold_cents=0,
        expires_at=end,
    )

    assert token_format.parse(secret) == token_format.ParsedToken("key", "staging")
    assert re.fullmatch(r"key_[0-9A-Za-z]{16}", key.id)
    assert key == ApiKey(
        id=key.id,
        account_id=key.account_id,
        environment="staging",
        parent_id=None,
        lineage=(),
        name="Till",
        scopes=("topup:send", "topup:read"),
        ip_allow_list=("192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32"),
        per_call_cents=1,
        per_day_cents=2,
        per_month_cents=3,
        approval_threshold_cents=0,
        expires_at=end,
        prefix=secret[:16],
        last4=secret[-4:],
        created_at=shop.clock.now_us(),
        last_used_at=None,
        revoked_at=None,
    )
    stored = await shop.database.read(lambda tx: api_key.get(tx, shop.scope, key.id))
    assert stored == key


async def test_of_a_secret_only_its_sha256_is_stored(shop: Shop) -> None:
    key, secret = await shop.mint()

    async def everything(tx: Transaction) -> str:
        keys = await tx.fetch("SELECT * FROM api_keys")
        secrets = await tx.fetch("SELECT * FROM api_key_secrets")
        assert [row["digest"] for row in secrets] == [hashlib.sha256(secret.encode()).hexdigest()]
        return repr([[tuple(row) for row in rows] for rows in (keys, secrets)])  # type: ignore[arg-type]

    assert secret[16:-4] not in await shop.database.read(everything)
    assert secret not in repr(key)


async def test_an_unnamed_scope_is_not_held(shop: Shop) -> None:
    default, _ = await shop.mint()
    one, _ = await shop.mint(scopes=["topup:read"])

    assert default.scopes == DEFAULT_SCOPES
    assert one.scopes == ("topup:read",)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["topup:send", "topup:sned"]}, "scopes"),
        ({"ip_allow_list": ["192.0.2.1/24"]}, "ip_allow_list"),
        ({"ip_allow_list": ["nonsense"]}, "ip_allow_list"),
        ({"ip_allow_list": [""]}, "ip_allow_list"),
        ({"ip_allow_list": ["fe80::1%eth0"]}, "ip_allow_list"),
        ({"ip_allow_list": ["1" * 1000]}, "ip_allow_list"),
        ({"ip_allow_list": ["192.0.2.1"] * 101}, "ip_allow_list"),
        ({"per_call_cents": -1}, "per_call_cents"),
        ({"per_day_cents": 10**13 + 1}, "per_day_cents"),
        ({"per_month_cents": 2**63}, "per_month_cents"),
        ({"approval_threshold_cents": -1}, "approval_threshold_cents"),
        ({"expires_at": 0}, "expires_at"),
        ({"expires_at": 2**63 - 1}, "expires_at"),
    ],
)
async def test_fields_outside_the_rules_are_refused_at_mint_and_at_change(
    shop: Shop, fields: dict[str, Any], param: str
) -> None:
    key, _ = await shop.mint()

    with pytest.raises(InvalidInput) as minting:
        await shop.mint(**fields)
    with pytest.raises(InvalidInput) as changing:
        await shop.patch(key.id, **fields)

    assert (minting.value.param, changing.value.param) == (param, param)
    assert await shop.names() == ["key"]


async def test_a_key_must_end_after_now(shop: Shop) -> None:
    with pytest.raises(InvalidInput):
        await shop.mint(expires_at=shop.clock.now_us())


async def test_a_session_mints_parentless_keys(shop: Shop) -> None:
    key, _ = await shop.mint(by=a_session(shop))

    assert (key.parent_id, key.lineage) == (None, ())


@pytest.mark.parametrize("kind", ["system_token", "operator_token"])
async def test_a_token_without_a_key_mints_nothing(shop: Shop, kind: Any) -> None:
    token = a_session(shop)
    token = Principal(
        **{name: getattr(token, name) for name in Principal.__slots__} | {"kind": kind}
    )

    with pytest.raises(ScopeMissing):
        await shop.mint(by=token)


async def test_a_key_mints_its_child(shop: Shop) -> None:
    root, by_root = await shop.minted("root", scopes=ALL)
    child, by_child = await shop.minted("child", by=by_root, scopes=["keys:write", "topup:read"])
    grandchild, by_grandchild = await shop.minted("grandchild", by=by_child)

    assert (child.parent_id, child.lineage) == (root.id, (root.id,))
    assert (grandchild.parent_id, grandchild.lineage) == (child.id, (child.id, root.id))
    assert by_grandchild.lineage == (grandchild.id, child.id, root.id)
    # The default scopes, as far as the parent has them.
    assert grandchild.scopes == ("topup:read",)


@pytest.mark.parametrize("scopes", [["topup:send"], ["keys:write", "topup:send"], ["admin"]])
async def test_a_child_is_given_only_what_its_parent_has(shop: Shop, scopes: list[str]) -> None:
    _, parent = await shop.minted(scopes=["keys:write", "topup:read"])

    with pytest.raises(ScopeMissing):
        await shop.mint(by=parent, scopes=scopes)

    assert await shop.names() == ["key"]


async def test_a_lineage_has_at_most_eight_keys(shop: Shop) -> None:
    assert key_grant.LINEAGE_KEYS_MAX == 8
    by = None
    for _ in range(8):
        _, by = await shop.minted(by=by, scopes=ALL)

    with pytest.raises(KeyLimitReached) as refused:
        await shop.mint(by=by, scopes=ALL)

    assert refused.value.extra == {"limit": 8}


async def test_an_account_has_at_most_a_thousand_live_keys(shop: Shop) -> None:
    key, _ = await shop.mint()

    async def fill(tx: Transaction) -> None:
        columns = (
            "id",
            "account_id",
            "environment",
            "lineage",
            "name",
            "scopes",
            "ip_allow_list",
            "prefix",
            "last4",
            "created_at",
        )
        rows = [
            (f"key_{n:016}", *shop.scope, "", "n", "topup:read", "", "", "", 0) for n in range(999)
        ]
        await tx.insert("api_keys", columns, rows)

    await shop.database.transaction(fill)

    with pytest.raises(KeyLimitReached):
        await shop.mint()
    await shop.revoke(key.id)
    await shop.mint()


# admin


async def test_admin_is_for_parentless_keys_of_operator_accounts(
    database: Database, clock: FixedClock
) -> None:
    operator = await open_shop(database, clock, is_operator=True)
    _, admin = await operator.minted(scopes=SCOPES)

    assert admin.scopes == frozenset(SCOPES)
    with pytest.raises(ScopeMissing):
        await operator.mint(by=admin, scopes=["admin"])
    _, child = await operator.minted(by=admin, scopes=ALL)
    assert "admin" not in child.scopes


async def test_admin_is_not_for_other_accounts(shop: Shop) -> None:
    with pytest.raises(ScopeMissing):
        await shop.mint(scopes=["admin"])


async def test_admin_cannot_be_added_to_a_child_by_anyone(
    database: Database, clock: FixedClock
) -> None:
    operator = await open_shop(database, clock, is_operator=True)
    _, admin = await operator.minted(scopes=SCOPES)
    child, _ = await operator.minted(by=admin, scopes=["topup:read"])

    for by in (None, admin, a_session(operator, SCOPES)):
        with pytest.raises(ScopeMissing):
            await operator.patch(child.id, by=by, scopes=["admin"])


async def test_admin_ends_when_the_account_is_an_operator_no_more(
    database: Database, clock: FixedClock
) -> None:
    operator = await open_shop(database, clock, is_operator=True)
    _, secret = await operator.mint(scopes=["admin", "topup:read"])

    async def demote(tx: Transaction) -> None:
        await tx.execute("UPDATE accounts SET is_operator = 0")

    await database.transaction(demote)

    assert (await operator.principal(secret)).scopes == {"topup:read"}


# Seeing


async def test_keys_are_listed_newest_first_by_pages(shop: Shop) -> None:
    for number in range(5):
        await shop.mint(f"key {number}")

    async def page(before_id: str | None) -> list[ApiKey]:
        return await shop.database.read(
            lambda tx: api_key.list_keys(tx, shop.scope, before_id=before_id, limit=2)
        )

    first = await page(None)
    second = await page(first[-1].id)
    third = await page(second[-1].id)

    assert [[key.name for key in each] for each in (first, second, third)] == [
        ["key 4", "key 3"],
        ["key 2", "key 1"],
        ["key 0"],
    ]
    assert await page(third[-1].id) == []


async def test_a_key_sees_itself_and_its_descendants(shop: Shop) -> None:
    _, root = await shop.minted("root", scopes=ALL)
    child, by_child = await shop.minted("child", by=root, scopes=ALL)
    sibling, _ = await shop.minted("sibling", by=root, scopes=ALL)
    await shop.mint("grandchild", by=by_child, scopes=ALL)
    await shop.mint("stranger")

    assert await shop.names(root) == ["grandchild", "sibling", "child", "root"]
    assert await shop.names(by_child) == ["grandchild", "child"]
    assert await shop.names(a_session(shop)) == [
        "stranger",
        "grandchild",
        "sibling",
        "child",
        "root",
    ]
    seen = await shop.database.read(
        lambda tx: api_key.get(tx, shop.scope, child.id, viewer=by_child)
    )
    assert seen == child
    with pytest.raises(NotFound):
        await shop.database.read(
            lambda tx: api_key.get(tx, shop.scope, sibling.id, viewer=by_child)
        )


async def test_another_account_or_environment_does_not_exist(
    shop: Shop, database: Database, clock: FixedClock
) -> None:
    clock.advance_s(1)
    other = await open_shop(database, clock)
    key, _ = await shop.mint()
    live = Shop(database, clock, shop.account_id, "live")

    for stranger in (other, live):
        assert await stranger.names() == []
        with pytest.raises(NotFound, match="Key not found"):
            await database.read(lambda tx, s=stranger: api_key.get(tx, s.scope, key.id))  # type: ignore[misc]
        with pytest.raises(NotFound):
            await stranger.patch(key.id, name="mine")
        with pytest.raises(NotFound):
            await stranger.revoke(key.id)
        with pytest.raises(NotFound):
            await stranger.rotate(key.id)


# Changing


async def test_what_is_not_named_stays(shop: Shop) -> None:
    key, _ = await shop.mint("before", per_day_cents=5, ip_allow_list=["192.0.2.1"])

    patched = await shop.patch(key.id, name="after", per_day_cents=None, ip_allow_list=[])
    unchanged = await shop.patch(key.id)

    assert (patched.name, patched.per_day_cents, patched.ip_allow_list) == ("after", None, ())
    assert patched.scopes == key.scopes
    assert unchanged == patched


async def test_a_key_changes_its_descendants_only(shop: Shop) -> None:
    root, by_root = await shop.minted("root", scopes=ALL)
    child, by_child = await shop.minted("child", by=by_root, scopes=ALL)
    sibling, _ = await shop.minted("sibling", by=by_root, scopes=ALL)
    grandchild, _ = await shop.minted("grandchild", by=by_child, scopes=ALL)
    stranger, _ = await shop.minted("stranger", scopes=ALL)

    for key in (child, sibling, root, stranger):
        with pytest.raises(ScopeMissing):
            await shop.patch(key.id, by=by_child, name="mine")
        with pytest.raises(ScopeMissing):
            await shop.rotate(key.id, by=by_child)
        with pytest.raises(ScopeMissing):
            await shop.revoke(key.id, by=by_child)

    assert (await shop.patch(grandchild.id, by=by_root, name="ours")).name == "ours"
    assert (await shop.rotate(grandchild.id, by=by_child))[0].id == grandchild.id
    assert (await shop.revoke(child.id, by=by_root)).revoked_at == shop.clock.now_us()


async def test_a_key_adds_no_scope_that_it_lacks(shop: Shop) -> None:
    _, by_root = await shop.minted("root", scopes=["keys:write", "topup:read"])
    child, _ = await shop.minted("child", by=by_root, scopes=["topup:read"])

    with pytest.raises(ScopeMissing):
        await shop.patch(child.id, by=by_root, scopes=["topup:read", "topup:send"])

    assert (await shop.patch(child.id, by=by_root, scopes=["keys:write"])).scopes == ("keys:write",)


async def test_what_a_parent_loses_its_child_loses(shop: Shop) -> None:
    root, by_root = await shop.minted("root", scopes=ALL)
    _, secret = await shop.mint("child", by=by_root, scopes=["topup:send", "topup:read"])

    await shop.patch(
        root.id,
        scopes=["topup:read", "keys:write"],
        ip_allow_list=["192.0.2.0/24"],
        approval_threshold_cents=70,
    )
    child = await shop.principal(secret)

    assert child.scopes == {"topup:read"}
    assert [[str(net) for net in nets] for nets in child.ip_allow_lists] == [["192.0.2.0/24"]]
    assert child.approval_threshold_cents == 70


async def test_a_revoked_key_is_not_changed(shop: Shop) -> None:
    key, _ = await shop.mint()
    await shop.revoke(key.id)

    with pytest.raises(InvalidInput):
        await shop.patch(key.id, name="again")
    with pytest.raises(InvalidInput):
        await shop.rotate(key.id)


# Revoking and ending


async def test_a_revoked_key_stays_revoked_since_the_first_time(shop: Shop) -> None:
    key, secret = await shop.mint()
    first = shop.clock.now_us()

    await shop.revoke(key.id)
    shop.clock.advance_s(5)
    again = await shop.revoke(key.id)

    assert again.revoked_at == first
    assert await shop.look_up(secret) == Refusal("revoked")


async def test_revoking_a_grandparent_stops_the_grandchild(shop: Shop) -> None:
    root, by_root = await shop.minted("root", scopes=ALL)
    _, by_child = await shop.minted("child", by=by_root, scopes=ALL)
    _, secret = await shop.mint("grandchild", by=by_child, scopes=ALL)
    _, other = await shop.mint("other", scopes=ALL)

    await shop.revoke(root.id)

    assert await shop.look_up(secret) == Refusal("revoked")
    await shop.principal(other)


async def test_a_key_whose_ancestor_is_missing_works_no_longer(shop: Shop) -> None:
    root, by_root = await shop.minted("root", scopes=ALL)
    _, secret = await shop.mint("child", by=by_root, scopes=ALL)

    async def lose(tx: Transaction) -> None:
        await tx.execute("DELETE FROM api_keys WHERE id = :id", id=root.id)

    await shop.database.transaction(lose)

    assert await shop.look_up(secret) == Refusal("revoked")


async def test_a_parents_end_is_its_childs_end(shop: Shop) -> None:
    end = shop.clock.now_us() + 2_000_000
    _, by_root = await shop.minted("root", scopes=ALL, expires_at=end)
    _, secret = await shop.mint("child", by=by_root, expires_at=end + 9)

    shop.clock.advance_s(1.999999)
    assert (await shop.principal(secret)).expires_at == end
    shop.clock.advance_s(0.000001)
    assert await shop.look_up(secret) == Refusal("expired")


async def test_an_unknown_digest_is_left_out(shop: Shop) -> None:
    assert await shop.look_up(token_format.new_api_key("staging")) is None


async def test_a_principal_carries_its_account(database: Database, clock: FixedClock) -> None:
    sandbox = await open_shop(database, clock, is_sandbox=True)
    shop = await open_shop(database, clock)
    key, in_sandbox = await sandbox.minted()
    _, in_shop = await shop.minted()

    assert in_sandbox == Principal(
        account_id=sandbox.account_id,
        environment="staging",
        kind="key",
        credential_id=key.id,
        key_id=key.id,
        lineage=(key.id,),
        scopes=frozenset(DEFAULT_SCOPES),
        ip_allow_lists=(),
        expires_at=None,
        is_sandbox=True,
        approval_threshold_cents=None,
        account_email=None,
    )
    assert in_shop.account_email == f"{clock.now_us()}@example.com"
    assert in_shop.scope == (shop.account_id, "staging")


async def test_loading_is_two_statements_for_any_number_of_keys(shop: Shop) -> None:
    _, by_root = await shop.minted("root", scopes=ALL)
    secrets = [(await shop.mint(by=by_root))[1] for _ in range(30)]
    digests = [token_format.digest(secret) for secret in secrets]

    async def load(wanted: list[str]) -> int:
        before = shop.database.statements_run
        await shop.database.read(
            lambda tx: key_principal.load_principals(tx, wanted, now_us=shop.clock.now_us())
        )
        return shop.database.statements_run - before

    assert await load(digests[:1]) == await load(digests) == await load([]) + 2


# Rotation


async def test_rotation_keeps_the_key_and_ends_the_old_secret(shop: Shop) -> None:
    root, by_root = await shop.minted("root", scopes=ALL)
    key, old = await shop.mint("key", by=by_root, per_day_cents=5)

    rotated, new = await shop.rotate(key.id)

    assert (rotated.id, rotated.lineage, rotated.per_day_cents) == (key.id, (root.id,), 5)
    assert (rotated.prefix, rotated.last4) == (new[:16], new[-4:])
    assert await shop.look_up(old) == Refusal("expired")
    assert (await shop.principal(new)).key_id == key.id


async def test_an_overlap_ends_at_its_exact_microsecond(shop: Shop) -> None:
    key, old = await shop.mint()
    end = shop.clock.now_us() + 60_000_000

    _, new = await shop.rotate(key.id, overlap_s=60)

    assert (await shop.principal(old)).expires_at == end
    shop.clock.advance_s(59.999999)
    assert (await shop.principal(old)).expires_at == end
    shop.clock.advance_s(0.000001)
    assert shop.clock.now_us() == end
    assert await shop.look_up(old) == Refusal("expired")
    assert (await shop.principal(new)).expires_at is None


async def test_the_earlier_of_overlap_and_expiry_ends_the_old_secret(shop: Shop) -> None:
    end = shop.clock.now_us() + 30_000_000
    key, old = await shop.mint(expires_at=end)

    _, new = await shop.rotate(key.id, overlap_s=60)

    assert (await shop.principal(old)).expires_at == end
    assert (await shop.principal(new)).expires_at == end


async def test_a_second_rotation_leaves_two_secrets_at_most(shop: Shop) -> None:
    key, first = await shop.mint()
    _, second = await shop.rotate(key.id, overlap_s=3600)
    _, third = await shop.rotate(key.id, overlap_s=60)

    assert await shop.look_up(first) is None
    assert (await shop.principal(second)).expires_at == shop.clock.now_us() + 60_000_000
    await shop.principal(third)


async def test_an_emergency_rotation_ends_every_older_secret(shop: Shop) -> None:
    key, first = await shop.mint()
    _, second = await shop.rotate(key.id, overlap_s=3600)

    _, third = await shop.rotate(key.id)

    assert not isinstance(await shop.look_up(first), Principal)
    assert not isinstance(await shop.look_up(second), Principal)
    await shop.principal(third)


@pytest.mark.parametrize("overlap_s", [-1, 30 * 86_400 + 1, 2**63])
async def test_an_overlap_outside_thirty_days_is_refused(shop: Shop, overlap_s: int) -> None:
    key, secret = await shop.mint()

    with pytest.raises(InvalidInput) as refused:
        await shop.rotate(key.id, overlap_s=overlap_s)

    assert refused.value.param == "overlap_s"
    await shop.principal(secret)


async def test_rotations_at_once_leave_one_newest_secret(shop: Shop) -> None:
    key, first = await shop.mint()

    rotated = await asyncio.gather(*(shop.rotate(key.id) for _ in range(8)))

    secrets = [first, *(secret for _, secret in rotated)]
    found = [await shop.look_up(secret) for secret in secrets]
    working = [s for s, each in zip(secrets, found, strict=True) if isinstance(each, Principal)]
    stored = await shop.database.read(lambda tx: api_key.get(tx, shop.scope, key.id))
    assert len(working) == 1
    assert stored.last4 == working[0][-4:]


# States and use


async def test_states_of_a_lineage_are_one_statement(shop: Shop) -> None:
    end = shop.clock.now_us() + 1
    root, by_root = await shop.minted("root", scopes=ALL, per_month_cents=7, expires_at=end)
    child, _ = await shop.mint("child", by=by_root, per_call_cents=1, per_day_cents=2)

    before = shop.database.statements_run
    states = await shop.database.read(
        lambda tx: api_key.load_key_states(tx, [child.id, root.id, "key_none"])
    )

    assert shop.database.statements_run - before == 3  # BEGIN, the statement, the end
    assert states == {
        child.id: KeyState(child.id, *shop.scope, None, None, 1, 2, None, None),
        root.id: KeyState(root.id, *shop.scope, None, end, None, None, 7, None),
    }
    assert await shop.database.read(lambda tx: api_key.load_key_states(tx, [])) == {}
    assert states[root.id].is_usable(end - 1)
    assert not states[root.id].is_usable(end)
    assert not KeyState("k", "a", "live", 1, None, None, None, None, None).is_usable(0)


async def test_use_is_noted_by_the_minute(shop: Shop) -> None:
    key, _ = await shop.mint()
    noon = shop.clock.now_us()

    async def mark() -> int:
        return await shop.database.transaction(
            lambda tx: api_key.mark_used(tx, [key.id, "key_none"], now_us=shop.clock.now_us())
        )

    shop.clock.advance_s(59)
    assert await mark() == 1
    assert await mark() == 0
    stored = await shop.database.read(lambda tx: api_key.get(tx, shop.scope, key.id))
    assert stored.last_used_at == noon
    shop.clock.advance_s(1)
    assert await mark() == 1
