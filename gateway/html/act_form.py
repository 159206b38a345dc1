"""Make a form from an act's input, and read what was typed as the input's values.

People write dollars for cents, 10m for seconds, a line for each item of a list, a row for each object of one,
and a date for a time. A blank field is left out, or is null if that removes a limit.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from billing.ledger.price import Price, price_of
from gateway.html.forms import Form, dollars, ungrouped
from gateway.html.phrase import phrase
from gateway.html.typed import Typed
from kernel.errors import InvalidInput
from kernel.fields import FieldFacts, Fields, facts_of

_INPUT_TYPES: Final = {"time": "date"}
_INPUT_MODES: Final = {"integer": "numeric"}
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LENGTH: Final = re.compile(r"(\d{1,9})\s*([smhd]?)")
# The time that a typed day means, by the field's unit.
_TIMES: Final = {"day_end": "T23:59:59Z"}
_ROWS_MIN: Final = 2


class ShownField(NamedTuple):
    """widget: line, area, document, choice, ticks, tick or rows, of which each row has fields."""

    facts: FieldFacts
    widget: str
    name: str
    label: str
    hint: str
    value: Any
    input_type: str
    input_mode: str
    is_required: bool
    rows: Sequence[Sequence["ShownField"]] = ()

    @property
    def options(self) -> list[tuple[str, str]]:
        """Return a select's choices; the first is none if nothing has to be chosen."""
        blank = [] if self.facts.is_required else [("", "")]
        return blank + [
            (word, self.facts.words.get(word, word.replace("_", " ")))
            for word in self.facts.choices
        ]


def fields_of(
    struct: type[Fields],
    form: Form,
    choices: Mapping[str, Collection[str] | Mapping[str, str]] | None = None,
) -> Sequence[ShownField]:
    """Return the input's fields, filled with what was typed, else with their defaults.

    choices: words that the page knows better than the input.
    """
    found = choices or {}
    shown = []
    for fact in _asked(struct):
        words = found.get(fact.name)
        worded = fact._replace(words=words) if isinstance(words, Mapping) else fact
        shown.append(_shown(worded._replace(choices=_offered(fact, form, found)), form))
    return shown


def in_runs(fields: Iterable[ShownField]) -> list[list[ShownField]]:
    groups = groupby(enumerate(fields), lambda one: -1 if one[1].widget == "line" else one[0])
    return [[field for _, field in group] for _, group in groups]


def form_of(struct: type[Fields], current: Any) -> Form:
    fields: dict[str, Sequence[str]] = {}
    for fact in _asked(struct):
        value = _part(current, fact.name)
        if fact.unit == "minor" and value is not None:
            value = Price(value, _part(current, fact.currency)).decimal()
        if fact.kind == "rows":
            for inner in fact.inner:
                fields[_inside(fact, inner)] = [
                    _text(inner, _part(row, inner.name)) for row in value or ()
                ]
        else:
            texts = _texts(fact, value)
            fields[fact.name] = ["\n".join(texts)] if _is_area(fact) else texts
    return Form(fields)


def _part(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, Mapping) else getattr(source, name)


def typed_values(struct: type[Fields], typed: Typed, shown: Form | None = None) -> dict[str, Any]:
    """Return what was typed as the input's values; unreadable ones are recorded.

    shown: the form as the object fills it. A time whose day is unchanged is left out.
    """
    values: dict[str, Any] = {}
    for fact in _asked(struct):
        if fact.kind == "time" and shown and typed.form.text(fact.name) == shown.text(fact.name):
            continue
        value = _typed(fact, typed)
        if value is None and fact.is_list and fact.is_kept and not fact.is_nullable:
            value = []
        if value is not None or (fact.is_nullable and fact.is_kept):
            values[fact.name] = value
    return values


def sentences_of(struct: type[Fields]) -> set[str]:
    facts = [
        one
        for fact in _asked(struct)
        for one in (fact, *(_in_row(fact, each) for each in fact.inner))
    ]
    return {text for one in facts for text in (_label(one), _hint(one), *one.words.values())} - {""}


def _asked(struct: type[Fields]) -> list[FieldFacts]:
    return [
        fact
        for fact in facts_of(struct)
        if (fact.kind != "object" or _is_pairs(fact)) and not fact.is_former
    ]


def _is_pairs(fact: FieldFacts) -> bool:
    return fact.unit == "pairs" and not fact.is_secret


def _offered(
    fact: FieldFacts, form: Form, choices: Mapping[str, Collection[str] | Mapping[str, str]]
) -> tuple[str, ...]:
    if fact.name not in choices:
        return fact.choices
    offered = choices[fact.name]
    return (*offered, *(one for one in _items(form, fact) if offered and one not in offered))


def _shown(fact: FieldFacts, form: Form) -> ShownField:
    default = "" if fact.default is None else _texts(fact, fact.default)
    given = form.fields.get(fact.name, default if not form.fields else ())
    is_text = fact.kind == "text" and not fact.is_list and not fact.choices
    return ShownField(
        facts=fact,
        widget=_widget(fact),
        name=fact.name,
        label=phrase("%(label)s, USD", label=phrase(_label(fact)))
        if fact.unit == "cents"
        else _label(fact),
        hint=_hint(fact),
        value=_words(given) if fact.is_list and fact.choices else "\n".join(given),
        input_type=_INPUT_TYPES.get(fact.kind, "password" if fact.is_secret else "text"),
        input_mode=_input_mode(fact),
        is_required=fact.is_required or (is_text and _is_never_blank(fact)),
        rows=_rows(fact, form) if fact.kind == "rows" else (),
    )


def _is_never_blank(fact: FieldFacts) -> bool:
    return not fact.is_nullable and (fact.is_kept or bool(fact.default))


