"""Make a form from an act's input, and read what was typed.

Users type dollars for cents, `10m` for seconds, and one line for each item of a list. A blank field is left
out, or is null if that removes a limit.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec

from billing.ledger.price import Price, price_of
from gateway.html.format import day, elapsed, money, price
from gateway.html.forms import (
    FIELDS_MAX,
    NO_PROBLEM,
    Form,
    Problem,
    Typed,
    dollars,
    problem_of,
    ungrouped,
)
from gateway.html.phrase import phrase
from gateway.http.fields import shape_of
from kernel.clock import SECOND_US
from kernel.errors import DomainError, InvalidInput
from kernel.fields import FieldFacts, Fields, FormLayout, facts_of

_INPUT_TYPES: Final = {"time": "date"}
_INPUT_MODES: Final = {"integer": "numeric"}
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LENGTH: Final = re.compile(r"(\d{1,9})\s*([smhd]?)")
# For each unit, the time that is added to a typed day. Others get midnight UTC.
_TIMES: Final = {"day_end": "T23:59:59Z"}
_ROWS_MIN: Final = 2
# The form field with the step that a button requests, counted from 1.
STEP_FIELD: Final = "step"
_NAMED_MAX: Final = 5


class ShownField(NamedTuple):
    """`widget` is one of: line, area, document, choice, ticks, tick, rows. Only a `rows` widget contains other fields."""

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
        blank = [] if self.facts.is_required else [("", "")]
        return blank + [
            (word, self.facts.words.get(word, word.replace("_", " ")))
            for word in self.facts.choices
        ]


class ShownStep(NamedTuple):
    title: str
    runs: Sequence[Sequence[ShownField]]
    is_open: bool
    is_wrong: bool


class SteppedForm(NamedTuple):
    """`summary` says what the object will do. It is shown under the heading `subject`."""

    steps: Sequence[ShownStep]
    subject: str
    summary: Sequence[str]


def fields_of(
    struct: type[msgspec.Struct],
    form: Form,
    choices: Mapping[str, Collection[str] | Mapping[str, str]] | None = None,
) -> Sequence[ShownField]:
    """Return the input's fields with the typed values, or else their defaults. `choices` contains the allowed values
    that only the page knows.
    """
    found = choices or {}
    shown = []
    for fact in _shown_facts(struct):
        words = found.get(fact.name)
        worded = fact._replace(words=words) if isinstance(words, Mapping) else fact
        shown.append(_shown(worded._replace(choices=_offered(fact, form, found)), form))
    return shown


def stepped(
    struct: type[Fields],
    fields: Sequence[ShownField],
    form: Form,
    problem: Problem,
    *,
    begins_open: bool = True,
) -> SteppedForm:
    """Arrange the fields in the struct's steps.

    The open step is the first one with an error, or else the requested one. If there is neither, the first step is
    open if `begins_open`.
    """
    layout = struct.layout
    assert layout is not None, struct
    left = {one.name: one for one in fields}
    laid = [
        [left.pop(name) for name in names.split() if name in left]
        for names in layout.steps.values()
    ]
    laid[-1] += left.values()
    wrong = [any(problem.of(one.name) for one in step) for step in laid]
    chosen = _requested_step(form, len(laid)) - 1 if begins_open or form.text(STEP_FIELD) else -1
    chosen = wrong.index(True) if True in wrong else chosen
    return SteppedForm(
        [
            ShownStep(title, in_runs(laid[at]), at == chosen, wrong[at])
            for at, title in enumerate(layout.steps)
        ],
        layout.subject,
        _summary(layout, [one for step in laid for one in step]),
    )


def problem_before(
    struct: type[Fields], values: Mapping[str, Any], wrong: Mapping[str, str], form: Form
) -> Problem:
    """Return the errors in the steps before the requested one."""
    assert struct.layout is not None, struct
    steps = list(struct.layout.steps.values())
    done = " ".join(steps[: _requested_step(form, len(steps)) - 1]).split()
    try:
        checked(struct, values, wrong)
    except DomainError as error:
        problem = problem_of(error)
        found = {name: said for name, said in problem.fields.items() if name in done}
        return replace(problem, fields=found) if found else NO_PROBLEM
    return NO_PROBLEM


def checked(struct: type[Fields], values: Mapping[str, Any], wrong: Mapping[str, str]) -> Fields:
    """Return the values as the struct. If fields are wrong, raise InvalidInput with all their names."""
    problems = [{"param": param, "detail": detail} for param, detail in wrong.items()]
    try:
        asked = shape_of(struct).decode(msgspec.json.encode(values), None)
    except InvalidInput as error:
        listed = error.extra.get("errors") or [{"param": error.param, "detail": error.detail}]
        problems += [one for one in listed if one["param"] not in wrong]
    else:
        if not problems:
            return asked
    raise InvalidInput(problems[0]["detail"], param=problems[0]["param"], errors=problems)


def _requested_step(form: Form, steps: int) -> int:
    names = [str(number + 1) for number in range(steps)]
    return 1 + names.index(form.text(STEP_FIELD)) if form.text(STEP_FIELD) in names else 1


def _summary(layout: FormLayout, fields: Sequence[ShownField]) -> list[str]:
    """Return a line for each field with a value, and one for each group of blank fields."""
    form = Form({name: texts for one in fields for name, texts in _filled(one)})
    lines: list[str] = []
    blank: set[str] = set()
    for fact in (one.facts for one in fields):
        typed = Typed(form)
        value = _typed(fact, typed)
        if typed.wrong:
            continue
        if value is None or value is False or value == [] or (value == 0 == fact.default):
            blank.add(fact.name)
            lines += [
                line
                for names, line in layout.blanks.items()
                if fact.name in names.split() and blank.issuperset(names.split())
            ]
        elif fact.name in layout.summary:
            with suppress(DomainError, ValueError):
                lines += _sentences(layout.summary[fact.name], fact, value, form)
    return lines


def _filled(shown: ShownField) -> list[tuple[str, list[str]]]:
    if shown.rows:
        names = [one.name for one in shown.rows[0]]
        return [(name, [row[at].value for row in shown.rows]) for at, name in enumerate(names)]
    return [(shown.name, shown.value if isinstance(shown.value, list) else [shown.value])]


def _sentences(
    known: str | Mapping[str, str], fact: FieldFacts, value: Any, form: Form
) -> list[str]:
    sentence = known if isinstance(known, str) else known.get(str(value), known.get("", ""))
    if fact.kind != "rows":
        return [phrase(sentence, value=_in_words(fact, value, form))] if sentence else []
    return [
        phrase(sentence, **{one.name: _in_words(one, row[one.name], form) for one in fact.inner})
        for row in value
    ]


def _in_words(fact: FieldFacts, value: Any, form: Form) -> str | int | Callable[[], str]:
    """Write the value for the summary. Raise DomainError or ValueError for a value that the act will refuse."""
    if fact.unit == "cents":
        return partial(money, value)
    if fact.unit == "s":
        return partial(elapsed, value * SECOND_US)
    if fact.unit == "minor":
        due = price_of(str(value), form.text(fact.currency), param=fact.name)
        return partial(price, due.amount, due.currency)
    if fact.kind == "time":
        return partial(day, date.fromisoformat(value[:10]))
    if isinstance(value, list):
        return _named(value)
    return value if isinstance(value, int) else str(value)


def _named(values: Sequence[str]) -> str:
    left = len(values) - _NAMED_MAX
    named = ", ".join(values[:_NAMED_MAX])
    return named if left <= 0 else phrase("%(named)s and %(left)s more", named=named, left=left)


def in_runs(fields: Iterable[ShownField]) -> list[list[ShownField]]:
    groups = groupby(enumerate(fields), lambda one: -1 if one[1].widget == "line" else one[0])
    return [[field for _, field in group] for _, group in groups]


def form_of(struct: type[msgspec.Struct], current: Any) -> Form:
    fields: dict[str, Sequence[str]] = {}
    for fact in _shown_facts(struct):
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
    """Return the typed values. `shown` is the form filled in from the object. Omit a time if its day wasn't changed."""
    values: dict[str, Any] = {}
    for fact in _shown_facts(struct):
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
        for fact in _shown_facts(struct)
        for one in (fact, *(_in_row(fact, each) for each in fact.inner))
    ]
    said = {text for one in facts for text in (_label(one), _hint(one), *one.words.values())}
    if struct.layout is not None:
        subject, steps, summary, blanks = struct.layout
        lines = ({one} if isinstance(one, str) else {*one.values()} for one in summary.values())
        said = said.union({subject, *steps, *blanks.values()}, *lines)
    return said - {""}


def _shown_facts(struct: type[msgspec.Struct]) -> list[FieldFacts]:
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
    typed = dict.fromkeys(_ticked(form.many(fact.name)))
    return (*offered, *(one for one in typed if offered and one not in offered))


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
        value=_ticked(given) if fact.is_list and fact.choices else "\n".join(given),
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


def _ticked(texts: Iterable[str]) -> list[str]:
    """Return the words to show as checkboxes. Their number is limited, because each word is compared with all
    others.
    """
    return _words(texts)[:FIELDS_MAX]


def _words(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in Form({"": [text]}).lines("")]


def _typed(fact: FieldFacts, typed: Typed) -> Any:
    form, name = typed.form, fact.name
    if fact.kind == "yes_no":
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
