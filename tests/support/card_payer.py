"""A payer of the Machine Payments Protocol: the authors' own client, with tokens that an agent makes."""

from collections.abc import Callable, Mapping

import httpx
from mpp.client.transport import PaymentTransport
from mpp.methods.stripe.client import OnChallengeParameters, charge

from tests.support.gateway import NO_TLS

SHOWN = "credential"


class _Recording(httpx.AsyncHTTPTransport):
    """Notes beside each answer which credential was shown for it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        headers = request.headers
        response.extensions[SHOWN] = {
            name: headers[name]
            for name in ("authorization", "payment-authorization")
            if name in headers
        }
        return response


def card_client(
    base_url: str,
    grant: Callable[[int], str],
    *,
    headers: Mapping[str, str] | None = None,
    tries: int = 1,
) -> httpx.AsyncClient:
    """An HTTP client that pays each 402 by itself; grant: a token for so many cents."""

    async def made(asked: OnChallengeParameters) -> str:
        return grant(int(asked.amount))

    transport = PaymentTransport(
        methods=[charge(create_token=made, payment_method="pm_card_visa")],
        inner=_Recording(verify=NO_TLS),
        max_payment_retries=tries,
    )
    return httpx.AsyncClient(
        transport=transport, base_url=base_url, headers=headers, trust_env=False, timeout=60
    )
