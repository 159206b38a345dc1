"""Who looks at something public: a credential is welcome there, and none is needed."""

from typing import Any

from gateway.http.auth import check_presented, presented
from gateway.http.request_context import Call
from kernel.errors import DomainError
from keys.principal import Environment


async def environment_of(call: Call[Any, Any]) -> Environment | None:
    """The environment of the credential, if there is a good one; None for anybody else."""
    try:
        token, is_cookie = presented(call.scope, call.headers, call.context.settings)
        found = await call.context.authenticator.authenticate(token)
        check_presented(found, is_cookie=is_cookie)
    except DomainError:
        return None
    return found.environment
