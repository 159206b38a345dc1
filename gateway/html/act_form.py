"""A form made from an act's input: what each field shows, and what was typed as the input's values.

People write dollars where an input has cents, one line for each item of a list, and a date where an input has a time.
A blank field is left out, so that the input's default stands, or null where that takes a limit away.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from gateway.html.forms import Form, dollars
from gateway.html.typed import Typed
from kernel.fields import FieldFacts, Fields, facts_of

_INPUT_TYPES: Final = {"time": "date"}
_INPUT_MODES: Final = {"integer": "numeric"}


class ShownField(NamedTuple):
    """One field as the template draws it. widget: line, area, choice, ticks or tick."""

    facts: FieldFacts
    widget: str
    name: str
    label: str
    hint: str
    value: Any
    input_type: str
    input_mode: str

    @property
    def options(self) -> list[tuple[str, str]]:
        """Return the choices as a select has them; the first is none where nothing has to be chosen."""
        blank = [] if self.facts.is_required else [("", "")]
        return blank + [(word, word.replace("_", " ")) for word in self.facts.choices]


def fields_of(struct: type[Fields], form: Form) -> Sequence[ShownField]:
    """Return the fields of the input, filled with what was typed, else with their defaults."""
    return [_shown(fact, form) for fact in facts_of(struct) if fact.kind != "object"]


def form_of(struct: type[Fields], current: Any) -> Form:
    """Return the form filled with an object's fields, which have the input's names."""
    return Form({fact.name: _texts(fact, getattr(current, fact.name)) for fact in facts_of(struct)})


def typed_values(struct: type[Fields], typed: Typed) -> dict[str, Any]:
    """Return what was typed as the input's values; what cannot be read is noted."""
    values: dict[str, Any] = {}
    for fact in facts_of(struct):
        value = _typed(fact, typed)
        if value is not None or (fact.is_nullable and fact.is_kept):
            values[fact.name] = value
    return values


def _shown(fact: FieldFacts, form: Form) -> ShownField:
    default = "" if fact.default is None else _texts(fact, fact.default)
    given = form.fields.get(fact.name, default if not form.fields else ())
    label = fact.label
    hint = fact.hint
    if not fact.is_required and not fact.is_list and fact.kind != "yes_no" and not hint:
        hint = "Optional."
    return ShownField(
        facts=fact,
        widget=_widget(fact),
        name=fact.name,
        label=label.removesuffix(" cents") + (", USD" if fact.unit == "cents" else ""),
        hint=hint,
        value=list(given) if fact.is_list and fact.choices else "\n".join(given),
        input_type=_INPUT_TYPES.get(fact.kind, "password" if fact.is_secret else "text"),
        input_mode="decimal" if fact.unit == "cents" else _INPUT_MODES.get(fact.kind, ""),
    )


def _widget(fact: FieldFacts) -> str:
    if fact.kind == "yes_no":
        return "tick"
    if fact.choices:
        return "ticks" if fact.is_list else "choice"
    return "area" if fact.is_list else "line"


def _texts(fact: FieldFacts, value: Any) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return ["yes"]
    if fact.is_list:
        return [str(item) for item in value]
    if fact.unit == "cents":
        return [dollars(value)]
    return [str(value)[:10] if fact.kind == "time" else str(value)]


def _typed(fact: FieldFacts, typed: Typed) -> Any:
    form, name = typed.form, fact.name
    if fact.kind == "yes_no":
        # Left blank it is a no, also where the default is yes or what holds would stay.
        is_said = fact.is_kept or fact.default
        return bool(form.text(name)) or (False if is_said else None)
    if fact.is_list:
        found = form.many(name) if fact.choices else form.lines(name)
        return found or None
    if fact.unit == "cents":
        return typed.parse(name, lambda: form.cents(name))
    if fact.kind == "integer":
        return typed.integer(name)
    text = form.raw(name) if fact.is_secret else form.text(name)
    if fact.kind == "time" and len(text) == 10:
        return f"{text}T00:00:00Z"
    return text or None
