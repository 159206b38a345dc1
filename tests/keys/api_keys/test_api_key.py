"""API keys: minting, lineage, lists. Times are microseconds."""

import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from keys import token_format
from keys.api_keys import api_key, grantable as key_grant
from keys.api_keys.api_key import ApiKey
from keys.api_keys.grantable import KeyLimitReached
from keys.principal import (
    ACCOUNT_SCOPES,
    DEFAULT_SCOPES,
    SCOPES,
    ScopeMissing,
)
from store.database import Database, Transaction
from tests.support.key_owner import ALL, KeyOwner, a_session, open_key_owner


async def test_a_key_is_what_was_asked_for(key_owner: KeyOwner) -> None:
    end = key_owner.clock.now_us() + 1

    key, secret = await key_owner.mint(
        " Till ",
        scopes=["topup:read", "topup:send", "topup:read"],
        ip_allow_list=["192.0.2.7", "::ffff:10.0.0.0/104", "2001:DB8::/32", "192.0.2.7/32"],
        per_call_cents=1,
        per_day_cents=2,
        per_month_cents=3,
        approval_threshold_cents=0,
        approval_above_per_day_cents=4,
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
        approval_above_per_day_cents=4,
        expires_at=end,
        prefix=secret[:16],
        last4=secret[-4:],
        created_at=key_owner.clock.now_us(),
        last_used_at=None,
        revoked_at=None,
    )
    stored = await key_owner.database.read(lambda tx: api_key.get(tx, key_owner.tenant, key.id))
    assert stored == key


async def test_of_a_secret_only_its_sha256_is_stored(key_owner: KeyOwner) -> None:
    key, secret = await key_owner.mint()

    async def everything(tx: Transaction) -> str:
        keys = await tx.fetch("SELECT * FROM api_keys")
        secrets = await tx.fetch("SELECT * FROM api_key_secrets")
        assert [row["digest"] for row in secrets] == [hashlib.sha256(secret.encode()).hexdigest()]
        return repr([[tuple(row) for row in rows] for rows in (keys, secrets)])

    assert secret[16:-4] not in await key_owner.database.read(everything)
    assert secret not in repr(key)


async def test_an_unnamed_scope_is_not_held(key_owner: KeyOwner) -> None:
    default, _ = await key_owner.mint()
    one, _ = await key_owner.mint(scopes=["topup:read"])

    child, _ = await key_owner.mint(by=a_session(key_owner))

    assert default.scopes == ACCOUNT_SCOPES  # of the command line
    assert child.scopes == DEFAULT_SCOPES
    assert one.scopes == ("topup:read",)


@pytest.mark.one_database
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
    key_owner: KeyOwner, fields: dict[str, Any], param: str
) -> None:
    key, _ = await key_owner.mint()

    with pytest.raises(InvalidInput) as minting:
        await key_owner.mint(**fields)
    with pytest.raises(InvalidInput) as changing:
        await key_owner.patch(key.id, **fields)

    assert (minting.value.param, changing.value.param) == (param, param)
    assert await key_owner.names() == ["key"]


async def test_a_key_must_end_after_now(key_owner: KeyOwner) -> None:
    with pytest.raises(InvalidInput):
        await key_owner.mint(expires_at=key_owner.clock.now_us())


async def test_a_session_mints_parentless_keys(key_owner: KeyOwner) -> None:
    key, _ = await key_owner.mint(by=a_session(key_owner))

    assert (key.parent_id, key.lineage) == (None, ())


@pytest.mark.parametrize("kind", ["system_token", "operator_token"])
async def test_a_token_without_a_key_mints_nothing(key_owner: KeyOwner, kind: Any) -> None:
    token = replace(a_session(key_owner), kind=kind)

    with pytest.raises(ScopeMissing):
        await key_owner.mint(by=token)


async def test_a_key_mints_its_child(key_owner: KeyOwner) -> None:
    root, by_root = await key_owner.minted("root", scopes=ALL)
    child, by_child = await key_owner.minted(
        "child", by=by_root, scopes=["keys:write", "topup:read"]
    )
    grandchild, by_grandchild = await key_owner.minted("grandchild", by=by_child)

    assert (child.parent_id, child.lineage) == (root.id, (root.id,))
    assert (grandchild.parent_id, grandchild.lineage) == (child.id, (child.id, root.id))
    assert by_grandchild.lineage == (grandchild.id, child.id, root.id)
    # The default scopes, as far as the parent has them.
    assert grandchild.scopes == ("topup:read",)


@pytest.mark.parametrize("scopes", [["topup:send"], ["keys:write", "topup:send"], ["admin"]])
async def test_a_child_is_given_only_what_its_parent_has(
    key_owner: KeyOwner, scopes: list[str]
) -> None:
    _, parent = await key_owner.minted(scopes=["keys:write", "topup:read"])

    with pytest.raises(ScopeMissing):
        await key_owner.mint(by=parent, scopes=scopes)

    assert await key_owner.names() == ["key"]


