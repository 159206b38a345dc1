"""The operators' API: tokens with scopes, and the limits, repeats and logs that merchants' calls have."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from billing.ledger.audit import audit
from gateway.http.lists import CHECK_S, CUT
from gateway.operator_api import PREFIX
from keys.account import set_operator
from keys.api_keys import api_key
from keys.api_keys.fields import NewKey
from keys.principal import Environment, OperatorScope, ScopeMissing
from keys.tokens import access_token
from store.database import Row, Transaction
from tests.acts.objects import order as order_in_review
from tests.support.gateway import Gateway, running, settings_of


class Office(NamedTuple):
    """A gateway with the operators' API, the operator's account, and a merchant's."""

    gateway: Gateway
    operator_id: str
    merchant_id: str

    async def token(
        self, *scopes: OperatorScope, environment: Environment = "staging"
    ) -> tuple[str, str]:
        """The id and the secret of an operator token with these scopes; none: all."""

        async def work(tx: Transaction) -> tuple[str, str]:
            made, secret = await access_token.create(
                tx,
                kind="operator",
                account_id=self.operator_id,
                environment=environment,
                name="Test",
                maker=None,
                scopes=scopes,
                now_us=self.gateway.context.clock.now_us(),
            )
            return made.id, secret

        return await self.gateway.context.database.transaction(work)

    async def operate(self, *, is_operator: bool) -> None:
        """Give the operator's account its role, or take it away."""
        await self.gateway.context.database.transaction(
            lambda tx: set_operator(tx, self.operator_id, is_operator=is_operator)
        )

    async def call(self, method: str, path: str, token: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        client = self.gateway.client
        return await client.request(method, PREFIX + path, headers=headers, **more)

    async def admin_key(self) -> tuple[str, str]:
        """The id and the secret of a key of the operator's account that administers, made on the machine."""

        async def work(tx: Transaction) -> tuple[str, str]:
            made, secret = await api_key.mint(
                tx,
                account_id=self.operator_id,
                environment="staging",
                parent=None,
                new=NewKey(name="Admin", scopes=["admin"]),
                now_us=self.gateway.context.clock.now_us(),
            )
            return made.id, secret

        return await self.gateway.context.database.transaction(work)

    async def findings(self) -> Sequence[Any]:
        return [one async for one in audit(self.gateway.context.database)]

    async def rows(self, text: str) -> Sequence[Row]:
        return await self.gateway.context.database.read(lambda tx: tx.fetch(text))


@pytest_asyncio.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    settings = settings_of(
        database_url, tmp_path, operator_api=["127.0.0.0/8"], rate_limit_per_s=50
    )
    async with running(settings) as gateway:
        office = Office(
            gateway,
            await gateway.account(email="boss@example.com"),
            await gateway.account(email="merchant@example.com"),
        )
        await office.operate(is_operator=True)
        yield office


async def test_a_token_does_what_its_scopes_say(office: Office) -> None:
    _, whole = await office.token()
    _, reads = await office.token("operator:read")
    _, writes = await office.token("operator:write")
    _, money = await office.token("operator:money")
    account = {"account": office.merchant_id}

    async def statuses(method: str, path: str, **more: Any) -> list[int]:
        return [
            (await office.call(method, path, token, **more)).status_code
            for token in (whole, reads, writes, money)
        ]

    listed = await statuses("GET", "/tokens", params=account)
    disabled = await statuses("POST", "/packs/pack_pro/disable")
    # What can spend is worth what it may spend.
    tokens = await statuses("POST", "/tokens", params=account, json={"kind": "system"})
    keys = await statuses("POST", "/keys", params=account, json={"name": "k"})
    coupons = await statuses("POST", "/coupons/NONE/enable")
    refused = (await office.call("POST", "/keys", writes, params=account, json={})).json()

    assert listed == [200, 200, 403, 403]
    assert disabled == [200, 403, 200, 403]
    assert tokens == [201, 403, 403, 201]
    assert keys == [201, 403, 403, 201]
    assert coupons == [404, 403, 403, 404]
    assert (refused["code"], refused["data"]["error"]["required_scopes"]) == (
        2009,
        ["operator:money"],
    )


async def test_no_operator_token_makes_or_widens_a_key_to_admin(office: Office) -> None:
    _, whole = await office.token()
    account = {"account": office.operator_id}
    body = {"name": "k", "scopes": ["admin"]}
    key = (await office.call("POST", "/keys", whole, params=account, json={"name": "k"})).json()

    made = await office.call("POST", "/keys", whole, params=account, json=body)
    widened = await office.call(
        "PATCH", f"/keys/{key['data']['id']}", whole, json={"scopes": ["admin"]}
    )

    assert [made.status_code, widened.status_code] == [403, 403]


async def test_no_operator_token_gets_hold_of_what_administers(office: Office) -> None:
    """A key with the scope admin, or a system token of an operator's account, outlives the token."""
    _, money = await office.token("operator:money", "operator:write")
    admin, _ = await office.admin_key()
    params = {"account": office.operator_id}

    rotated = await office.call("POST", f"/keys/{admin}/rotate", money)
    changed = await office.call("PATCH", f"/keys/{admin}", money, json={"ip_allow_list": []})
    paused = await office.call("POST", f"/keys/{admin}/pause", money)
    resumed = await office.call("POST", f"/keys/{admin}/resume", money)
    token = await office.call("POST", "/tokens", money, params=params, json={"kind": "system"})
    revoked = await office.call("DELETE", f"/keys/{admin}", money)

    refused = (rotated, changed, resumed, token)
    assert [one.json()["code"] for one in refused] == [2009] * 4
    assert all("installation's own machine" in one.text for one in refused)
    # What takes access away is done from anywhere.
    assert [paused.status_code, revoked.status_code] == [200, 200]


async def test_a_token_ends_with_its_accounts_role(office: Office) -> None:
    tokens = [await office.token(), await office.token("operator:read")]
    await office.operate(is_operator=False)

    for _, token in tokens:
        answer = await office.call("GET", "/packs", token)
        public = await office.gateway.call("GET", "/topup/balance", key=token)
        assert [answer.json()["code"], public.json()["code"]] == [2009, 2009]
    with pytest.raises(ScopeMissing, match="topup accounts set"):
        await office.token()

    await office.operate(is_operator=True)
    await asyncio.sleep(1)
    assert (await office.call("GET", "/packs", tokens[0][1])).status_code == 200


@pytest.mark.parametrize("ends", ["token", "role"])
async def test_a_call_under_way_changes_nothing_once_its_right_is_gone(
    office: Office, ends: str
) -> None:
    token_id, whole = await office.token()
    assert (await office.call("GET", "/packs", whole)).status_code == 200

    async def end(tx: Transaction) -> None:
        if ends == "token":
            await tx.execute("UPDATE access_tokens SET revoked_at = 1 WHERE id = :id", id=token_id)
        else:
            await set_operator(tx, office.operator_id, is_operator=False)

    # The credential is known for half a second more.
    await office.gateway.context.database.transaction(end)
    made = await office.call(
        "POST", "/tokens", whole, params={"account": office.merchant_id}, json={"kind": "system"}
    )

    assert (made.status_code, made.json()["code"]) == (403, 2009)
    assert await office.rows("SELECT id FROM access_tokens WHERE kind = 'system'") == []


async def test_a_token_with_scopes_does_nothing_at_the_merchants_api(office: Office) -> None:
    _, reads = await office.token("operator:read")

    answer = await office.gateway.call("GET", "/keys", key=reads)

    assert (answer.status_code, answer.json()["code"]) == (403, 2009)


async def test_keys_and_system_tokens_are_refused(office: Office) -> None:
    key = await office.gateway.key(office.merchant_id)
    token = await office.gateway.system_token(office.merchant_id)

    for credential in (key, token):
        answer = await office.call("GET", "/packs", credential)
        assert (answer.status_code, answer.json()["code"]) == (403, 2009)


async def test_operator_tokens_are_not_made_over_http(office: Office) -> None:
    _, whole = await office.token()

    answer = await office.call(
        "POST", "/tokens", whole, params={"account": office.operator_id}, json={"kind": "operator"}
    )

    assert answer.status_code == 403
    assert "topup tokens create --kind operator" in answer.json()["data"]["error"]["detail"]


async def test_a_repeat_gets_the_first_answer_and_changes_nothing(office: Office) -> None:
    _, spends = await office.token("operator:money")
    call: dict[str, Any] = {
        "params": {"account": office.merchant_id},
        "json": {"kind": "system", "name": "deploys"},
        "headers": {"Idempotency-Key": "deploy-1"},
    }

    first = await office.call("POST", "/tokens", spends, **call)
    again = await office.call("POST", "/tokens", spends, **call)
    other = await office.call(
        "POST", "/tokens", spends, **{**call, "json": {"kind": "system", "name": "other"}}
    )

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 409
    made = await office.rows("SELECT id FROM access_tokens WHERE kind = 'system'")
    assert len(made) == 1


async def test_a_repeat_for_another_account_is_no_repeat(office: Office) -> None:
    _, spends = await office.token("operator:money")
    call: dict[str, Any] = {
        "json": {"kind": "system", "name": "deploys"},
        "headers": {"Idempotency-Key": "deploy-1"},
    }

    first = await office.call(
        "POST", "/tokens", spends, params={"account": office.merchant_id}, **call
    )
    other = await office.call(
        "POST", "/tokens", spends, params={"account": office.operator_id}, **call
    )

    assert (first.status_code, other.status_code) == (201, 409)
    assert other.json()["code"] == 2006


async def test_calls_are_counted_by_the_rate_limit_and_kept_in_the_operators_log(
    office: Office,
) -> None:
    token_id, token = await office.token("operator:money")
    params = {"account": office.merchant_id}

    answer = await office.call("POST", "/tokens", token, params=params, json={"kind": "system"})
    await office.call("GET", "/tokens", token, params=params)
    await office.gateway.context.request_log.flush()

    assert answer.headers["RateLimit-Policy"] == '"default";q=100;w=2'
    kept = await office.rows("SELECT account_id, credential_id, route, status FROM request_log")
    # What changed something, and what was refused: the token does not read.
    assert sorted(tuple(row) for row in kept) == [
        (office.operator_id, token_id, "/api/operator/v1/tokens", 201),
        (office.operator_id, token_id, "/api/operator/v1/tokens", 403),
    ]


async def test_a_long_csv_is_whole_for_who_reads_it_slowly(office: Office) -> None:
    _, reads = await office.token("operator:read")
    recipients = [f"{'x' * 50}{number}@example.com" for number in range(100)]

    async def make(tx: Transaction) -> None:
        for _ in range(700):
            await api_key.mint(
                tx,
                account_id=office.merchant_id,
                environment="staging",
                parent=None,
                new=NewKey(name="Key", recipients=recipients),
                now_us=office.gateway.context.clock.now_us(),
            )

    await office.gateway.context.database.transaction(make)
    url = f"{office.gateway.url}{PREFIX}/keys?account={office.merchant_id}&format=csv"
    headers = {"Authorization": f"Bearer {reads}", "Accept-Encoding": "identity"}
    got = b""
    async with office.gateway.client.stream("GET", url, headers=headers) as answer:
        async for part in answer.aiter_bytes():
            if not got:
                await asyncio.sleep(3 * CHECK_S)
            got += part

    assert got.count(b"\nkey_") == 700
    assert CUT not in got


async def test_the_merchants_log_names_the_operator_and_not_their_address(office: Office) -> None:
    token_id, spends = await office.token("operator:money")
    params, body = {"account": office.merchant_id}, {"kind": "system", "name": "deploys"}

    made = await office.call("POST", "/tokens", spends, params=params, json=body)

    [entry] = await office.rows(
        "SELECT account_id, actor, actor_kind, actor_account_id, action, subject_id, address,"
        " user_agent, is_security, after FROM audit_log WHERE action = 'token.created'"
    )
    *told, after = tuple(entry)
    assert told == [
        office.merchant_id,
        token_id,
        "operator",
        office.operator_id,
        "token.created",
        made.json()["data"]["id"],
        None,
        None,
        1,
    ]
    assert json.loads(after) == {"name": "deploys", "kind": "system", "scopes": []}


async def test_an_address_that_is_not_named_is_refused(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path, operator_api=["192.0.2.0/24"])
    async with running(settings) as gateway:
        office = Office(gateway, await gateway.account(), await gateway.account())
        await office.operate(is_operator=True)
        _, whole = await office.token()

        answer = await office.call("GET", "/packs", whole)

    assert (answer.status_code, answer.json()["code"]) == (403, 4002)


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}],
)
async def test_the_address_of_a_proxy_that_is_not_trusted_is_nobodys(
    office: Office, headers: dict[str, str]
) -> None:
    _, whole = await office.token()

    answer = await office.call("GET", "/packs", whole, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, 4002)


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("approve", {"amount": 1_900, "reason": "as paid"}),
        ("reject", {"reason": "not ours"}),
        ("refund", {"amount": 500, "reason": "a part"}),
    ],
)
async def test_a_decision_on_paid_money_counts_once(
    office: Office, act: str, body: dict[str, Any]
) -> None:
    key = await office.gateway.key(office.merchant_id)
    path = f"/orders/{await order_in_review(office.gateway, key)}/{act}"
    _, money = await office.token("operator:money")
    _, writes = await office.token("operator:read", "operator:write")
    _, live = await office.token("operator:money", environment="live")
    merchant = await office.gateway.system_token(office.merchant_id)

    refused = [
        (await office.call("POST", path, one, json=body)).status_code
        for one in (writes, live, merchant)
    ]
    once = {"Idempotency-Key": "once"}
    first, *same = await asyncio.gather(
        *(office.call("POST", path, money, json=body, headers=once) for _ in range(3))
    )
    again = await office.call("POST", path, money, json=body, headers=once)
    other = await office.call("POST", path, money, json={**body, "reason": "else"}, headers=once)
    anew = await office.call("POST", path, money, json=body)

    assert refused == [403, 404, 403]
    assert first.is_success, first.text
    assert {one.content for one in (*same, again)} == {first.content}
    assert other.status_code == 409
    assert anew.status_code == 409
    rows = await office.rows("SELECT action FROM audit_log WHERE action LIKE 'order.%'")
    assert len(rows) == 1
    assert await office.findings() == []


async def test_two_operators_at_once_decide_one_order_once(office: Office) -> None:
    key = await office.gateway.key(office.merchant_id)
    path = f"/orders/{await order_in_review(office.gateway, key)}"
    _, money = await office.token("operator:money")
    bodies = {"approve": {"amount": 2_000}, "reject": {}, "refund": {}}

    acts = [act for _ in range(2) for act in bodies]
    answers = await asyncio.gather(
        *(
            office.call("POST", f"{path}/{act}", money, json={**bodies[act], "reason": str(number)})
            for number, act in enumerate(acts)
        )
    )

    done = [act for act, one in zip(acts, answers, strict=True) if one.is_success]
    # What was approved or rejected can go back afterwards; each happens once.
    assert len(done) == len({*done}) > 0
    assert not {"approve", "reject"} <= {*done}
    assert {one.status_code for one in answers if not one.is_success} <= {409}
    assert await office.findings() == []
