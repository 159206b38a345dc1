"""Represent an error before an API formats it."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from gateway.answers.answer import Answer
from gateway.answers.response_codes import MALFORMED, Code
from kernel.errors import DomainError

_WORDS = re.compile(r"[\s:,`]+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error, with its row in the code table and this request's details."""

    code: Code
    http_status: int
    message: str
    detail: str
    error: Mapping[str, Any]
    transaction_id: str | None = None
    status: str | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        param = self.error.get("param")
        is_named = param is None or param in _WORDS.split(self.detail)
        if is_named or self.code.code != MALFORMED:
            return self.detail
        return f"{param}: {self.detail}"


Refuse = Callable[[Refusal, int], Answer | ASGIApp]


def sentence(detail: str, param: str | None = None) -> str:
    first = detail.partition(" ")[0].rstrip(":")
    if first == param or "_" in first:
        return detail
    return detail[:1].upper() + detail[1:]


@contextmanager
def renamed_fields(**names: str) -> Iterator[None]:
    """Rename fields in errors raised inside this context. With provider="channel", an error about `provider` names
    `channel`.
    """
    try:
        yield
    except DomainError as error:
        error.rename(names)
        raise
