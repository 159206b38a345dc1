"""What is shown of an access token; a secret is shown once, when it is made."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta

from kernel.shaped import Shaped
from kernel.words import Environment, KeyIdText, Last4, Prefix, Time
from keys.api_keys.views import UsedAt
from keys.principal import OPERATOR_SCOPES, OperatorScope
from keys.tokens.access_token import AccessToken as Token


class AccessToken(Shaped, kw_only=True):
    """A system access token as it is listed; key_id is the key that it is bound to."""

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
    """A token just made: `token` is its secret, shown this once."""

    token: Annotated[
        str,
        Meta(
            pattern=r"^sat_(staging|live)_[0-9A-Za-z]+$", description="The secret, shown this once."
        ),
    ]


class IssuedToken(AccessToken, kw_only=True):
    """A token of an account as operators see it."""

    kind: Annotated[
        Literal["system", "operator"],
        Meta(description="system: an account's own (sat_); operator: of administration (adm_)."),
    ]
    account_id: str
    scopes: Annotated[
        list[OperatorScope],
        Meta(description="What an operator token may do at the operators' API."),
    ]

    @classmethod
    def of(cls, token: Token, /, **more: Any) -> Self:
        is_whole = token.kind == "operator" and not token.scopes
        scopes = OPERATOR_SCOPES if is_whole else token.scopes
        return super().of(token, scopes=list(scopes), **more)


class CreatedIssuedToken(IssuedToken, kw_only=True):
    """A token that an operator just made: `token` is its secret, shown this once."""

    token: Annotated[
        str,
        Meta(
            pattern=r"^(sat|adm)_(staging|live)_[0-9A-Za-z]+$",
            description="The secret, shown this once.",
        ),
    ]
