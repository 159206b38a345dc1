"""OAuth apps: register, list and disable apps, rotate their secrets, and revoke access."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, field

from kernel.errors import LimitReached, NotFound
from kernel.fields import Fields, Page, Text, said
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import Environment, Micros, Time
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct, ReadAct
from keys.oauth import app as apps, token as tokens
from keys.oauth.app import CAP_MICROS, CAP_MICROS_MAX, OAuthApp as App
from keys.oauth.grant import Grant
from keys.oauth.token import OAuthToken
from keys.principal import OAuthScope
from store.database import Transaction
from store.keyset import Begin

_SCOPES: Final = ("keys:write",)
_APP: Final = "/apps/{app_id}"
_MICROS_PER_CENT: Final = 10_000
CAP_CENTS_MAX: Final = CAP_MICROS_MAX // _MICROS_PER_CENT


class NewOAuthApp(Fields, frozen=True, kw_only=True):
    """An app to register. It has exact redirect addresses, a host with any path, or both."""

    name: Annotated[Text, Meta(description="The app's name, shown to users on the consent page.")]
    scope: Annotated[OAuthScope, Meta(description="The scope. Each includes the ones before.")]
    redirect_uris: Annotated[
        list[str],
        Meta(
            description="The exact addresses that codes may be sent to. On localhost, any port is accepted."
        ),
        said("Redirect addresses"),
    ] = field(default_factory=list)
    redirect_host: Annotated[
        str,
        Meta(
            description="For OhMyGPT clients: a host, with its port if it has one. Codes may be sent to any path"
            " of it."
        ),
    ] = ""
    public: Annotated[
        bool,
        Meta(
            description="Whether the app runs in a browser or on users' devices. Such an app has no secret and"
            " must use PKCE."
        ),
    ] = False
    cap_cents: Annotated[
        int,
        Meta(ge=0, le=CAP_CENTS_MAX, description="The maximum charge per user and period."),
        said("Charge limit", unit="cents"),
    ] = CAP_MICROS // _MICROS_PER_CENT
    cap_period: Annotated[
        Literal["day", "month"], Meta(description="How often the charge limit resets.")
    ] = "month"


class OAuthApp(Shaped, kw_only=True):
    """An app as its owner and operators see it."""

    client_id: Annotated[str, Meta(pattern=r"^app_[0-9A-Za-z]+$")]
    account_id: str
    environment: Environment
    name: str
    scope: Annotated[OAuthScope, Meta(description="The scope. Each includes the ones before.")]
    redirect_uris: Annotated[list[str], Meta(description="The exact addresses for codes.")]
    redirect_host: Annotated[str, Meta(description="A host for codes, with any path.")]
    public: Annotated[bool, Meta(description="Whether the app is public: it has no secret.")]
    cap_micros: Annotated[Micros, Meta(description="The maximum charge per user and period.")]
    cap_period: Annotated[
        Literal["day", "month"], Meta(description="How often the charge limit resets.")
    ]
    secret: Annotated[str | None, Meta(description="The secret's last characters.")]
    created_at: Time
    rotated_at: Time | None
    disabled_at: Annotated[Time | None, Meta(description="When the app and its tokens ended.")]

    @classmethod
    def of(cls, app: App, /, **more: Any) -> Self:
        return super().of(
            app,
            client_id=app.id,
            redirect_uris=list(app.redirect_uris),
            public=app.is_public,
            secret=f"…{app.secret_last4}" if app.secret_last4 else None,
            **more,
        )


class CreatedOAuthApp(OAuthApp, kw_only=True):
    """An app with its secret, which is shown only this once. A public app has no secret."""

    client_secret: Annotated[
        str | None,
        Meta(description="The secret, which is shown only this once."),
        said(is_secret=True),
    ] = None


async def owner_of(tx: Transaction, app_id: str) -> Tenant:
    found = await apps.find(tx, app_id)
    if found is None:
        raise NotFound("App")
    return found.owner


async def register_app(context: ActContext, asked: NewOAuthApp) -> Change[App]:
    made, secret = await apps.create(
        context.tx,
        context.tenant,
        apps.NewApp(
            name=asked.name,
            scope=asked.scope,
            redirect_uris=asked.redirect_uris,
            redirect_host=asked.redirect_host,
            is_public=asked.public,
            cap_micros=asked.cap_cents * _MICROS_PER_CENT,
            cap_period=asked.cap_period,
        ),
        now_us=context.now_us,
        made_by=None if context.asker is None else context.by.account_id,
    )
    return Change(after=made, shown_once=_shown(secret))


async def list_apps(context: ActContext, _asked: Page, begin: Begin, limit: int) -> Sequence[App]:
    return await apps.list_apps(context.tx, context.tenant, before_id=begin, limit=limit)


async def show_app(context: ActContext) -> App:
    return await apps.get_own(context.tx, context.tenant, context.object_id)


async def rotate_secret(context: ActContext, _asked: Fields) -> Change[App]:
    before = await show_app(context)
    after, secret = await apps.rotate(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )
    return Change(before=before, after=after, shown_once=_shown(secret))


async def disable_app(context: ActContext, _asked: Fields) -> Change[App]:
    before = await show_app(context)
    after = await apps.disable(context.tx, context.tenant, context.object_id, now_us=context.now_us)
    return Change(before=before, after=after)


async def remove_app(context: ActContext, _asked: Fields) -> Change[Grant]:
    ended = await tokens.end_grant(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )
    return Change(after=ended)


async def end_token(context: ActContext, _asked: Fields) -> Change[OAuthToken]:
    ended = await tokens.revoke(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )
    return Change(after=ended)


def _shown(secret: str) -> Mapping[str, str]:
    return {"client_secret": secret} if secret else {}


def _registered(app: App) -> Mapping[str, Any]:
    return {
        "name": app.name,
        "scope": app.scope,
        "hosts": app.registered.hosts,
        "cap_micros": app.cap_micros,
    }


def _name_alone(app: App) -> Mapping[str, Any]:
    return {"name": app.name}


def _app_of(grant: Grant) -> Mapping[str, Any]:
    return {"app": grant.app_name}


def _grant_of(token: OAuthToken) -> Mapping[str, Any]:
    return {"grant_id": token.grant_id}


def _nothing(_found: object) -> Mapping[str, Any]:
    return {}


CREATE_APP = Act(
    name="apps.create",
    summary="Register an OAuth app",
    path="/apps",
    scopes=_SCOPES,
    audience=(OPERATOR,),
    input=NewOAuthApp,
    run=register_app,
    view=OAuthApp.of,
    result=CreatedOAuthApp,
    status=201,
    refuses=(LimitReached,),
    moves_money=True,
    shows_secret=True,
    audit=Audited("app.created", _registered),
    named_by="client_id",
    examples=(
        (
            "topup apps create --account ops@acme.example --name Chat --redirect-uri https://chat.example/cb"
            " --scope advanced_access --cap-cents 2000"
        ),
        (
            "topup apps create --account ops@acme.example --name Desk --public"
            " --redirect-uri http://127.0.0.1/cb --scope general_api_access"
        ),
        (
            "topup apps create --account ops@acme.example --name Wiki --redirect-host wiki.example"
            " --scope advanced_access"
        ),
    ),
)
LIST_APPS = ListAct(
    name="apps.list",
    summary="List an account's OAuth apps",
    path="/apps",
    scopes=_SCOPES,
    audience=(OPERATOR,),
    query=Page,
    run=list_apps,
    result=OAuthApp,
    prefix="app",
    named_by="client_id",
    columns=("client_id", "name", "scope", "cap_micros", "cap_period", "disabled_at"),
    examples=("topup apps list --account ops@acme.example --environment live",),
)
SHOW_APP = ReadAct(
    name="apps.show",
    summary="Show an OAuth app",
    path=_APP,
    scopes=_SCOPES,
    audience=(OPERATOR,),
    run=show_app,
    result=OAuthApp,
    owner_of=owner_of,
    named_by="client_id",
    examples=("topup apps show app_5Dv1",),
)
ROTATE_APP = Act(
    name="apps.rotate",
    summary="Replace an OAuth app's secret",
    description="The old secret stops working at once. Tokens stay valid.",
    path=f"{_APP}/rotate",
    scopes=_SCOPES,
    audience=(OPERATOR,),
    input=Fields,
    run=rotate_secret,
    view=OAuthApp.of,
    result=CreatedOAuthApp,
    owner_of=owner_of,
    moves_money=True,
    shows_secret=True,
    audit=Audited("app.secret_rotated", _nothing),
    asks="Replace the secret of {name} ({client_id})? The old secret stops working at once.",
    named_by="client_id",
    examples=("topup apps rotate app_5Dv1",),
)
DISABLE_APP = Act(
    name="apps.disable",
    summary="Disable an OAuth app for good",
    description="All its tokens stop working.",
    path=f"{_APP}/disable",
    scopes=_SCOPES,
    audience=(OPERATOR,),
    input=Fields,
    is_for_paused=True,
    is_for_suspended=True,
    run=disable_app,
    result=OAuthApp,
    owner_of=owner_of,
    audit=Audited("app.disabled", _name_alone),
    asks="Disable {name} ({client_id}) for good? All its tokens stop working.",
    named_by="client_id",
    examples=("topup apps disable app_5Dv1",),
)
END_GRANT = Act(
    name="grants.end",
    summary="Revoke an app's access",
    path="/grants/{grant_id}/end",
    scopes=_SCOPES,
    audience=(),
    input=Fields,
    is_for_paused=True,
    is_for_suspended=True,
    run=remove_app,
    view=_app_of,
    result=dict,
    audit=Audited("grant.revoked", _app_of),
)
END_TOKEN = Act(
    name="grants.end-token",
    summary="Revoke an app's token",
    path="/grants/tokens/{token_id}/end",
    scopes=_SCOPES,
    audience=(),
    input=Fields,
    is_for_paused=True,
    is_for_suspended=True,
    run=end_token,
    view=_grant_of,
    result=dict,
    audit=Audited("grant.token_revoked", _nothing),
)
ACTS = (CREATE_APP, LIST_APPS, SHOW_APP, ROTATE_APP, DISABLE_APP)
