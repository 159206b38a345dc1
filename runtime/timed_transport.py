"""Time the requests to payment providers and how they end, around their transport.

Labels are the request's provider and a class of outcome, never a status, an address or a text of the other
side.
"""

import time

import httpx

from billing.providers.http import PROVIDER_EXTENSION
from runtime.plain_metrics import PlainHistogram


class TimedTransport(httpx.AsyncBaseTransport):
    """The owner of the transport inside closes it."""

    def __init__(self, inside: httpx.AsyncBaseTransport, seconds: PlainHistogram) -> None:
        """Wrap it. seconds: by provider and outcome."""
        self._inside = inside
        self._seconds = seconds

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began_s = time.monotonic()
        # A cancelled task was given up by the caller's own deadline.
        outcome = "timeout"
        try:
            response = await self._inside.handle_async_request(request)
            outcome = f"{response.status_code // 100}xx"
        except httpx.TimeoutException:
            raise
        except httpx.HTTPError:
            outcome = "no_answer"
            raise
        finally:
            provider = str(request.extensions.get(PROVIDER_EXTENSION, "other"))
            self._seconds.observe(time.monotonic() - began_s, provider, outcome)
        return response
