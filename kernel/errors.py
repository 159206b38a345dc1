"""The root of every failure that a caller can cause or must be told about.

    DomainError                 expected; the edge turns it into a code and a status
    |- InvalidInput             a field is missing, mistyped or out of its range
    |- NotFound                 an unknown id, or one of another account or environment
    `- Unavailable              something we stand on cannot answer now; trying again may help

Every other class lives in the module that raises it and derives from DomainError. Only
gateway/http/errors.py knows numbers and HTTP statuses; a test checks that each class is in its table.
"""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """An expected refusal. `detail` is a sentence for the caller and never holds a secret.

    param names the offending field; reason is a machine-readable word where one code has several
    causes; extra joins the error object of the answer (limits, ids). retry_after_s is set where
    waiting helps.
    """

    def __init__(
        self,
        detail: str,
        *,
        param: str | None = None,
        reason: str | None = None,
        retry_after_s: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.param = param
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.extra: dict[str, Any] = dict(extra or {})


class InvalidInput(DomainError):
    """A field is missing, mistyped or out of its range; `errors` names each one."""

    def __init__(
        self, detail: str, *, param: str | None = None, errors: list[dict[str, str]] | None = None
    ) -> None:
        if errors is None and param is not None:
            errors = [{"param": param, "detail": detail}]
        super().__init__(detail, param=param, extra={"errors": errors} if errors else None)


class NotFound(DomainError):
    """Nothing of that id exists for this caller. `kind` is the word shown: "Webhook not found"."""

    def __init__(self, kind: str, *, param: str | None = None) -> None:
        super().__init__(f"{kind} not found", param=param)
        self.kind = kind


class Unavailable(DomainError):
    """The database or another part cannot take more work now."""