async def test_a_lineage_has_at_most_eight_keys(key_owner: KeyOwner) -> None:
    assert key_grant.LINEAGE_KEYS_MAX == 8
    by = None
    for _ in range(8):
        _, by = await key_owner.minted(by=by, scopes=ALL)

    with pytest.raises(KeyLimitReached) as refused:
        await key_owner.mint(by=by, scopes=ALL)

    assert refused.value.extra == {"limit": 8}


async def test_an_account_has_at_most_a_thousand_live_keys(key_owner: KeyOwner) -> None:
    key, _ = await key_owner.mint()

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
            (f"key_{n:016}", *key_owner.tenant, "", "n", "topup:read", "", "", "", 0)
            for n in range(999)
        ]
        await tx.insert("api_keys", columns, rows)

    await key_owner.database.transaction(fill)

    with pytest.raises(KeyLimitReached):
        await key_owner.mint()
    await key_owner.revoke(key.id)
    await key_owner.mint()


# admin


async def test_admin_is_for_parentless_keys_of_operator_accounts(
    database: Database, clock: FixedClock
) -> None:
    operator = await open_key_owner(database, clock, is_operator=True)
    _, admin = await operator.minted(scopes=SCOPES)

    assert admin.scopes == frozenset(SCOPES)
    with pytest.raises(ScopeMissing):
        await operator.mint(by=admin, scopes=["admin"])
    _, child = await operator.minted(by=admin, scopes=ALL)
    assert "admin" not in child.scopes


async def test_admin_is_not_for_other_accounts(key_owner: KeyOwner) -> None:
    with pytest.raises(ScopeMissing):
        await key_owner.mint(scopes=["admin"])


async def test_admin_cannot_be_added_to_a_child_by_anyone(
    database: Database, clock: FixedClock
) -> None:
    operator = await open_key_owner(database, clock, is_operator=True)
    _, admin = await operator.minted(scopes=SCOPES)
    child, _ = await operator.minted(by=admin, scopes=["topup:read"])

    for by in (None, admin, a_session(operator, SCOPES)):
        with pytest.raises(ScopeMissing):
            await operator.patch(child.id, by=by, scopes=["admin"])


async def test_admin_ends_when_the_account_is_an_operator_no_more(
    database: Database, clock: FixedClock
) -> None:
    operator = await open_key_owner(database, clock, is_operator=True)
    _, secret = await operator.mint(scopes=["admin", "topup:read"])

    async def demote(tx: Transaction) -> None:
        await tx.execute("UPDATE accounts SET is_operator = 0")

    await database.transaction(demote)

    assert (await operator.principal(secret)).scopes == {"topup:read"}


# Seeing


async def test_keys_are_listed_newest_first_by_pages(key_owner: KeyOwner) -> None:
    for number in range(5):
        await key_owner.mint(f"key {number}")

    async def page(before_id: str | None) -> list[ApiKey]:
        return await key_owner.database.read(
            lambda tx: api_key.list_keys(tx, key_owner.tenant, before_id=before_id, limit=2)
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


async def test_a_key_sees_itself_and_its_descendants(key_owner: KeyOwner) -> None:
    _, root = await key_owner.minted("root", scopes=ALL)
    child, by_child = await key_owner.minted("child", by=root, scopes=ALL)
    sibling, _ = await key_owner.minted("sibling", by=root, scopes=ALL)
    await key_owner.mint("grandchild", by=by_child, scopes=ALL)
    await key_owner.mint("stranger")

    assert await key_owner.names(root) == ["grandchild", "sibling", "child", "root"]
    assert await key_owner.names(by_child) == ["grandchild", "child"]
    assert await key_owner.names(a_session(key_owner)) == [
        "stranger",
        "grandchild",
        "sibling",
        "child",
        "root",
    ]
    seen = await key_owner.database.read(
        lambda tx: api_key.get(tx, key_owner.tenant, child.id, viewer=by_child)
    )
    assert seen == child
    with pytest.raises(NotFound):
        await key_owner.database.read(
            lambda tx: api_key.get(tx, key_owner.tenant, sibling.id, viewer=by_child)
        )


async def test_another_account_or_environment_does_not_exist(
    key_owner: KeyOwner, database: Database, clock: FixedClock
) -> None:
    clock.advance_s(1)
    other = await open_key_owner(database, clock)
    key, _ = await key_owner.mint()
    live = KeyOwner(database, clock, key_owner.account_id, "live")

    for stranger in (other, live):
        assert await stranger.names() == []
        with pytest.raises(NotFound, match="Key not found"):
            await database.read(lambda tx, s=stranger: api_key.get(tx, s.tenant, key.id))  # type: ignore[misc]
        with pytest.raises(NotFound):
            await stranger.patch(key.id, name="mine")
        with pytest.raises(NotFound):
            await stranger.revoke(key.id)
        with pytest.raises(NotFound):
            await stranger.rotate(key.id)


# Changing
