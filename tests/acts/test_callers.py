"""Which credential may call which act: every kind of caller at every act of both APIs, and every object from outside.

A call that a caller may not make is refused before its body is read, so no body is sent: what is not refused with 401 or 403
was let in.
"""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from gateway.operator_api import ACTS, PREFIX
from keys.account import set_operator
from keys.act import MERCHANT, OPERATOR, ChangingAct
from keys.principal import ACCOUNT_SCOPES, ADMIN, OperatorScope
from keys.tokens import access_token
from store.database import Transaction
from tests.acts.samples import GOOD
from tests.acts.test_every_door import Api, Shop, filled, object_of, shop
from tests.support.browser import signed_in
from tests.support.gateway import Gateway, running, settings_of
from tests.support.mcp_person import pair_of
from tests.support.oauth_agreement import agree

__all__ = ("shop",)

OPERATORS: Final = tuple(act for act in ACTS if OPERATOR in act.audience)
REFUSED: Final = {401, 403}


def path_of(prefix: str, path: str) -> str:
    return prefix + re.sub(r"\{\w+\}", "key_0000000000000000", path)


class Caller(NamedTuple):
    """The headers of one kind of caller."""

    headers: Mapping[str, str]

    @classmethod
    def bearing(cls, secret: str) -> "Caller":
        return cls({"Authorization": f"Bearer {secret}"})


async def operator_token(gateway: Gateway, account_id: str, *scopes: OperatorScope) -> Caller:
    async def work(tx: Transaction) -> str:
        _, secret = await access_token.create(
            tx,
            kind="operator",
            account_id=account_id,
            environment="live",
            name="Test",
            maker=None,
            scopes=scopes,
            now_us=gateway.context.clock.now_us(),
        )
        return secret

    return Caller.bearing(await gateway.context.database.transaction(work))


async def let_in(gateway: Gateway, caller: Caller) -> set[str]:
    """The operators' acts that the caller was not refused."""
    found = set()
    for act in OPERATORS:
        method = act.method if isinstance(act, ChangingAct) else "GET"
        answer = await gateway.client.request(
            method, path_of(PREFIX, act.path), headers=caller.headers
        )
        if answer.status_code not in REFUSED:
            found.add(act.name)
    return found


@pytest_asyncio.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    settings = settings_of(database_url, tmp_path, operator_api=["127.0.0.0/8"])
    async with running(settings) as made:
        yield made


READS: Final = {act.name for act in OPERATORS if not isinstance(act, ChangingAct)}
MONEY: Final = {act.name for act in OPERATORS if isinstance(act, ChangingAct) and act.moves_money}
WRITES: Final = {act.name for act in OPERATORS} - READS - MONEY


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (("operator:read",), READS),
        (("operator:write",), WRITES),
        (("operator:money",), MONEY),
        (("operator:read", "operator:money"), READS | MONEY),
        ((), READS | WRITES | MONEY),
    ],
)
async def test_an_operator_token_is_let_in_by_its_scopes(
    gateway: Gateway, scopes: tuple[OperatorScope, ...], expected: set[str]
) -> None:
    boss = await gateway.account(email="boss@example.com")
    await operate(gateway, boss)

    assert await let_in(gateway, await operator_token(gateway, boss, *scopes)) == expected


async def test_nobody_else_is_let_in_to_the_operators_api(gateway: Gateway) -> None:
    boss = await gateway.account(email="boss@example.com")
    await operate(gateway, boss)
    retired = await operator_token(gateway, boss)
    await operate(gateway, boss, is_operator=False)
    merchant = await gateway.account(email="merchant@example.com")
    person = await signed_in(gateway, "person@example.com")
    mcp = (await pair_of(gateway, person))["access_token"]
    agreed = await agree(gateway, scope="trusted_advanced_access")
    callers = {
        "nobody": Caller({}),
        "an operator token of an account that operates no longer": retired,
        "a key with every scope": Caller.bearing(await gateway.key(merchant)),
        "a system token": Caller.bearing(await gateway.system_token(merchant)),
        "an app": Caller.bearing(await agreed.token()),
        "an MCP client": Caller.bearing(mcp),
        "a person": Caller({"Cookie": f"topup_session={person.session}", "Origin": gateway.url}),
        "an unknown token": Caller.bearing("adm_live_0000000000000000000000"),
    }

    found = {name: await let_in(gateway, caller) for name, caller in callers.items()}

    assert not any(found.values()), found


async def test_an_operators_other_credentials_are_no_operator_token(gateway: Gateway) -> None:
    boss = await gateway.account(email="boss@example.com")
    await operate(gateway, boss)
    callers = {
        "a key that administers": Caller.bearing(
            await gateway.key(boss, scopes=(*ACCOUNT_SCOPES, ADMIN))
        ),
        "a system token": Caller.bearing(await gateway.system_token(boss)),
    }

    found = {name: await let_in(gateway, caller) for name, caller in callers.items()}

    assert not any(found.values()), found


async def operate(gateway: Gateway, account_id: str, *, is_operator: bool = True) -> None:
    await gateway.context.database.transaction(
        lambda tx: set_operator(tx, account_id, is_operator=is_operator)
    )


OWNED: Final = sorted(
    act.name
    for act in OPERATORS
    if MERCHANT in act.audience
    and ADMIN not in act.scopes
    and "{" in act.path
    and not (act.is_catalogue or act.names_account)
    and not (isinstance(act, ChangingAct) and act.session_only)
)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", OWNED)
async def test_an_object_is_not_found_from_another_account_or_environment(
    shop: Shop, name: str
) -> None:
    act = next(one for one in OPERATORS if one.name == name)
    object_id = await object_of(shop, act, "merchants")
    values = filled(GOOD[name][0].values, "merchants")
    stranger = await shop.gateway.account(email="stranger@example.com")
    outside = {
        "another account": await shop.gateway.key(stranger),
        "live": await shop.gateway.key(shop.account_id, "live"),
    }

    async def said(secret: str, named: str) -> Any:
        door = Api(shop._replace(merchant=secret, key=secret), is_operator=False)
        outcome = await door.run(act, named, values)
        return outcome.param, (outcome.detail or "").replace(named, "ID")

    found = {who: await said(secret, object_id) for who, secret in outside.items()}
    unknown = {who: await said(secret, f"{object_id[:-4]}0000") for who, secret in outside.items()}

    assert found == unknown
    assert all(detail for _, detail in found.values())
