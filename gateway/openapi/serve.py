"""GET /openapi.json, and the operators' own: public documents that are built once."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.documents import Documents
from gateway.http.routing import ApiSurface, Router
from gateway.openapi.document import PUBLIC, Api, document, encoded
from runtime.context import Context

PATH = "/openapi.json"
OPERATOR_PATH = "/openapi/operator.json"
_CACHE = "public, max-age=300"


def routes(
    context: Context,
    surfaces: Sequence[ApiSurface],
    documents: Documents,
    *,
    path: str = PATH,
    api: Api = PUBLIC,
) -> list[Route]:
    """Starlette's route of the document of these surfaces."""
    # Relative where nobody said under which address the gateway is reached: always right.
    server = context.settings.public_url or "/"

    def answer(_request: Request) -> Response:
        body = encoded(document(Router(surfaces), server, api))
        return Response(body, media_type="application/json", headers={"cache-control": _CACHE})

    return [Route(path, documents.once(answer), methods=["GET"])]
