"""The root of every failure that a caller can cause or must be told about.

    DomainError                 expected; the edge turns it into a code and a status
    |- InvalidInput             a field is missing, mistyped or out of its range
    |- NotFound                 an unknown id, or one of another account or environment
    |- LimitReached             there are as many of them as there may be; one has to go first
    `- Unavailable              something we stand on cannot answer now; trying again may help

Every other class lives in the module that raises it and derives from DomainError. Only
gateway/http/errors.py knows numbers and HTTP statuses; a test checks that each class is in its table.
"""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """An expected refusal. `detail` is a sentence for the caller and never holds a secret.

    With values it is a template, "{param} is {least} to {most}", which they and param are put into.
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
        **values: object,
    ) -> None:
        self._template, self._values = detail, values
        self.param = param
        super().__init__(self.detail)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.extra: dict[str, Any] = dict(extra or {})

    @property
    def detail(self) -> str:
        if not self._values:
            return self._template
        return self._template.format(param=self.param, **self._values)

    def rename(self, names: Mapping[str, str]) -> None:
        """For a caller who knows the field by another name; names: by the one that it has here."""
        self.param = names.get(self.param or "", self.param)


class LimitReached(DomainError):
    """There are as many as there may be; one has to go, or to end, before another comes."""


class InvalidInput(DomainError):
    """A field is missing, mistyped or out of its range; `errors` names each one."""

    def __init__(
        self,
        detail: str,
        *,
        param: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        **values: Any,
    ) -> None:
        super().__init__(detail, param=param, **values)
        if errors is None and param is not None:
            errors = [{"param": param, "detail": self.detail}]
        if errors:
            self.extra["errors"] = errors

    def rename(self, names: Mapping[str, str]) -> None:
        told = self.detail
        super().rename(names)
        for problem in self.extra.get("errors", ()):
            problem["param"] = names.get(problem["param"], problem["param"])
            if problem["detail"] == told:
                problem["detail"] = self.detail


class NotFound(DomainError):
    """Nothing of that id exists for this caller. `kind` is the word shown: "Webhook not found"."""

    def __init__(self, kind: str, *, param: str | None = None) -> None:
        super().__init__(f"{kind} not found", param=param)
        self.kind = kind


class Unavailable(DomainError):
    """The database or another part cannot take more work now."""
