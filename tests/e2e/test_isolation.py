"""Staging and live never meet, nor do two accounts: proved over the gateway's own route table.

Four closed worlds hold one of everything. From each of them every route is called with the ids and
the words of each other one, and nothing of it may come back.
"""

import itertools
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from gateway.http.routing import Route
from gateway.surfaces import API as OWN
from kernel.fields import Fields
from keys.principal import ADMIN, ENVIRONMENTS, Environment
from tests.e2e.conftest import WorkingSet
from tests.support.installation import API, Installation
from tests.support.senders import client

# Of our own API; the dialects' paths and bodies are their vendors', and tested beside each.
ROUTES = OWN.routes
# An answer that goes on for ever; tests/gateway/api/test_event_stream.py shows whose events it has.
ENDLESS = {"/events/stream"}
# What live does not have here: no provider has credentials there, so nothing is bought.
BOUGHT = {
    "order_id": "ord_0000000000000000",
    "subscription_id": "sub_0000000000000000",
    "document_id": "doc_0000000000000000",
    "entitlement_name": "seats",
}
PLAN = """plans create --environment staging --id pro --name Pro --price-monthly 20.00 --credits-included 20000
    --entitlement seats=yes"""
# What is for a person who signed in, or for an operator, refuses a key before it looks at anything.
TOUCHING = [
    route
    for route in ROUTES
    if not route.is_public
    and not route.session_only
    and ADMIN not in route.scopes
    and route.path not in ENDLESS
]


class World(NamedTuple):
    """One account in one environment: its credential, and what it must not share."""

    account_id: str
    environment: Environment
    key: str
    ids: Mapping[str, str]  # by the name of a path parameter
    words: Mapping[str, str]  # by the name of a query field

    @property
    def hidden(self) -> set[str]:
        """All but the names that the installation's plans give to everybody."""
        return {*self.ids.values(), *self.words.values()} - {BOUGHT["entitlement_name"]}


@pytest.fixture
def installation(working_set: WorkingSet, kind: str) -> Installation:
    if kind not in working_set.shared:
        working_set.shared[kind] = working_set.make(kind)
        working_set.shared[kind].start(workers=0, with_redis=False)
        made = working_set.shared[kind].run(*PLAN.split())
        assert made.returncode == 0, made.stderr
    return working_set.shared[kind]


async def made_world(
    installation: Installation, account_id: str, environment: Environment
) -> World:
    """One of everything that has an id."""
    await installation.fund(account_id, environment, 100_000)
    key = await installation.key(account_id, environment)
    tag = f"{account_id[4:]}-{environment}".lower()
    email = f"{tag}@example.com"
    async with client(key) as http:
        http.base_url = httpx.URL(installation.url + API)

        async def made(path: str, **body: Any) -> dict[str, Any]:
            answer = await http.post(path, json=body)
            assert answer.status_code < 300, answer.text
            return dict(answer.json())

        # Nothing listens there, and no worker would send there.
        endpoint = await made("/webhooks/register", url="http://127.0.0.1:10009/", description=tag)
        order = {"platform": "claude", "amount_cents": 1000, "recipient_email": email}
        sent = await made("/topup/send", **order, reference=f"ref-{tag}")
        careful = await made("/keys", name=tag, scopes=["topup:send"], approval_threshold_cents=1)
        http.headers["Authorization"] = f"Bearer {careful['data']['key']}"
        held = await made("/topup/send", **order)
        http.headers["Authorization"] = f"Bearer {key}"
        token = await made("/tokens", name=tag)
        hold = await made("/holds", credits=1, description=tag)
        line = {**order, "reference": f"line-{tag}"}
        batch = await made("/topup/bulk", items=[line])
        bought = BOUGHT if environment == "live" else await buy(http)
        replay = await made(f"/webhooks/{endpoint['data']['id']}/replay")
        link = await made("/portal-links")
        (event, *_) = (await http.get("/events")).json()["data"]["items"]
        (delivery, *_) = (await http.get("/deliveries")).json()["data"]["items"]
    ids = {
        "transaction_id": sent["transaction_id"],
        "code": sent["data"]["voucher_code"],
        "endpoint_id": endpoint["data"]["id"],
        "event_id": event["id"],
        "delivery_id": delivery["id"],
        "replay_id": replay["data"]["id"],
        "key_id": careful["data"]["id"],
        "token_id": token["data"]["id"],
        "approval_id": held["data"]["approval"]["id"],
        "hold_id": hold["data"]["id"],
        "batch_id": batch["data"]["id"],
        "link_id": link["data"]["id"],
        **bought,
    }
    words = {
        "transaction_id": held["transaction_id"],
        "endpoint_id": endpoint["data"]["id"],
        "recipient_email": email,
        "reference": f"ref-{tag}",
    }
    return World(account_id, environment, key, ids, words)


