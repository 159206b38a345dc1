"""Show the landing page with a demonstration. Its example comes from the API reference, and its signature
verifies with the secret shown.
"""

from functools import cache
from typing import Any, Final

import msgspec
from starlette.responses import JSONResponse, PlainTextResponse

from billing.credits.opening import open_account
from gateway.answers import envelope, response_codes as codes
from gateway.answers.answer import Answer
from gateway.dashboard.account.sign_in import check_own_page
from gateway.dashboard.route import open_route
from gateway.docs.documents import markdown_document
from gateway.docs.plain_text import SUMMARY, overview
from gateway.docs.samples import pretty
from gateway.html.render import page
from gateway.http.auth import block_of
from gateway.http.documents import prefers_json, prefers_markdown, prefers_text
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply
from gateway.http.session_cookie import is_https, read_cookie
from gateway.openapi.examples import API, answer_of
from kernel.clock import DAY_US, SECOND_US, parse_rfc3339, time_of
from kernel.errors import NotFound
from kernel.fields import Fields
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import NewKey
from keys.signatures.signing import signature_headers
from keys.staging_quota import check_new_sandbox
from store.database import Transaction
from webhooks.deliveries.message import EVENT_HEADER

# This secret signs only the recorded example.
EXAMPLE_SECRET: Final = "whsec_cmVjb3JkZWQtZXhhbXBsZS1vZi10aGUtbGFuZGluZw=="  # noqa: S105
_EVENT_TYPE: Final = "topup.delivered"
# Links for programs that know only the site's address (RFC 8288, RFC 9727).
_FOR_PROGRAMS: Final = (
    '</llms.txt>; rel="alternate"; type="text/plain", </.well-known/api-catalog>; rel="api-catalog"'
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    settings = call.context.settings
    accept = call.headers.get(b"accept", b"").decode("latin-1")
    if prefers_markdown(accept):
        return markdown_document(overview(call.home, is_open=settings.self_serve_staging))
    varies = {"vary": "Accept", "link": _FOR_PROGRAMS}
    if prefers_json(accept):
        return JSONResponse(addresses(call.home), headers=varies)
    if prefers_text(accept):
        text = overview(call.home, is_open=settings.self_serve_staging)
        return PlainTextResponse(text, headers=varies)
    is_secure = is_https(call.scope, settings)
    return page(
        call,
        "landing.html",
        address=call.home,
        headers=varies,
        is_open=settings.self_serve_staging,
        has_session=read_cookie(call.headers, is_secure=is_secure) is not None,
        api=API,
        answer=pretty(example_answer()),
        webhook_headers=example_webhook()[0],
        webhook_body=example_webhook()[1].decode(),
        example_secret=EXAMPLE_SECRET,
    )


def addresses(home: str) -> dict[str, Any]:
    return {
        "name": "Topup Gateway",
        "description": SUMMARY,
        "api": f"{home}{API}",
        "openapi": f"{home}/openapi.json",
        "openapi_agent": f"{home}/openapi/agent.json",
        "for_agents": f"{home}/docs/agent.md",
        "documentation": f"{home}/docs.md",
        "llms_txt": f"{home}/llms.txt",
        "mcp": f"{home}/mcp",
        "codes": f"{home}{API}/codes",
    }


def example_answer() -> dict[str, Any]:
    return dict(answer_of("POST", f"{API}/topup/send", "200"))


@cache
def example_webhook() -> tuple[dict[str, str], bytes]:
    answer = example_answer()
    data, at = answer["data"], answer["timestamp"]
    event = {
        "id": "evt_abc123",
        "type": _EVENT_TYPE,
        "created_at": at,
        "environment": "staging",
        "api_version": "v1",
        "sequence": 1,
        "data": {
            "transaction_id": answer["transaction_id"],
            "status": answer["status"],
            **{name: data[name] for name in _OF_SEND},
            "voucher_code": None,
            **{
                name: data[name]
                for name in ("voucher_code_hint", "deliverable", "new_balance_cents")
            },
            "reference": None,
            "metadata": {},
            "key_id": "key_abc123",
            "key_name": "Sandbox",
        },
    }
    body = msgspec.json.encode(event)
    signed = signature_headers(
        secrets=[EXAMPLE_SECRET],
        message_id=event["id"],
        timestamp_s=parse_rfc3339(at) // SECOND_US,
        body=body,
    )
    return {EVENT_HEADER: _EVENT_TYPE, **signed}, body


_OF_SEND = ("platform", "amount_cents", "fee_cents", "charged_cents", "recipient_email")
ROUTES = (open_route("GET", "/", show, "What this is"),)


KEYS_PER_ADDRESS: Final = 100  # demonstration keys per day for each address
KEYS_OF_ALL: Final = 2_000  # demonstration keys per day for all addresses
SPENDS_CENTS: Final = 50_000  # one key can spend this: enough for fifty runs
_DAY_S: Final = DAY_US // SECOND_US
_NAME: Final = "Demonstration"
_SCOPES: Final = ("topup:send", "topup:read", "webhooks:read")


async def make_key(call: RequestContext[Fields, Fields]) -> Answer:
    if not call.context.settings.self_serve_staging:
        raise NotFound("Path")
    check_own_page(call)
    call.context.staging_room.check_environment("staging")
    await _take(
        call, f"demonstration:{block_of(call.address)}", KEYS_PER_ADDRESS, "for one address"
    )
    await _take(call, "demonstration:all", KEYS_OF_ALL, "by this gateway")
    now_us = call.now_us

    async def work(tx: Transaction) -> tuple[ApiKey, str]:
        await check_new_sandbox(tx, call.context.settings.staging_quotas, now_us=now_us)
        account_id = await open_account(
            tx, name=_NAME, email=None, now_us=now_us, is_sandbox=True, has_live=False
        )
        new = NewKey(
            name=_NAME,
            scopes=_SCOPES,
            lifetime_cents=SPENDS_CENTS,
            expires_at=now_us + DAY_US,
        )
        return await api_key.mint(
            tx, account_id=account_id, environment="staging", parent=None, new=new, now_us=now_us
        )

    made, secret = await call.context.database.transaction(work)
    data = {"key": secret, "expires_at": time_of(made.expires_at)}
    return envelope.answer(codes.SUCCESS, data, now_us=now_us, http_status=201)


async def _take(call: RequestContext[Any, Any], bucket: str, count: int, whose: str) -> None:
    await take_one(
        call.context.limiter,
        bucket,
        Allowance(count, _DAY_S),
        f"{count} keys a day are made {whose} to run the demonstration",
    )


SURFACE = ApiSurface(
    "/demonstration",
    (open_route("POST", "/key", make_key, "A key to run the demonstration with"),),
    envelope.refuse,
)
