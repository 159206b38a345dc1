"""Find who requests a paid top-up, and in which environment."""

from billing.machine_payments.payment import NotOffered
from gateway.http.auth import check_presented, presented
from gateway.http.fields import EnvironmentMismatch
from gateway.x402 import credentials
from gateway.x402.offered import LIVE_FIRST, offered
from gateway.x402.ways import PaidCall
from kernel.errors import InvalidInput
from keys.authenticator import InvalidCredential
from keys.principal import Environment, Principal, check_address, require_scope


async def caller(call: PaidCall) -> Principal | None:
    """Return whose key is beside the payment, or None. Raise what refuses a key."""
    if call.credential is not None:
        require_scope(call.credential, "topup:send")
        return call.credential
    in_front = call.headers.get(b"authorization")
    if in_front is None or credentials.is_payment(in_front):
        return None
    token, is_cookie = presented(call.scope, call.headers, call.context.settings)
    principal = await call.context.authenticator.authenticate(token)
    check_presented(principal, is_cookie=is_cookie)
    if is_cookie:
        raise InvalidCredential("Send an API key as Authorization: Bearer ak_….")
    if principal.ip_allow_lists:
        check_address(principal, call.address)
    require_scope(principal, "topup:send")
    call.principal = principal
    return principal


def environment_of(
    call: PaidCall, principal: Principal | None, protocol: str | None
) -> Environment:
    """Return whose credit is bought, by the payment's protocol, if one came.

    Raises EnvironmentMismatch, InvalidInput and NotOffered.
    """
    asked = call.body.environment
    if principal is not None:
        if asked not in (None, principal.environment):
            raise EnvironmentMismatch(f"The key is {principal.environment}'s.", param="environment")
        asked = principal.environment
    taken = {one: offered(call.context, one) for one in LIVE_FIRST}
    wanted = LIVE_FIRST if asked is None else (asked,)
    for environment in wanted:
        if taken[environment] and (protocol is None or protocol in taken[environment]):
            return environment
    allowed = sorted(
        one for one, doors in taken.items() if doors and (protocol is None or protocol in doors)
    )
    if allowed and principal is None:
        detail = f"such payments are taken in {' and '.join(allowed)} alone"
        problem = {"param": "environment", "detail": detail, "allowed": allowed}
        raise InvalidInput(detail, param="environment", errors=[problem])
    raise NotOffered("This gateway's operator hasn't set up such payments.")