async def buy(http: httpx.AsyncClient) -> dict[str, str]:
    """A pack and a plan, both paid at the provider's stand-in, by the names of path parameters."""
    wished = {"pack_id": "pack_starter", "provider": "stripe"}
    ordered = (await http.post("/orders", json=wished)).json()["data"]
    await pay(http, ordered["url"])
    assert (await http.get(f"/orders/{ordered['id']}/receipt.pdf")).status_code == 200
    (document,) = (await http.get("/documents")).json()["data"]["items"]
    plan = {"channel": "stripe", "type": "subscription", "plan_id": "pro"}
    session = await http.post(http.base_url.copy_with(path="/payment/create-session"), json=plan)
    await pay(http, session.json()["data"]["url"])
    (subscription,) = (await http.get("/subscriptions")).json()["data"]["items"]
    return {
        **BOUGHT,
        "order_id": ordered["id"],
        "subscription_id": subscription["id"],
        "document_id": document["id"],
    }


async def pay(http: httpx.AsyncClient, url: str) -> None:
    path = urlsplit(url).path
    answer = await http.post(http.base_url.copy_with(path=path), data={"outcome": "paid"})
    assert answer.status_code == 303, answer.text


@pytest.fixture(scope="module")
def made_worlds() -> dict[str, list[World]]:
    """By the kind of database: what a test does in one of them ends nothing of what another looks for."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def worlds(
    installation: Installation, kind: str, made_worlds: dict[str, list[World]]
) -> list[World]:
    if kind not in made_worlds:
        accounts = [await installation.account() for _ in range(2)]
        made_worlds[kind] = [
            await made_world(installation, account_id, environment)
            for account_id, environment in itertools.product(accounts, ENVIRONMENTS)
        ]
    return made_worlds[kind]


def body_of(route: Route, other: World) -> dict[str, Any]:
    """A body that gets as far as the handler, with the other's ids where it takes one."""
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("POST", "/topup/send"): _order(),
        ("POST", "/topup/validate"): _order(),
        ("POST", "/topup/bulk"): {"items": [{**_order(), "reference": "line-1"}]},
        ("POST", "/topup/{transaction_id}/reverse"): {"reason": "r"},
        ("POST", "/topup/cancel"): {"transaction_id": other.words["transaction_id"]},
        ("PUT", "/topup/balance/threshold"): {"low_balance_threshold_cents": 0},
        ("POST", "/vouchers/redeem"): {"code": other.ids["code"]},
        ("POST", "/sandbox/topups/{transaction_id}"): {"outcome": "failed"},
        ("POST", "/codes/redeem"): {"code": other.ids["code"]},
        ("POST", "/sandbox/fund"): {"amount_cents": 1},
        ("POST", "/sandbox/clock"): {"advance_s": 1},
        ("POST", "/usage"): {"credits": 1, "description": "d"},
        ("POST", "/holds"): {"credits": 1, "description": "d"},
        ("POST", "/entitlements/{entitlement_name}/use"): {"reference": "use-1"},
        ("POST", "/subscriptions/{subscription_id}/change"): {"plan_id": "pro"},
        ("POST", "/orders"): {"pack_id": "pack_starter", "provider": "stripe"},
        ("POST", "/keys"): {"name": "n"},
        ("PATCH", "/keys/{key_id}"): {"name": "n"},
        ("DELETE", "/tokens"): {"id": other.ids["token_id"]},
        ("POST", "/webhooks/register"): {"url": "http://127.0.0.1:10009/"},
        ("PATCH", "/webhooks/{endpoint_id}"): {"description": "d"},
        ("POST", "/webhooks/verify"): {"headers": {}, "body": "", "secret": "s"},
    }
    if (route.method, route.path) in bodies:
        return bodies[route.method, route.path]
    required = [name for name, one in route.body_shape._types.items() if one.required]
    assert not required, f"say what a body of {route.method} {route.path} is"
    return {}


def _order() -> dict[str, Any]:
    return {"platform": "claude", "amount_cents": 100, "recipient_email": "own@example.com"}


def names_the_other(route: Route) -> bool:
    """The route is called with an id of the other world, in its path or its body."""
    in_body = {"/topup/cancel", "/vouchers/redeem", "/codes/redeem"}
    return (
        ("{" in route.path and "{entitlement_name}" not in route.path)
        or route.path in in_body
        or (route.method, route.path)
        == (
            "DELETE",
            "/tokens",
        )
    )


