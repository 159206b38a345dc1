"""Choose the samples that a signed-in reader can run (gateway/static/docs_run.js).

Samples that create or change keys or webhooks, decide approvals or redeem codes are left out.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.docs import samples
from gateway.docs.reference import DocumentedResource, Operation
from gateway.surfaces import API_PREFIX

# Keep these scopes equal to SCOPES in docs_run.js.
RUN_SCOPES: Final = frozenset(
    {
        "topup:send",
        "topup:read",
        "webhooks:read",
        "usage:read",
        "usage:write",
        "billing:read",
        "billing:write",
    }
)
# Samples never change a key, not even the one that they use.
_KEYS: Final = f"{API_PREFIX}/keys"
_PARAM: Final = re.compile(r"\\\{\w+\\\}")
_JSON: Final = "content-type: application/json"
_KEY: Final = "authorization: bearer $key"
_ONCE: Final = "idempotency-key: "
_DATA: Final = frozenset({"-d", "--json"})
_TAKEN: Final = frozenset({"-X", "-H", *_DATA})

Runnable = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GuideSample:
    run: Runnable
    texts: Sequence[tuple[str, str]]


class Runnables:
    def __init__(self, listed: Sequence[DocumentedResource]) -> None:
        operations = [one for resource in listed for one in resource.operations]
        self._known = [
            (one.method, re.compile(_PARAM.sub("[^/]+", re.escape(one.path))))
            for one in operations
            if is_runnable(one)
        ]

    def of_text(self, text: str) -> GuideSample | None:
        call = _read(text)
        if call is None:
            return None
        path = urlsplit(call.url).path
        if not any(
            call.method == method and known.fullmatch(path) for method, known in self._known
        ):
            return None
        texts = [
            ("curl", text),
            ("Python", samples.python(call)),
            ("JavaScript", samples.javascript(call)),
        ]
        return GuideSample(_run(call), texts)


def is_runnable(operation: Operation) -> bool:
    call = operation.call
    return (
        operation.path.startswith(API_PREFIX)
        and call.credential == "key"
        and not call.streams
        and call.file is None
        and (call.method == "GET" or not operation.path.startswith(_KEYS))
        and any(scope in RUN_SCOPES for scope in call.scopes)
    )


def of_operation(operation: Operation) -> Runnable | None:
    return _run(operation.call) if is_runnable(operation) else None


def _run(call: samples.Call) -> Runnable:
    return {"method": call.method, "path": _path(call.url), "body": call.body}


def _read(text: str) -> samples.Call | None:
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError:
        return None
    if words[:1] != ["curl"] or words.count("curl") != 1:
        return None
    given = list(_options(words[1:]))
    urls = [value for name, value in given if name == ""]
    headers = [value.lower() for name, value in given if name == "-H"]
    bodies = [value for name, value in given if name in _DATA]
    is_plain = all(name in _TAKEN or name == "" for name, _ in given) and all(
        one in {_JSON, _KEY} or one.startswith(_ONCE) for one in headers
    )
    if not is_plain or len(urls) != 1 or _KEY not in headers or len(bodies) > 1:
        return None
    method = next((value for name, value in given if name == "-X"), "POST" if bodies else "GET")
    once = next((value for name, value in given if value.lower().startswith(_ONCE)), None)
    return samples.Call(
        method=method,
        url=urls[0],
        body=json.loads(bodies[0]) if bodies else None,
        is_form=False,
        credential="key",
        takes_idempotency_key=once is not None,
        once=None if once is None else once[len(_ONCE) :],
    )


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for word in rest:
        yield (word, next(rest, "")) if word.startswith("-") else ("", word)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
