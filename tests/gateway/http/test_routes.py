"""The route table: what every row must have, and that the two environments never meet in it."""

import typing
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pytest

from billing.topups.send_acts import SendBody
from gateway.answers import envelope
from gateway.app import API_PREFIX, SURFACES
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, MethodNotAllowed, Reply, Route, Router
from kernel.errors import NotFound
from kernel.fields import Fields
from keys.principal import ADMIN, OAUTH_SCOPES, SCOPES
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

# What needs no credential, each for its reason: the first contact of an agent, the
# table of codes, and a call that is signed instead.
PUBLIC = {
    ("POST", f"{API_PREFIX}/keys/sandbox"),
    ("GET", f"{API_PREFIX}/codes"),
    # A person lets the command line in, which polls by a secret of its own.
    ("POST", f"{API_PREFIX}/cli/login"),
    ("POST", f"{API_PREFIX}/cli/login/token"),
    ("POST", f"{API_PREFIX}/fulfilment/{{transaction_id}}"),
    # What is for sale may be looked at by anybody.
    ("GET", "/subscription/plans"),
    # An app's own secret stands in the body.
    ("POST", "/x402/topup"),  # the payment in the request is what lets it in
    ("POST", "/api/v1/user/oauth/issue-token"),
}
# The routes of the first version, which stay.
OF_THE_FIRST_VERSION = """
POST /topup/send
POST /topup/validate
POST /topup/cancel
POST /topup/{transaction_id}/resend
GET /topup/status/{transaction_id}
GET /topup/balance
PUT /topup/balance/threshold
GET /wallets
GET /topup/history
GET /topup/statement
GET /platforms
GET /vouchers/{code}
POST /vouchers/redeem
POST /webhooks/register
GET /webhooks
GET /webhooks/{endpoint_id}
PATCH /webhooks/{endpoint_id}
DELETE /webhooks/{endpoint_id}
POST /webhooks/{endpoint_id}/rotate-secret
POST /webhooks/{endpoint_id}/test
POST /webhooks/{endpoint_id}/certify
GET /webhooks/{endpoint_id}/health
POST /webhooks/verify
GET /events
GET /events/stream
GET /events/{event_id}
GET /deliveries
GET /deliveries/{delivery_id}
POST /deliveries/{delivery_id}/replay
POST /webhooks/{endpoint_id}/replay
GET /replays
GET /replays/{replay_id}
POST /replays/{replay_id}/pause
POST /replays/{replay_id}/resume
POST /replays/{replay_id}/cancel
GET /keys
POST /keys
GET /keys/{key_id}
PATCH /keys/{key_id}
DELETE /keys/{key_id}
POST /keys/{key_id}/rotate
POST /keys/sandbox
GET /approvals
GET /approvals/{approval_id}
POST /approvals/{approval_id}/approve
POST /approvals/{approval_id}/deny
GET /tokens
POST /tokens
DELETE /tokens
POST /sandbox/topups/{transaction_id}
POST /sandbox/fund
GET /sandbox/clock
POST /sandbox/clock
POST /usage
GET /holds
POST /holds
GET /holds/{hold_id}
POST /holds/{hold_id}/capture
POST /holds/{hold_id}/release
GET /codes
"""


def all_routes() -> Iterator[tuple[str, Route]]:
    for resource in Router(SURFACES):
        for route in resource.routes.values():
            yield resource.template, route


def structs_of(kind: Any, found: set[type]) -> None:
    """Adds the structs of a type's description, at any depth."""
    if isinstance(kind, msgspec.inspect.StructType) and kind.cls not in found:
        found.add(kind.cls)
        for field in kind.fields:
            structs_of(field.type, found)
    for name in ("type", "item_type", "key_type", "value_type"):
        if (inner := getattr(kind, name, None)) is not None:
            structs_of(inner, found)
    for inner in (*getattr(kind, "types", ()), *getattr(kind, "item_types", ())):
        structs_of(inner, found)


def test_every_route_has_scopes_or_is_known_to_be_public() -> None:
    public = {(route.method, template) for template, route in all_routes() if route.is_public}

    assert public == PUBLIC
    for _, route in all_routes():
        assert route.is_public or route.scopes
        assert set(route.scopes) <= {*SCOPES, *OAUTH_SCOPES}


def test_whoever_may_list_may_look_at_each_row() -> None:
    listed = {
        surface.prefix + route.path: set(route.scopes)
        for surface in SURFACES
        for route in surface.routes
        if route.method == "GET"
    }
    rows = [path for path in listed if path.endswith("}") and path.rpartition("/")[0] in listed]

    assert len(rows) > 10
    assert [path for path in rows if listed[path.rpartition("/")[0]] - listed[path]] == []