async def call(http: httpx.AsyncClient, route: Route, other: World, **query: str) -> httpx.Response:
    # KeyError: a new kind of id; let made_world make one of it.
    path = route.path.format_map(dict(other.ids))
    body = body_of(route, other) if route.is_unsafe else None
    if "plan_id" in route.query_shape._types:
        query = {**query, "plan_id": "pro"}
    return await http.request(route.method, path, params=query, json=body)


def pairs(worlds: list[World]) -> list[tuple[World, World]]:
    return list(itertools.permutations(worlds, 2))


async def test_every_world_finds_its_own(installation: Installation, worlds: list[World]) -> None:
    """Or the refusals below would prove nothing."""
    for world in worlds:
        async with client(world.key) as http:
            http.base_url = httpx.URL(installation.url + API)
            for route in TOUCHING:
                is_bought = any(f"{{{name}}}" in route.path for name in BOUGHT)
                is_sold = world.environment == "staging" or not is_bought
                if route.method == "GET" and is_sold:
                    answer = await call(http, route, world)
                    assert answer.status_code == 200, f"{route.path}: {answer.text}"


async def test_no_route_finds_or_shows_what_another_world_owns(
    installation: Installation, worlds: list[World]
) -> None:
    for caller, other in pairs(worlds):
        async with client(caller.key) as http:
            http.base_url = httpx.URL(installation.url + API)
            for route in TOUCHING:
                is_redemption = route.path in {"/vouchers/redeem", "/codes/redeem"}
                if is_redemption and caller.environment == other.environment:
                    # Another account may redeem a voucher that it was given.
                    continue
                answer = await call(http, route, other)
                said = f"{route.method} {route.path}: {answer.status_code} {answer.text}"
                if names_the_other(route):
                    is_sandbox = route.path.startswith("/sandbox") and caller.environment == "live"
                    assert answer.status_code == (403 if is_sandbox else 404), said
                    assert answer.json()["code"] in {3003, 2011, 2009}, said
                else:
                    assert answer.status_code < 500, said
                assert not [word for word in other.hidden if word in answer.text], said


async def test_every_filter_for_another_world_lists_nothing(
    installation: Installation, worlds: list[World]
) -> None:
    asked = 0
    for caller, other in pairs(worlds):
        async with client(caller.key) as http:
            http.base_url = httpx.URL(installation.url + API)
            for route in TOUCHING:
                if route.method != "GET" or route.query is Fields or "{" in route.path:
                    continue
                for name in route.query_shape._types.keys() & other.words.keys():
                    answer = await call(http, route, other, **{name: other.words[name]})
                    assert answer.status_code == 200, answer.text
                    assert answer.json()["data"]["items"] == [], (route.path, name)
                    asked += 1

    # Deliveries by endpoint and top-up, the history by recipient and reference, the wallets.
    assert asked >= 12 * 5


async def test_a_request_that_names_the_other_environment_is_refused_by_every_route(
    installation: Installation, worlds: list[World]
) -> None:
    foreign: dict[Environment, Literal["staging", "live"]] = {
        "staging": "live",
        "live": "staging",
    }
    for caller in worlds[:2]:
        async with client(caller.key) as http:
            http.base_url = httpx.URL(installation.url + API)
            for route in TOUCHING:
                named = {"environment": foreign[caller.environment]}
                path = route.path.format_map(dict(caller.ids))
                in_query = await http.request(route.method, path, params=named)
                answers = [in_query]
                if route.is_unsafe:
                    body = {**body_of(route, caller), **named}
                    answers.append(await http.request(route.method, path, json=body))
                for answer in answers:
                    said = f"{route.method} {route.path}: {answer.text}"
                    assert (answer.status_code, answer.json()["code"]) == (403, 2009), said


async def test_an_idempotency_key_of_one_world_means_nothing_in_another(
    installation: Installation, worlds: list[World]
) -> None:
    answers = []
    for world in worlds:
        async with client(world.key) as http:
            answers.append(
                await http.post(
                    f"{installation.url}{API}/topup/send",
                    json=_order(),
                    headers={"Idempotency-Key": "same-everywhere"},
                )
            )

    assert [answer.json()["code"] for answer in answers] == [1001] * 4
    assert not [answer for answer in answers if "idempotent-replayed" in answer.headers]
    assert len({answer.json()["transaction_id"] for answer in answers}) == 4
