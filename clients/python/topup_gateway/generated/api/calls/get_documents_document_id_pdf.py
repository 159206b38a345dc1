from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx

from ....call import Call, unexpected
from ...types import File


def get_documents_document_id_pdf(
    document_id: str,
) -> Call[File]:
    """A receipt or credit note, as PDF.

    By its id, or by its number. Scope: `billing:read`.
    """

    _kwargs: dict[str, Any] = {}
    return Call(
        method="GET",
        path="/api/public/v1/documents/{document_id}/pdf".format(
            document_id=quote(str(document_id), safe=""),
        ),
        parse=_parse,
        options=_kwargs,
        takes_key=False,
    )


def _parse(response: httpx.Response) -> File:
    if response.status_code == 200:
        response_200 = File(payload=BytesIO(response.content))

        return response_200

    raise unexpected(response)
