"""Access tokens: create, list and revoke them, as a merchant or operator."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, field

from kernel.errors import LimitReached, NotFound
from kernel.fields import Fields, Page
from kernel.shaped import Shaped
from kernel.words import Environment, KeyIdText, Last4, Prefix, Time
from keys.account import get_account
from keys.act import MERCHANT, OPERATOR, Act, ActContext, Audited, Change, ListAct, ReadAct
from keys.api_keys.inputs import Name
from keys.api_keys.views import UsedAt
from keys.principal import OPERATOR_SCOPES, OperatorScope, ScopeMissing
from keys.tokens import access_token
from keys.tokens.access_token import AccessToken as Token, AccessTokenKind, owner_of
from store.keyset import Begin

_SCOPES: Final = ("keys:write",)
_Kind = Annotated[
    Literal["system", "operator"],
    Meta(
        description="system: a token of the account itself (sat_). operator: a token for administration (adm_)."
    ),
]


class AccessToken(Shaped, kw_only=True):
    """A system access token as listed. If a key made it, `key_id` is that key."""

    id: Annotated[str, Meta(pattern=r"^tok_[0-9A-Za-z]+$")]
    key_id: KeyIdText | None
    environment: Environment
    name: str
    prefix: Prefix
    last4: Last4
    created_at: Time
    last_used_at: UsedAt
    revoked_at: Time | None


class CreatedToken(AccessToken, kw_only=True):
    """A token that was just created. `token` is its secret, which is shown only this once."""

    token: Annotated[
        str,
        Meta(
            pattern=r"^sat_(staging|live)_[0-9A-Za-z]+$",
            description="The secret, which is shown only this once.",
        ),
    ]


class IssuedToken(AccessToken, kw_only=True):
    """An account's token, as operators see it."""

    kind: Annotated[
        Literal["system", "operator"],
        Meta(
            description="system: a token of the account itself (sat_). operator: a token for administration"
            " (adm_)."
        ),
    ]
    account_id: str
    scopes: Annotated[
        list[OperatorScope], Meta(description="The operator token's scopes at the operators' API.")
    ]

    @classmethod
    def of(cls, token: Token, /, **more: Any) -> Self:
        is_whole = token.kind == "operator" and not token.scopes
        scopes = OPERATOR_SCOPES if is_whole else token.scopes
        return super().of(token, scopes=list(scopes), **more)


class CreatedIssuedToken(IssuedToken, kw_only=True):
    """A token that an operator just created. `token` is its secret, which is shown only this once."""

    token: Annotated[
        str,
        Meta(
            pattern=r"^(sat|adm)_(staging|live)_[0-9A-Za-z]+$",
            description="The secret, which is shown only this once.",
        ),
    ]


class CreateTokenBody(Fields, frozen=True, kw_only=True):
    """A new access token."""

    name: Name = "Access token"


class DeleteTokenBody(Fields, frozen=True, kw_only=True):
    """The token to revoke, if the path doesn't name it."""

    id: Annotated[
        str, Meta(max_length=64, pattern=r"^tok_[0-9A-Za-z]+\Z", description="The token's ID.")
    ]


class NewIssuedToken(Fields, frozen=True, kw_only=True):
    """A new access token for an account."""

    kind: _Kind
    name: Name = "Access token"
    scopes: Annotated[
        list[OperatorScope],
        Meta(
            max_length=len(OPERATOR_SCOPES),
            description="For an operator token: its scopes, to read, to change or to move money. If omitted, all.",
        ),
    ] = field(default_factory=list)


class TokenPage(Page, frozen=True, kw_only=True):
    """The query parameters of the operators' token list."""

    kind: Annotated[
        _Kind | None, Meta(description="Return only tokens of this kind. If omitted, both kinds.")
    ] = None


async def create_token(context: ActContext, asked: CreateTokenBody) -> Change[Token]:
    return await _create(context, "system", asked.name)


async def issue_token(context: ActContext, asked: NewIssuedToken) -> Change[Token]:
    if asked.kind == "operator":
        # A token that was borrowed for a moment could otherwise make tokens that outlive it.
        context.require_machine(
            "Operator tokens can be made only on the installation's own machine:"
            " topup tokens create --kind operator."
        )
    if context.by.kind != "cli":
        account = await get_account(context.tx, context.tenant.account_id)
        if account.is_operator:
            raise ScopeMissing(
                "Tokens of an operator's account can administer this gateway. Create them only "
                "on the installation's own machine, with: topup tokens create --kind system.",
                reason="scope",
            )
    return await _create(context, asked.kind, asked.name, asked.scopes)


async def _create(
    context: ActContext,
    kind: AccessTokenKind,
    name: str,
    scopes: Sequence[OperatorScope] = (),
) -> Change[Token]:
    made, secret = await access_token.create(
        context.tx,
        kind=kind,
        account_id=context.tenant.account_id,
        environment=context.environment,
        name=name,
        maker=context.asker,
        scopes=scopes,
        now_us=context.now_us,
    )
    return Change(after=made, shown_once={"token": secret})


async def list_tokens(
    context: ActContext, _asked: Page, begin: Begin, limit: int
) -> Sequence[Token]:
    return await access_token.list_tokens(
        context.tx,
        context.tenant,
        kind="system",
        viewer=context.asker,
        before_id=begin,
        limit=limit,
    )


