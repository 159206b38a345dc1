"""Read what a person typed; report all errors at once."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from gateway.html.forms import NO_AMOUNT, Form
from kernel.errors import DomainError

T = TypeVar("T")


class Typed:
    """wrong: by the input's field names."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.wrong: dict[str, str] = {}

    def parse(self, param: str, reader: Callable[[], T]) -> T | None:
        """Return what the reader returns, or record its refusal."""
        try:
            return reader()
        except DomainError as error:
            self.wrong[param] = error.detail
            return None

    def cents(self, name: str, *, is_required: bool = False) -> int | None:
        """Return dollars in cents, for the field of that name and _cents."""
        param = f"{name}_cents"
        found = self.parse(param, lambda: self.form.cents(name))
        if found is None and is_required and param not in self.wrong:
            self.wrong[param] = NO_AMOUNT
        return found

    def amounts(self, names: Iterable[str]) -> dict[str, int | None]:
        return {f"{name}_cents": self.cents(name) for name in names}

    def integer(self, name: str) -> int | None:
        return self.parse(name, lambda: self.form.integer(name))

    def refuse(self, param: str, detail: str) -> None:
        self.wrong.setdefault(param, detail)