def test_a_route_without_scopes_cannot_be_written() -> None:
    with pytest.raises(AssertionError):
        Route("GET", "/open", nothing, "Open by mistake")


def test_the_contracts_calls_are_there() -> None:
    there = {
        f"{route.method} {template.removeprefix(API_PREFIX)}" for template, route in all_routes()
    }

    assert set(OF_THE_FIRST_VERSION.split("\n")) - {""} - there == set()


def test_whatever_a_body_holds_leaves_its_defaults_out() -> None:
    # Or a name that stands twice could hide behind a default: Shape.decode counts the colons.
    within: set[type] = set()
    for _, route in all_routes():
        structs_of(msgspec.inspect.type_info(route.body), within)

    assert SendBody in within
    assert {one for one in within if not issubclass(one, Fields)} == set()


def test_every_integer_of_a_request_is_bounded_by_64_bits() -> None:
    # The decoder's bounds are the only thing between a huge integer and the database's driver.
    unbounded = [
        f"{route.path}: {name}"
        for _, route in all_routes()
        for struct in (route.body, route.query)
        for name, kind in typing.get_type_hints(struct, include_extras=True).items()
        if has_bare_int(kind)
    ]

    assert unbounded == []


def has_bare_int(kind: Any) -> bool:
    if kind is int:
        return True
    if get_origin(kind) is Annotated:
        inner, *metas = get_args(kind)
        bounds = [meta for meta in metas if isinstance(meta, msgspec.Meta)]
        is_bounded = any(meta.le is not None and meta.ge is not None for meta in bounds)
        return has_bare_int(inner) and not is_bounded
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind, include_extras=True)
        return any(has_bare_int(inner) for inner in hints.values())
    return any(has_bare_int(inner) for inner in get_args(kind))


async def nothing(_call: RequestContext[Fields, Fields]) -> Reply:
    raise AssertionError("never called")


def router_of(*routes: tuple[str, str]) -> Router:
    rows = tuple(Route(method, path, nothing, "x", is_public=True) for method, path in routes)
    return Router((ApiSurface("/api", rows, envelope.refuse),))


def found(router: Router, path: str) -> tuple[str, dict[str, str]] | None:
    match = router.find(path)
    return None if match is None else (match[0].template, dict(match[1]))


def test_paths_are_found_with_their_parameters() -> None:
    router = router_of(("GET", "/keys"), ("GET", "/keys/{key_id}"), ("POST", "/keys/sandbox"))

    assert found(router, "/api/keys") == ("/api/keys", {})
    assert found(router, "/api/keys/sandbox") == ("/api/keys/sandbox", {})
    assert found(router, "/api/keys/key_1") == ("/api/keys/{key_id}", {"key_id": "key_1"})
    for unknown in ("/api", "/api/", "/api/keys/a/b", "/keys", "", "/", "//", "/api//keys"):
        assert found(router, unknown) is None


@pytest.mark.parametrize("value", ["\x00", "é", "a\nb", "x" * 129, ""])
def test_what_cannot_be_an_id_is_not_found_before_any_look_up(value: str) -> None:
    router = router_of(("GET", "/webhooks/{endpoint_id}"))

    with pytest.raises(NotFound, match="Webhook not found"):
        router.find(f"/api/webhooks/{value}")


def test_a_resource_knows_its_methods() -> None:
    resource, _ = router_of(("GET", "/keys"), ("POST", "/keys")).find("/api/keys") or (None, None)

    assert resource is not None
    assert resource.allow == ("GET", "POST", "HEAD", "OPTIONS")
    assert resource.route("HEAD").method == "GET"
    with pytest.raises(MethodNotAllowed):
        resource.route("DELETE")


def test_a_prefix_is_whole_segments() -> None:
    router = router_of(("GET", "/keys"))

    assert router.surface_of("/api/unknown") is not None
    assert router.surface_of("/api") is not None
    assert router.surface_of("/apiary") is None


async def test_the_environments_cannot_see_each_other(gateway: Gateway) -> None:
    account_id = await gateway.account(email="me@example.com")
    staging = await gateway.key(account_id, "staging")
    live = await gateway.key(account_id, "live")
    ids = await things_of(gateway, staging)
    staging_listed = await listed(gateway, staging)

    for template, route in all_routes():
        if "{" not in template or route.is_public or ADMIN in route.scopes:
            continue
        if route.path in OF_PERSONS:
            continue
        path = template.format(**ids).removeprefix(API_PREFIX)
        body = BODIES.get(route.path, {})
        answer = await gateway.call(
            route.method, path, key=live, json=body if route.is_unsafe else None
        )

        # The sandbox call has no live form at all.
        expected = {403} if "sandbox" in template else {404}
        assert answer.status_code in expected, (route.method, path, answer.text)
        for id_ in ids.values():
            assert id_ not in answer.text

    live_listed = await listed(gateway, live)
    assert not set(staging_listed) & set(live_listed)
    assert {ids["endpoint_id"], ids["key_id"], ids["transaction_id"]} <= set(staging_listed)


