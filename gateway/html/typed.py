"""What a person typed, read for a body of our API: a field that cannot be read is noted, and the others are
read on, so that all that is wrong is told at once.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from gateway.html.forms import NO_AMOUNT, Form
from kernel.errors import DomainError

T = TypeVar("T")


class Typed:
    """The fields of a form. wrong: what is wrong, by the API's names of the fields.

    internal_client.ask takes `wrong`, and then does nothing but check the rest of the body.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.wrong: dict[str, str] = {}

    def parse(self, param: str, reader: Callable[[], T]) -> T | None:
        """What the reader says; None where it refuses the field, which is noted under param."""
        try:
            return reader()
        except DomainError as error:
            self.wrong[param] = error.detail
            return None

    def cents(self, name: str, *, is_required: bool = False) -> int | None:
        """Dollars in cents, as Form.cents reads them, of the API's field of that name and _cents."""
        param = f"{name}_cents"
        found = self.parse(param, lambda: self.form.cents(name))
        if found is None and is_required and param not in self.wrong:
            self.wrong[param] = NO_AMOUNT
        return found

    def amounts(self, names: Iterable[str]) -> dict[str, int | None]:
        """As Form.amounts reads them."""
        return {f"{name}_cents": self.cents(name) for name in names}

    def integer(self, name: str) -> int | None:
        """A whole number, as Form.integer reads it."""
        return self.parse(name, lambda: self.form.integer(name))

    def refuse(self, param: str, detail: str) -> None:
        """Notes what the page itself knows to be wrong."""
        self.wrong.setdefault(param, detail)
