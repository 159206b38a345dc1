"""Define the base of every input, and describe its fields for the API, its documents, forms and commands."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kernel.clock import parse_rfc3339
from kernel.errors import InvalidInput
from kernel.limits import INT64_MAX, PAGE_ITEMS, PAGE_ITEMS_MAX
from kernel.meant import time_meant

# This marks within() in a schema, until gateway/openapi/schemas.py turns it into minimum and
# maximum.
BOUNDS: Final = "x-bounds"
# A single line without control characters or line ends of any kind.
LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z"
Int64 = Annotated[int, Meta(ge=-INT64_MAX - 1, le=INT64_MAX)]
Text = Annotated[str, Meta(max_length=200)]
ShortText = Annotated[str, Meta(max_length=64)]
# This only documents a field: an address is checked where it is used.
WEB_URL: Final = r"^https?://[!-~]+$"
# RFC 3339 with a zone; time_us() turns it into microseconds.
Time = Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})]
# minor: the smallest unit of the currency in another field. day_end: a day means its end. pairs:
# people write this object as NAME=VALUE. lines: items of this list may contain spaces.
FieldUnit = Literal["", "cents", "minor", "s", "day_end", "pairs", "lines"]
# document: a text of many lines, which people give as a file.
FieldKind = Literal["text", "document", "integer", "yes_no", "time", "list", "rows", "object"]


def within(least: int | None, most: int | None) -> Meta:
    """Document a whole number's bounds without checking them: the act refuses other numbers, with its own code."""
    return Meta(extra_json_schema={BOUNDS: [least, most]})


def document_of(media_type: str) -> Meta:
    """Mark a text field as a document with a media type such as text/csv."""
    return Meta(extra_json_schema={"contentMediaType": media_type})


def word_of(words: Iterable[str]) -> Meta:
    return Meta(extra_json_schema={"enum": list(words)})


def said(
    label: str = "",
    *,
    hint: str = "",
    unit: FieldUnit = "",
    currency: str = "",
    is_secret: bool = False,
    words: Mapping[str, str] | None = None,
    is_former: bool = False,
) -> Meta:
    """Add what people read about a field: its label, a hint instead of the API's description, and its unit.

    `currency` names the field with an amount's currency, by default `currency`. `words` has a sentence for
    each choice. `is_former` marks an old name of another field; forms don't show it.
    """
    extra: dict[str, Any] = {
        "label": label,
        "hint": hint,
        "unit": unit,
        "currency": currency,
        "is_secret": is_secret,
        "words": words or {},
        "is_former": is_former,
    }
    return Meta(extra={name: value for name, value in extra.items() if value})


class FormLayout(NamedTuple):
    """The layout of a form for a long input, and what the page says about the object.

    - `steps`: titles, with the names of fields. The last step also has all other fields.
    - `summary`: each field's line, in which %(value)s or the names of a row's fields are replaced. A mapping
      has a line for each value; "" stands for all others.
    - `blanks`: the line if all of these fields are blank.
    """

    subject: str
    steps: Mapping[str, str]
    summary: Mapping[str, str | Mapping[str, str]]
    blanks: Mapping[str, str]


