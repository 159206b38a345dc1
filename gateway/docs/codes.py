"""Show each code as HTML, Markdown and JSON, at the address that an error's doc_url names."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.answers.response_codes import CODES, Code
from gateway.docs import samples
from gateway.docs.code_repairs import NOTES, REPAIRS, Repair
from gateway.openapi.examples import EXAMPLES, Example
from gateway.openapi.field_words import in_path
from gateway.surfaces import API_PREFIX

PATH: Final = "/docs/codes"
_FIRST_ERROR: Final = 400
_PARAM: Final = re.compile(r"\{(\w+)\}")
_OPEN: Final = frozenset({"/keys/sandbox"})


class CodePage(msgspec.Struct, kw_only=True, frozen=True):
    """A code's page. `repair` and `call` are null unless the code is an error."""

    code: int
    message: str
    http_statuses: tuple[int, ...]
    is_error: bool
    next_action: str | None
    retryable: bool
    cause: str
    repair: str | None
    call: Mapping[str, Any] | None
    sample: str | None


def requested_page(request: Request, server: str) -> CodePage:
    number = request.path_params["code"]
    is_number = number.isascii() and number.isdecimal() and len(number) == len("1000")
    row = CODES.get(int(number)) if is_number else None
    if row is None:
        raise HTTPException(404)
    return page_of(row, server)


def page_of(row: Code, server: str) -> CodePage:
    repair = REPAIRS.get(row.code)
    shown = None if repair is None else _call(repair, server)
    call = None
    if shown is not None:
        call = {"method": shown.method, "href": shown.url, "body": shown.body}
    return CodePage(
        code=row.code,
        message=row.message,
        http_statuses=row.http_statuses,
        is_error=row.http_statuses[0] >= _FIRST_ERROR,
        next_action=row.next_action,
        retryable=row.is_retryable,
        cause=NOTES[row.code],
        repair=None if repair is None else repair.sentence,
        call=call,
        sample=None if shown is None else samples.curl(shown),
    )


def as_markdown(page: CodePage) -> str:
    statuses = ", ".join(map(str, page.http_statuses))
    head = f"# {page.code} {page.message}\n\nHTTP {statuses}"
    if page.next_action is not None:
        head += f" · next_action `{page.next_action}`"
    parts = [head, f"**Cause.** {page.cause}"]
    if page.repair is not None:
        parts.append(f"**What to do.** {page.repair}")
    if page.sample is not None:
        parts.append(f"```sh\n{page.sample}\n```")
    if page.is_error:
        parts.append(f"Your own: [Request log](/dashboard/requests?code={page.code})")
    parts.append(
        "What the fields of an error mean: [Errors](/docs/errors.md). [All codes](/docs/codes.md)"
    )
    return "\n\n".join(parts) + "\n"


def _call(repair: Repair, server: str) -> samples.Call | None:
    if repair.call is None:
        return None
    method, path = repair.call
    example = EXAMPLES.get((method, API_PREFIX + path), Example())
    return samples.Call(
        method=method,
        url=server + API_PREFIX + _PARAM.sub(lambda name: in_path(name[1])["example"], path),
        body=repair.body or example.body,
        is_form=False,
        credential="none" if path in _OPEN else "key",
        takes_idempotency_key=method == "POST" and path not in _OPEN,
    )
