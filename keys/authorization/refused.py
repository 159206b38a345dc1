"""Refusals of the authorization server, in OAuth's own words."""

from typing import Literal

from kernel.errors import DomainError

# RFC 6749 (4.1.2.1, 5.2), RFC 7591 (3.2.2), RFC 8707 (2).
OAuthError = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_target",
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "unsupported_grant_type",
    "unsupported_response_type",
    "access_denied",
    "temporarily_unavailable",
]


class AuthorizationRefused(DomainError):
    """error is the word that a client acts on; the detail is for its developer."""

    def __init__(self, error: OAuthError, detail: str, *, param: str | None = None) -> None:
        super().__init__(detail, param=param, reason=error)
        self.error: OAuthError = error


class ClientUnknown(AuthorizationRefused):
    """No client has this client_id: a registration may have expired, and can be made again."""

    def __init__(self, detail: str) -> None:
        super().__init__("invalid_client", detail, param="client_id")
