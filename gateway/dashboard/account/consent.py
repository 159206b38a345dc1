"""Ask the user whether an OAuth app may act for them.

The browser is redirected only to an address that the app registered. The address is checked again when the
form is sent. If the app and the address are valid, other errors are reported to the app (RFC 6749,
4.1.2.1).
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse

from gateway.dashboard.refused import refuse
from gateway.dashboard.route import open_route, page_route
from gateway.html.forms import Form, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import SEE_OTHER, go, page
from gateway.http.acting import enter, note
from gateway.http.password_again import CONFIRM, PasswordRequired, require_password
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Reply
from gateway.http.session_cookie import is_https
from kernel.errors import InvalidInput
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys.account import Account, get_account, lock_tenants
from keys.oauth import app as oauth_app, grant as oauth_code
from keys.oauth.app import OAuthApp
from keys.oauth.grant import CODE_CHARACTERS, is_challenge
from keys.oauth.redirect import (
    STATE_CHARACTERS_MAX,
    RedirectRefused,
    Registered,
    check_redirect,
    denial,
    landing,
)
from keys.principal import ACCOUNT_SCOPES, OAUTH_SCOPES, require_owner
from store.database import Transaction

# The address contains the code, so it must not reach another site as the referrer.
PRIVATE: Final = {"referrer-policy": "no-referrer"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self' {origin}; base-uri 'none'; frame-ancestors 'none'"
)


def leave_for(target: str) -> Reply:
    """Redirect uncached."""
    return RedirectResponse(target, SEE_OTHER, headers={"cache-control": "no-store", **PRIVATE})


def policy_for(redirect_uri: str) -> str:
    """Return the page's Content-Security-Policy. Its form-action also restricts where the form's response
    may redirect.
    """
    parts = urlsplit(redirect_uri)
    # For IPv6 addresses and apps' own schemes, the policy can name only the scheme.
    is_plain = parts.scheme in {"http", "https"} and not parts.netloc.startswith("[")
    origin = f"{parts.scheme}://{parts.netloc}" if is_plain else f"{parts.scheme}:"
    return _POLICY.format(origin=origin)


PREFIX: Final = "/next/v1"
SUCCEED: Final = f"{PREFIX}/oauth/succeed"
ASKED: Final = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "redirect_template",
    "code_challenge",
    "code_challenge_method",
)
CONSENTS_PER_MINUTE: Final = 30
_MEANS: Final = dict(
    zip(
        OAUTH_SCOPES,
        (
            phrase("Read your name, your email address and your balance"),
            phrase("Charge your wallet, up to the limit below"),
            phrase(
                "Make orders, read them and your credit history, hold a management token that may, too"
            ),
        ),
        strict=True,
    )
)
_CODE: Final = re.compile(rf"[0-9A-Za-z]{{{CODE_CHARACTERS}}}")


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """`registered` contains the app's addresses, or our page's address if that page shows the code. `fault` is an error
    to report to the app.
    """

    app: OAuthApp
    redirect_uri: str
    registered: Registered
    state: str | None
    template: str | None
    challenge: str | None
    issuer: str
    fault: str | None

    @property
    def is_shown_here(self) -> bool:
        return self.registered != self.app.registered

    def landing(self, code: str) -> str:
        return landing(
            self.redirect_uri,
            registered=self.registered,
            code=code,
            state=self.state,
            issuer=self.issuer,
            template=self.template,
        )

    def denial(self, error: str) -> str:
        return denial(
            self.redirect_uri,
            registered=self.registered,
            error=error,
            state=self.state,
            issuer=self.issuer,
        )


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    require_owner(call.principal)
    form = read_query(call)

    async def work(tx: Transaction) -> tuple[ConsentRequest, Account]:
        asked = await _read_request(tx, call, form)
        return asked, await get_account(tx, asked.app.account_id)

    asked, owner = await call.context.database.read(work)
    if asked.fault is not None:
        return leave_for(asked.denial(asked.fault))
    try:
        await require_password(call, environment=asked.app.environment)
    except PasswordRequired:
        return _password_first(form)
    steps = OAUTH_SCOPES[: OAUTH_SCOPES.index(asked.app.scope) + 1]
    return page(
        call,
        "consent.html",
        headers={**PRIVATE, "content-security-policy": policy_for(asked.redirect_uri)},
        app=asked.app,
        owner=owner,
        rights=[_MEANS[step] for step in steps],
        may_charge=len(steps) > 1,
        lands_here=asked.is_shown_here,
        lands_on=urlsplit(asked.redirect_uri).netloc,
        asked={name: form.raw(name) for name in ASKED if form.raw(name)},
    )


async def decide(call: RequestContext[Fields, Fields]) -> Reply:
    form, account_id = read_form(call), call.principal.account_id
    require_owner(call.principal)
    await take_one(
        call.context.limiter,
        f"consent:{account_id}",
        Allowance(CONSENTS_PER_MINUTE, 60),
        phrase("too many answers in a minute; wait a little"),
    )
    decision = form.text("decision")
    if decision not in {"allow", "deny"}:
        raise InvalidInput(phrase("press Allow or Deny"), param="decision")

    try:
        if decision == "allow":
            wanted = await call.context.database.read(lambda tx: _read_request(tx, call, form))
            if wanted.fault is None:
                await require_password(call, environment=wanted.app.environment)
    except PasswordRequired:
        return _password_first(form)

    async def work(tx: Transaction) -> str:
        asked = await _read_request(tx, call, form)
        if asked.fault is not None or decision == "deny":
            return asked.denial(asked.fault or "access_denied")
        await lock_tenants(tx, [Tenant(account_id, asked.app.environment)])
        await enter(tx, call, asked.app.environment)
        code = await oauth_code.issue_code(
            tx,
            asked.app,
            account_id,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            session_id=call.principal.credential_id,
            now_us=call.now_us,
        )
        after = {"app": asked.app.name, "scope": asked.app.scope}
        environment = asked.app.environment
        await note(tx, call, "grant.consented", asked.app.id, environment=environment, after=after)
        return asked.landing(code)

    return leave_for(await call.context.database.transaction(work))


async def succeed(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_query(call)
    code = form.raw("code")
    return page(
        call,
        "consent_code.html",
        headers=PRIVATE,
        code=code if _CODE.fullmatch(code) else None,
        is_denied=form.raw("error") == "access_denied",
    )


async def _read_request(
    tx: Transaction, call: RequestContext[Any, Any], form: Form
) -> ConsentRequest:
    """Raise InvalidInput or RedirectRefused if the error can't be reported to the app."""
    app = await oauth_app.find(tx, form.raw("client_id"))
    if app is None or app.disabled_at is not None:
        raise InvalidInput("No app has this client_id.", param="client_id")
    redirect_uri = form.raw("redirect_uri")
    registered = _own_page(call, redirect_uri) or app.registered
    check_redirect(redirect_uri, registered)
    state = form.raw("state")
    if len(state) > STATE_CHARACTERS_MAX:
        raise InvalidInput(
            f"`state` can have at most {STATE_CHARACTERS_MAX} characters. Send a shorter one.",
            param="state",
        )
    template = form.raw("redirect_template") or None
    if template is not None and registered != app.registered:
        raise RedirectRefused(
            "The page that shows the code doesn't accept redirect_template.",
            param="redirect_template",
        )
    asked = ConsentRequest(
        app,
        redirect_uri,
        registered,
        state or None,
        template,
        form.raw("code_challenge") or None,
        call.home,
        _fault(app, form),
    )
    asked.landing("0" * CODE_CHARACTERS)
    return asked