def _label(fact: FieldFacts) -> str:
    return fact.label.removesuffix(" cents")


def _hint(fact: FieldFacts) -> str:
    has_none = fact.is_required or fact.is_list or fact.kind == "yes_no" or fact.hint
    return fact.hint if has_none else phrase("Optional.")


def _input_mode(fact: FieldFacts) -> str:
    if fact.unit in {"cents", "s"}:
        return "decimal" if fact.unit == "cents" else ""
    return _INPUT_MODES.get(fact.kind, "")


def _rows(fact: FieldFacts, form: Form) -> list[list[ShownField]]:
    given = [form.many(_inside(fact, inner)) for inner in fact.inner]
    number = max(_ROWS_MIN, 1 + max(map(len, given), default=0))
    return [
        [
            _shown(_in_row(fact, inner), _row_form(fact, form, row))._replace(is_required=False)
            for inner in fact.inner
        ]
        for row in range(number)
    ]


def _row_form(fact: FieldFacts, form: Form, row: int) -> Form:
    names = [_inside(fact, inner) for inner in fact.inner]
    return Form({name: form.many(name)[row : row + 1] for name in names})


def _in_row(fact: FieldFacts, inner: FieldFacts) -> FieldFacts:
    return inner._replace(name=_inside(fact, inner), hint="")


def _inside(fact: FieldFacts, inner: FieldFacts) -> str:
    return f"{fact.name}.{inner.name}"


def _widget(fact: FieldFacts) -> str:
    if fact.kind in {"yes_no", "rows"}:
        return "rows" if fact.kind == "rows" else "tick"
    if fact.choices:
        return "ticks" if fact.is_list else "choice"
    if fact.kind == "document":
        return "document"
    return "area" if _is_area(fact) else "line"


def _is_area(fact: FieldFacts) -> bool:
    return (fact.is_list and not fact.choices) or _is_pairs(fact)


def _texts(fact: FieldFacts, value: Any) -> list[str]:
    if fact.is_list:
        return [str(item) for item in value or ()]
    if _is_pairs(fact):
        return [f"{name}={one or ''}" for name, one in (value or {}).items()]
    text = _text(fact, value)
    return [text] if text else []


def _text(fact: FieldFacts, value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if fact.unit == "cents":
        return dollars(value)
    if fact.unit == "s":
        return _length(value)
    return str(value)[:10] if fact.kind == "time" else str(value)


def _length(seconds: int) -> str:
    fits = (unit for unit, length_s in _UNITS_S.items() if seconds % length_s == 0)
    unit = max(fits, key=lambda one: _UNITS_S[one])
    return f"{seconds // _UNITS_S[unit]}{unit}"


def _items(form: Form, fact: FieldFacts) -> list[str]:
    if fact.unit == "lines":
        return _lines(form, fact.name)
    return _words(form.many(fact.name))


def _words(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in Form({"": [text]}).lines("")]


def _typed(fact: FieldFacts, typed: Typed) -> Any:
    form, name = typed.form, fact.name
    if fact.kind == "yes_no":
        # Left blank it is a no.
        is_said = fact.is_kept or fact.default
        return bool(form.text(name)) or (False if is_said else None)
    if fact.kind == "rows":
        return typed.parse(name, lambda: _typed_rows(fact, form)) or None
    if fact.is_list:
        return _items(form, fact) or None
    if _is_pairs(fact):
        return typed.parse(name, lambda: dict(map(_pair, _lines(form, name)))) or None
    if fact.unit == "cents":
        return typed.parse(name, lambda: form.cents(name))
    if fact.unit == "s":
        return typed.parse(name, lambda: _seconds(form, name))
    if fact.kind == "integer":
        return typed.parse(name, lambda: _integer(fact, form))
    text = form.raw(name) if fact.is_secret or fact.kind == "document" else form.text(name)
    if fact.kind == "time" and len(text) == 10:
        return f"{text}{_TIMES.get(fact.unit, 'T00:00:00Z')}"
    if fact.unit == "minor":
        text = ungrouped(text)
    is_blanked = name in form.fields and not fact.choices and _is_never_blank(fact)
    return text if text or is_blanked else None


def _integer(fact: FieldFacts, form: Form) -> int | None:
    if fact.unit != "minor":
        return form.integer(fact.name)
    text = ungrouped(form.text(fact.name))
    return price_of(text, form.text(fact.currency), param=fact.name).amount if text else None


def _lines(form: Form, name: str) -> list[str]:
    return list(filter(None, map(str.strip, form.raw(name).splitlines())))


def _pair(line: str) -> tuple[str, str | None]:
    name, mark, value = line.partition("=")
    if not mark:
        raise InvalidInput(phrase("write each line as NAME=VALUE"))
    return name.strip(), value.strip() or None


def _seconds(form: Form, name: str) -> int | None:
    text = form.text(name)
    read = _LENGTH.fullmatch(text)
    if text and read is None:
        raise InvalidInput(
            phrase("write a length of time, such as 10m, 1h or 7d, or a number of seconds"),
            param=name,
        )
    return None if read is None else int(read[1]) * _UNITS_S[read[2] or "s"]


def _typed_rows(fact: FieldFacts, form: Form) -> list[dict[str, Any]]:
    found = []
    for row in range(max(len(form.many(_inside(fact, inner))) for inner in fact.inner)):
        one = Typed(_row_form(fact, form, row))
        if not any(map(one.form.text, one.form.fields)):
            continue
        values = {inner.name: _typed(_in_row(fact, inner), one) for inner in fact.inner}
        if one.wrong:
            raise InvalidInput(next(iter(one.wrong.values())), param=fact.name)
        if None in values.values():
            raise InvalidInput(phrase("fill in every field of a row"), param=fact.name)
        found.append(values)
    return found
