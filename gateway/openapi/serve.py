"""GET /openapi.json: public, built once for each process, with an ETag."""

import hashlib
from collections.abc import Sequence
from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.routing import ApiSurface, Router
from gateway.openapi.document import document, encoded
from runtime.context import Context

PATH = "/openapi.json"
_CACHE = "public, max-age=300"
_NOT_MODIFIED = 304


def routes(context: Context, surfaces: Sequence[ApiSurface]) -> list[Route]:
    """Starlette's route of the document of these surfaces."""
    # Relative where nobody said under which address the gateway is reached: always right.
    server = context.settings.public_url or "/"

    @cache
    def built() -> tuple[bytes, str]:
        body = encoded(document(Router(surfaces), server))
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    async def answer(request: Request) -> Response:
        body, etag = built()
        headers = {"etag": etag, "cache-control": _CACHE}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=_NOT_MODIFIED, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    return [Route(PATH, answer, methods=["GET"])]