async def test_another_account_cannot_see_any_of_it_either(gateway: Gateway) -> None:
    staging = await gateway.key(await gateway.account())
    stranger = await gateway.key(await gateway.account())
    ids = await things_of(gateway, staging)

    for template, route in all_routes():
        if "{" not in template or route.is_public or ADMIN in route.scopes:
            continue
        if route.path in OF_PERSONS:
            continue
        path = template.format(**ids).removeprefix(API_PREFIX)
        body = BODIES.get(route.path, {})
        answer = await gateway.call(
            route.method, path, key=stranger, json=body if route.is_unsafe else None
        )

        assert answer.status_code == 404, (route.method, path, answer.text)

    assert not set(await listed(gateway, staging)) & set(await listed(gateway, stranger))


# A key is refused there before anything is looked for.
OF_PERSONS = {"/topup/balance/recharge/methods/{method_ref}"}
# Bodies of those calls that refuse an empty one.
BODIES: dict[str, dict[str, Any]] = {
    "/sandbox/topups/{transaction_id}": {"outcome": "delivered"},
    "/topup/{transaction_id}/reverse": {"reason": "wrong person"},
    "/subscriptions/{subscription_id}/change": {"plan_id": "pro"},
    "/entitlements/{entitlement_name}/use": {"reference": "use 1"},
}
LISTS = (
    "/keys",
    "/tokens",
    "/webhooks",
    "/events",
    "/deliveries",
    "/replays",
    "/portal-links",
    "/approvals",
    "/topup/history",
    "/holds",
)


async def listed(gateway: Gateway, key: str) -> list[str]:
    """The ids in all lists."""
    ids: list[str] = []
    for path in LISTS:
        answer = await gateway.call("GET", path, key=key)
        assert answer.status_code == 200, answer.text
        items = answer.json()["data"]["items"]
        ids += [item.get("id") or item["transaction_id"] for item in items]
    return ids


async def things_of(gateway: Gateway, key: str) -> dict[str, str]:
    """One of each thing, made with the key; ids by the names that the paths give them."""

    async def made(path: str, **body: Any) -> dict[str, Any]:
        answer = await gateway.call("POST", path, key=key, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    endpoint = await made("/webhooks/register", url="http://127.0.0.1:9009/hook")
    sent = await made(
        "/topup/send", platform="claude", amount_cents=1000, recipient_email="a@example.com"
    )
    asked = await made(
        "/topup/send",
        platform="claude",
        amount_cents=1000,
        recipient_email="approval@sandbox.test",
    )
    item = {"platform": "claude", "amount_cents": 1000, "recipient_email": "b@example.com"}
    batch = await made("/topup/bulk", items=[{**item, "reference": "item 1"}])
    child = await made("/keys", name="child")
    token = await made("/tokens", name="token")
    held = await made("/holds", credits=1, description="usage")
    order = await made("/orders", provider="stripe", amount_cents=1000)
    deliveries = (await gateway.call("GET", "/deliveries", key=key)).json()["data"]["items"]
    replay = await made(f"/webhooks/{endpoint['data']['id']}/replay")
    link = await made("/portal-links", name="Acme")
    return {
        "endpoint_id": endpoint["data"]["id"],
        "transaction_id": asked["transaction_id"],
        "batch_id": batch["data"]["id"],
        "approval_id": asked["data"]["approval"]["id"],
        "code": sent["data"]["voucher_code"],
        "key_id": child["data"]["id"],
        "token_id": token["data"]["id"],
        "delivery_id": deliveries[0]["id"],
        "event_id": deliveries[0]["event_id"],
        "hold_id": held["data"]["id"],
        "order_id": order["data"]["id"],
        "replay_id": replay["data"]["id"],
        "link_id": link["data"]["id"],
        # tests/e2e/test_isolation.py buys and pays, and has real ones of these.
        "plan_id": "plan_of_nobody",
        "subscription_id": "sub_of_nobody",
        "document_id": "doc_of_nobody",
        "method_ref": "card_of_nobody",
        "entitlement_name": "seats_of_nobody",
    }