class Fields(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The base of every input. Without fields of its own, it accepts none.

    Defaults are left out of the canonical form, so that adding a field doesn't change an old request's
    fingerprint. If `exactly_one` names two fields, exactly one must be given; null counts as absent.
    """

    exactly_one: ClassVar[tuple[str, str] | None] = None
    layout: ClassVar[FormLayout | None] = None

    @property
    def records_in_call(self) -> int:
        return 1


class LooseFields(Fields, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """The base of a dialect's bodies and queries, whose clients also send fields that we ignore."""


class Page(Fields, frozen=True, kw_only=True):
    """The query of every list. Lists have the newest items first."""

    limit: Annotated[
        int, Meta(ge=1, le=PAGE_ITEMS_MAX, description="The number of items on a page.")
    ] = PAGE_ITEMS
    cursor: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


# csv_excel begins with a byte order mark for Excel. Programs would read it as part of the first
# name.
ExportFormat = Literal["json", "csv", "csv_excel"]


class ExportPage(Page, frozen=True, kw_only=True):
    format: Annotated[
        ExportFormat,
        Meta(
            description="csv streams all matching items from the cursor on and ignores limit. csv_excel is the"
            " same, with the byte order mark that Excel needs for UTF-8."
        ),
    ] = "json"


def given(body: Fields, **names: str) -> dict[str, Any]:
    return {
        names.get(name, name): tuple(value) if isinstance(value, list) else value
        for name, value in msgspec.structs.asdict(body).items()
        if value is not UNSET
    }


def time_us(text: str | None, param: str) -> int | None:
    """Parse an RFC 3339 time with a zone. Raise InvalidInput."""
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        detail = "expected a time such as 2026-06-13T12:00:00Z, with its zone"
        meant = time_meant(text)
        right = {} if meant is None else {"example": meant}
        errors = [{"param": param, "detail": detail, **right}]
        raise InvalidInput(detail, param=param, errors=errors) from None


_LEAST: Final = frozenset({"minItems", "minProperties"})


class FieldFacts(NamedTuple):
    """What is known about one field of an input.

    - `kind`: the kind of the value, or of each item in a list. `rows` is a list of objects of type `struct`,
      whose fields are `inner`.
    - `choices`: the accepted words; empty if any word is accepted.
    - `can_be_empty`: a list or object may be empty. `characters_max`: None means no limit.
    - `is_nullable`: null removes the value. `is_kept`: an omitted field keeps its value.
    """

    name: str
    kind: FieldKind
    label: str
    hint: str
    description: str
    unit: FieldUnit
    currency: str
    is_secret: bool
    is_list: bool
    is_required: bool
    is_nullable: bool
    is_kept: bool
    can_be_empty: bool
    default: Any
    choices: tuple[str, ...]
    words: Mapping[str, str]
    is_former: bool
    least: int | None
    most: int | None
    characters_max: int | None
    inner: tuple["FieldFacts", ...]
    struct: type[msgspec.Struct] | None


@cache
def facts_of(struct: type[msgspec.Struct]) -> tuple[FieldFacts, ...]:
    return tuple(map(_facts, msgspec.structs.fields(struct)))


def _facts(field: Any) -> FieldFacts:
    found = _Type(field.type)
    default = None if field.required or field.default is UNSET else field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    name = field.encode_name
    kind = found.kind
    return FieldFacts(
        name=name,
        kind=kind,
        label=found.extra.get("label", name.replace("_", " ").capitalize()),
        hint=found.extra.get("hint", found.description),
        description=found.description,
        unit=found.extra.get("unit", "cents" if name.endswith("_cents") else ""),
        currency=found.extra.get("currency", "currency"),
        is_secret=found.extra.get("is_secret", False),
        is_list=found.is_list,
        is_required=field.required,
        is_nullable=found.is_nullable,
        is_kept=field.default is UNSET,
        can_be_empty=(found.is_list or kind == "object") and not found.schema.keys() & _LEAST,
        default=None if default is msgspec.NODEFAULT else default,
        choices=found.choices,
        words=found.extra.get("words", {}),
        is_former=found.extra.get("is_former", False),
        least=found.bounds[0],
        most=found.bounds[1],
        characters_max=found.characters_max,
        inner=facts_of(found.struct) if kind == "rows" and found.struct is not None else (),
        struct=found.struct,
    )


class _Type:
    """A field's type, without Annotated, Union and list."""

    def __init__(self, kind: Any) -> None:
        self.description = ""
        self.extra: dict[str, Any] = {}
        self.schema: dict[str, Any] = {}
        self.bounds: tuple[int | None, int | None] = (None, None)
        self.characters_max: int | None = None
        self.is_nullable = self.is_list = False
        self.choices: tuple[str, ...] = ()
        self.struct: type[msgspec.Struct] | None = None
        self.plain: Any = str
        self._take(kind)

    @property
    def kind(self) -> FieldKind:
        if self.struct is not None:
            return "rows" if self.is_list else "object"
        if self.schema.get("format") == "date-time":
            return "time"
        if "contentMediaType" in self.schema:
            return "document"
        kinds: dict[Any, FieldKind] = {int: "integer", bool: "yes_no", dict: "object"}
        return kinds.get(self.plain, "text")

    def _take(self, kind: Any) -> None:
        origin, parts = get_origin(kind), get_args(kind)
        if origin is Annotated:
            self._take(parts[0])
            for meta in parts[1:]:
                self._note(meta)
        elif origin in {Union, UnionType}:
            self.is_nullable = NoneType in parts
            for part in parts:
                if part not in {NoneType, UnsetType}:
                    self._take(part)
        elif origin is list:
            self.is_list = True
            self._take_item(parts[0])
        elif origin is Literal:
            self.choices = tuple(map(str, parts))
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            self.struct = kind
        else:
            self.plain = origin or kind

    def _take_item(self, kind: Any) -> None:
        item = _Type(kind)
        self.choices, self.struct, self.plain = item.choices, item.struct, item.plain

    def _note(self, meta: Any) -> None:
        self.description = meta.description or self.description
        self.extra |= meta.extra or {}
        self.schema |= meta.extra_json_schema or {}
        if self.is_list and meta.min_length:
            self.schema["minItems"] = meta.min_length
        # The bounds and lengths of a list apply to its items.
        if not self.is_list:
            least, most = self.schema.get(BOUNDS, (meta.ge, meta.le))
            self.bounds = (_bound(least, self.bounds[0]), _bound(most, self.bounds[1]))
            longest = self.schema.get("maxLength", meta.max_length)
            self.characters_max = longest or self.characters_max
        if "enum" in self.schema:
            self.choices = tuple(self.schema["enum"])


def _bound(found: int | None, before: int | None) -> int | None:
    if found is None:
        return before
    return None if abs(found) >= INT64_MAX else found
