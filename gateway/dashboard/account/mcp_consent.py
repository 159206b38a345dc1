"""Ask the user whether an MCP client may have access, within which limits and until when.

The browser is redirected only to an address that the client registered. It is redirected to another machine only
when the user presses a button. The result is a key without a secret.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from gateway.authorization.request import ASKED, McpRequest, allow, connected_key, read_request
from gateway.dashboard.account.consent import PRIVATE, leave_for, policy_for
from gateway.dashboard.refused import refuse
from gateway.dashboard.route import page_route
from gateway.html.forms import (
    NO_PROBLEM,
    Form,
    Problem,
    dollars,
    problem_of,
    read_form,
    read_query,
)
from gateway.html.phrase import phrase
from gateway.html.render import page
from gateway.http.password_again import PasswordRequired, confirm, require_password
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply
from kernel.clock import DAY_US, rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields, time_us
from keys.account import get_account
from keys.api_keys.acts import check_names
from keys.api_keys.api_key import ApiKey
from keys.api_keys.fields import REPEAT_GUARD_S, NewKey
from keys.principal import (
    ACCOUNT_SCOPES,
    ENVIRONMENTS,
    MCP_SCOPES,
    SCOPE_WORDS,
    Environment,
    require_owner,
)

PATH: Final = "/oauth/authorize"
CONSENTS_PER_MINUTE: Final = 30
MEANS: Final = {scope: SCOPE_WORDS[scope] for scope in MCP_SCOPES}
_DAYS: Final = 90
_BAD_REQUEST: Final = 400
_LIMITS: Final = ("per_call", "per_day", "per_month")
_USUAL: Final[Mapping[str, str]] = {
    "per_call": "20.00",
    "per_day": "50.00",
    "per_month": "200.00",
    "approval_above": "10.00",
    "approval_above_per_day": "20.00",
}


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    require_owner(call.principal)
    form = read_query(call)
    asked = await read_request(call, form)
    if asked.fault is None:
        return await _page(call, asked, form, await _first_form(call, asked))
    if asked.lands_on_device:
        return leave_for(asked.denial(asked.fault))
    # Anyone can register any address. An automatic redirect could lead to an attacker's copy of our page (RFC 9700,
    # 4.11.2).
    return page(call, "mcp_fault.html", status=_BAD_REQUEST, headers=PRIVATE, asked=asked)


async def decide(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    require_owner(call.principal)
    await take_one(
        call.context.limiter,
        f"consent:{call.principal.account_id}",
        Allowance(CONSENTS_PER_MINUTE, 60),
        phrase("too many answers in a minute; wait a little"),
    )
    asked = await read_request(call, form)
    decision = form.text("decision")
    if asked.fault is not None or decision == "deny":
        return leave_for(asked.denial(asked.fault or "access_denied"))
    try:
        if decision != "allow":
            raise InvalidInput(phrase("press Allow or Deny"), param="decision")
        environment, limits = _environment(form), _limits(asked, form)
        check_names(
            limits.limits["platforms"], call.context.topup_rules.platforms.of(environment).ids()
        )
        if environment == "live":
            if form.raw("password"):
                await confirm(call, form.raw("password"))
            await require_password(call, environment="live")
        code = await allow(call, asked, environment, limits)
    except PasswordRequired:
        problem = Problem(403, "", {"password": phrase("Live needs it.")})
        return await _page(call, asked, form, form, problem)
    except DomainError as error:
        return await _page(call, asked, form, form, problem_of(error))
    return leave_for(asked.landing(code))


def _environment(form: Form) -> Environment:
    chosen = form.text("key_environment")
    for environment in ENVIRONMENTS:
        if chosen == environment:
            return environment
    raise InvalidInput(phrase("choose staging or live"), param="key_environment")


def _limits(asked: McpRequest, form: Form) -> NewKey:
    scopes = [scope for scope in MCP_SCOPES if scope in form.many("scopes")]
    if not scopes:
        raise InvalidInput(phrase("tick at least one thing that it may do"), param="scopes")
    expires_on = form.text("expires_on")
    ends = f"{expires_on}T23:59:59Z" if expires_on else None
    limits = form.amounts(_LIMITS)
    return NewKey(
        name=asked.client.name,
        purpose=f"MCP client at {asked.lands_on}"[:200],
        scopes=scopes,
        approval_threshold_cents=form.cents("approval_above"),
        approval_above_per_day_cents=form.cents("approval_above_per_day"),
        platforms=form.lines("platforms") or None,
        recipients=form.lines("recipients") or None,
        repeat_guard_s=REPEAT_GUARD_S,
        expires_at=time_us(ends, "expires_on"),
        per_call_cents=limits["per_call_cents"],
        per_day_cents=limits["per_day_cents"],
        per_month_cents=limits["per_month_cents"],
    )


async def _first_form(call: RequestContext[Any, Any], asked: McpRequest) -> Form:
    found = await connected_key(call, asked.client)
    if found is not None:
        return _form_of(found, asked)
    ends = rfc3339(call.now_us + _DAYS * DAY_US)[:10]
    usual = {name: [amount] for name, amount in _USUAL.items()}
    chosen = {"key_environment": ["staging"], "scopes": list(asked.scopes), "expires_on": [ends]}
    return Form({**usual, **chosen})


def _form_of(key: ApiKey, asked: McpRequest) -> Form:
    amounts = {
        "per_call": key.per_call_cents,
        "per_day": key.per_day_cents,
        "per_month": key.per_month_cents,
        "approval_above": key.approval_threshold_cents,
        "approval_above_per_day": key.approval_above_per_day_cents,
    }
    scopes = [scope for scope in MCP_SCOPES if scope in {*key.scopes, *asked.scopes}]
    return Form(
        {
            "key_environment": [key.environment],
            "scopes": scopes,
            "platforms": ["\n".join(key.mandate.platforms or ())],
            "recipients": ["\n".join(key.mandate.recipients or ())],
            "expires_on": ["" if key.expires_at is None else rfc3339(key.expires_at)[:10]],
            "known": ["yes"],
            **{name: [dollars(cents)] for name, cents in amounts.items()},
        }
    )


async def _page(
    call: RequestContext[Any, Any],
    asked: McpRequest,
    request: Form,
    form: Form,
    problem: Problem = NO_PROBLEM,
) -> Response:
    account = await call.context.database.read(
        lambda tx: get_account(tx, call.principal.account_id)
    )
    return page(
        call,
        "mcp_consent.html",
        status=problem.status,
        headers={**PRIVATE, "content-security-policy": policy_for(asked.redirect_uri)},
        asked=asked,
        sent={name: request.raw(name) for name in ASKED if request.raw(name)},
        form=form,
        problem=problem,
        means=MEANS,
        has_live=account.is_live_open,
    )


SURFACE: Final = ApiSurface(
    "",
    (
        page_route("GET", PATH, show, "Consent to an MCP client", ACCOUNT_SCOPES),
        page_route("POST", PATH, decide, "Allow or deny an MCP client", ACCOUNT_SCOPES),
    ),
    refuse,
)