def _fault(app: OAuthApp, form: Form) -> str | None:
    if form.raw("response_type") != "code":
        return "unsupported_response_type"
    if form.raw("scope") != app.scope:
        return "invalid_scope"
    challenge = form.raw("code_challenge")
    # A plain challenge proves nothing, and a challenge method without a challenge is an error.
    if form.raw("code_challenge_method") not in {"", "S256"} or (
        not is_challenge(challenge) if challenge else app.is_public
    ):
        return "invalid_request"
    return None


def _password_first(form: Form) -> Reply:
    given = {name: form.raw(name) for name in ASKED if form.raw(name)}
    return go(CONFIRM, next=f"{PREFIX}/oauth?{urlencode(given)}")


def _own_page(call: RequestContext[Any, Any], redirect_uri: str) -> Registered | None:
    settings = call.context.settings
    scheme = "https" if is_https(call.scope, settings) else "http"
    own = {
        settings.public_url,
        f"{scheme}://{call.headers.get(b'host', b'').decode('latin-1')}",
    }
    if not any(origin and redirect_uri == origin + SUCCEED for origin in own):
        return None
    return Registered("", (redirect_uri,))


SURFACE = ApiSurface(
    PREFIX,
    (
        page_route("GET", "/oauth", show, "Consent to an app", ACCOUNT_SCOPES),
        page_route("POST", "/oauth", decide, "Allow or deny an app", ACCOUNT_SCOPES),
        open_route("GET", "/oauth/succeed", succeed, "The code, to type in"),
    ),
    refuse,
)