async def list_issued(
    context: ActContext, asked: TokenPage, begin: Begin, limit: int
) -> Sequence[Token]:
    return await access_token.list_tokens(
        context.tx, context.tenant, kind=asked.kind, before_id=begin, limit=limit
    )


async def show_token(context: ActContext) -> Token:
    return await access_token.get(context.tx, context.tenant, context.object_id, kind=None)


async def revoke_token(context: ActContext, _asked: Fields) -> Change[Token]:
    return await _revoke(context, context.object_id, "system")


async def revoke_named(context: ActContext, asked: DeleteTokenBody) -> Change[Token]:
    return await _revoke(context, asked.id, "system")


async def revoke_issued(context: ActContext, _asked: Fields) -> Change[Token]:
    return await _revoke(context, context.object_id, None)


async def _revoke(
    context: ActContext, token_id: str, kind: AccessTokenKind | None
) -> Change[Token]:
    tx, tenant, asker = context.tx, context.tenant, context.asker
    before = await access_token.get(tx, tenant, token_id, kind=kind, viewer=asker)
    after = await access_token.revoke(
        tx, tenant, token_id, kind=kind, asker=asker, now_us=context.now_us
    )
    return Change(before=before, after=after)


def _name_alone(token: Token) -> Mapping[str, Any]:
    return {"name": token.name}


def _issued(token: Token) -> Mapping[str, Any]:
    return {"name": token.name, "kind": token.kind, "scopes": token.scopes}


CREATE_TOKEN = Act(
    name="tokens.create",
    moves_money=True,
    summary="Create an access token",
    path="/tokens",
    scopes=_SCOPES,
    audience=(MERCHANT,),
    input=CreateTokenBody,
    run=create_token,
    view=AccessToken.of,
    result=CreatedToken,
    status=201,
    refuses=(LimitReached,),
    shows_secret=True,
    asks_password=True,
    audit=Audited("token.created", _name_alone),
)
LIST_TOKENS = ListAct(
    name="tokens.list",
    summary="List access tokens",
    path="/tokens",
    scopes=_SCOPES,
    audience=(MERCHANT,),
    query=Page,
    run=list_tokens,
    result=AccessToken,
    prefix="tok",
)
REVOKE_NAMED_TOKEN = Act(
    name="tokens.revoke-named",
    summary="Revoke the access token that the body names",
    method="DELETE",
    path="/tokens",
    scopes=_SCOPES,
    audience=(MERCHANT,),
    input=DeleteTokenBody,
    run=revoke_named,
    result=AccessToken,
    refuses=(NotFound,),
    is_for_suspended=True,
    audit=Audited("token.revoked", _name_alone),
)
REVOKE_TOKEN = Act(
    name="tokens.revoke",
    summary="Revoke an access token",
    method="DELETE",
    path="/tokens/{token_id}",
    scopes=_SCOPES,
    audience=(MERCHANT,),
    input=Fields,
    run=revoke_token,
    result=AccessToken,
    is_for_suspended=True,
    audit=Audited("token.revoked", _name_alone),
)
ISSUE_TOKEN = Act(
    name="tokens.create",
    moves_money=True,
    summary="Create an account's access token",
    description="A system token (sat_) can do what its account may do. An operator token (adm_) can call the"
    " operators' API, and can be created only on the installation's own machine.",
    path="/tokens",
    audience=(OPERATOR,),
    input=NewIssuedToken,
    run=issue_token,
    view=IssuedToken.of,
    result=CreatedIssuedToken,
    status=201,
    refuses=(LimitReached, ScopeMissing),
    shows_secret=True,
    audit=Audited("token.created", _issued),
    examples=(
        "topup tokens create --account us@acme.example --kind operator --name reports --scope operator:read",
    ),
)
LIST_ISSUED = ListAct(
    name="tokens.list",
    summary="List an account's access tokens",
    path="/tokens",
    audience=(OPERATOR,),
    query=TokenPage,
    run=list_issued,
    result=IssuedToken,
    prefix="tok",
    columns=("id", "kind", "name", "prefix", "last4", "last_used_at", "revoked_at"),
    examples=("topup tokens list --account us@acme.example --kind system",),
)
SHOW_ISSUED = ReadAct(
    name="tokens.show",
    summary="Show an access token",
    path="/tokens/{token_id}",
    audience=(OPERATOR,),
    run=show_token,
    result=IssuedToken,
    owner_of=owner_of,
    examples=("topup tokens show tok_2Ab9",),
)
REVOKE_ISSUED = Act(
    name="tokens.revoke",
    summary="Revoke an access token",
    method="DELETE",
    path="/tokens/{token_id}",
    audience=(OPERATOR,),
    input=Fields,
    run=revoke_issued,
    result=IssuedToken,
    owner_of=owner_of,
    is_for_suspended=True,
    audit=Audited("token.revoked", _name_alone),
    asks="Revoke the {kind} token {name} ({id})? It stops working for good.",
    examples=("topup tokens revoke tok_2Ab9",),
)
ACTS = (CREATE_TOKEN, LIST_TOKENS, REVOKE_NAMED_TOKEN, REVOKE_TOKEN)
OPERATOR_ACTS = (ISSUE_TOKEN, LIST_ISSUED, SHOW_ISSUED, REVOKE_ISSUED)
