"""The body of POST /topup/bulk: items as JSON, or lines of CSV below a header line.

An item is read as strictly as the body of a send, and alone: an unreadable one is refused with its reason,
and the others continue. An error of the whole text refuses the call.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from billing.bulk.batch import ITEMS_MAX
from gateway.api.bodies.send_body import IntentField, OneSend, QuoteIdField, SenderReferenceField
from gateway.http.body import CSV, media_type_of
from gateway.http.fields import Shape, Unreadable, has_control, is_unicode, shown
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.limits import REFERENCE_CHARACTERS_MAX

ITEM_ERRORS_MAX: Final = 10  # a call may hold a thousand items
METADATA_COLUMN: Final = "metadata."
_BYTE_ORDER_MARK: Final = "\ufeff"
_DELIMITERS: Final = ",;\t"


class BulkItem(OneSend, frozen=True, kw_only=True):
    """One send of a bulk send: as the body of a send, with a reference of its own, by which a repeated
    item is known. An item whose intent names a top-up already is refused, and names that one.
    """

    quote_id: QuoteIdField | None = None
    intent: IntentField | None = None

    reference: Annotated[
        SenderReferenceField, Meta(description="Your own name for it, once per environment.")
    ]


class BulkBody(Fields, frozen=True, kw_only=True):
    """Many sends. As CSV each line is an item, and the two options are query parameters."""

    items: Annotated[
        list[BulkItem], Meta(min_length=1, max_length=ITEMS_MAX, description="The sends.")
    ]
    all_or_nothing: Annotated[bool, Meta(description="Accept all items or none.")] = False
    dry_run: Annotated[
        bool, Meta(description="Only say what it would cost and which items are wrong.")
    ] = False


class BulkQuery(Fields, frozen=True, kw_only=True):
    """The options, for a body that has no place for them."""

    all_or_nothing: Annotated[bool, Meta(description="Accept all items or none.")] | None = None
    dry_run: bool | None = None


class ItemProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why an item could not be read."""

    detail: str
    param: str | None
    errors: Sequence[Mapping[str, Any]]

    def refusal(self) -> InvalidInput:
        return InvalidInput(
            self.detail, param=self.param, errors=[dict(one) for one in self.errors]
        )


class ReadItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item as it was read, or why it could not be. line: where a CSV has it, from 1."""

    item: BulkItem | None = None
    problem: ItemProblem | None = None
    reference: str | None = None
    line: int | None = None


class ReadBulk(Fields, frozen=True, kw_only=True):
    """A bulk send as it was read, in whatever form it came."""

    items: list[ReadItem]
    all_or_nothing: bool
    dry_run: bool

    @property
    def records_in_call(self) -> int:
        return len(self.items)


class _Outer(Fields, frozen=True, kw_only=True):
    """The body without its items, which are taken out before it is read."""

    items: Annotated[list[Any], Meta(max_length=0)]
    all_or_nothing: bool = False
    dry_run: bool = False


class _Items(msgspec.Struct):
    """Finds the items' text, whatever stands around it."""

    items: msgspec.Raw


_outer: Final = Shape(_Outer)
_item: Final = Shape(BulkItem)
_find_items: Final = msgspec.json.Decoder(_Items).decode
_split_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_COLUMNS: Final = tuple(
    field.encode_name
    for field in msgspec.structs.fields(BulkItem)
    if field.encode_name != "metadata"
)


def decode(
    raw: bytes, headers: Mapping[bytes, bytes], query: Fields, environment: str | None
) -> Fields:
    """Decode JSON or CSV; raise Unreadable, InvalidInput, MediaTypeRefused."""
    assert isinstance(query, BulkQuery), "the route's own query"
    if media_type_of(headers, "json_or_csv") == CSV:
        items, outer = list(_of_csv(raw, environment)), None
    else:
        items, outer = _of_json(raw, environment)
    if not items:
        raise InvalidInput("The list has no item.", param="items")
    return ReadBulk(
        items=items,
        all_or_nothing=_option(
            of_query=query.all_or_nothing, of_body=outer is not None and outer.all_or_nothing
        ),
        dry_run=_option(of_query=query.dry_run, of_body=outer is not None and outer.dry_run),
    )


def _option(*, of_query: bool | None, of_body: bool) -> bool:
    return of_body if of_query is None else of_query


def _of_json(raw: bytes, environment: str | None) -> tuple[list[ReadItem], _Outer]:
    try:
        text = bytes(_find_items(raw).items)
        parts = _split_items(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # The slow way says what is wrong with it.
        return [], _outer.decode(raw, environment)
    # The rest is read strictly, and refuses a second list of items as a repeated name.
    outer = _outer.decode(raw.replace(text, b"[]", 1), environment)
    if len(parts) > ITEMS_MAX:
        raise _too_many()
    return [_of_part(bytes(part), environment) for part in parts], outer


def _of_part(part: bytes, environment: str | None) -> ReadItem:
    try:
        item = _item.decode(part, environment)
    except DomainError as error:
        return ReadItem(problem=problem_of_item(error), reference=reference_in(part))
    return ReadItem(item=item, reference=item.reference)


def reference_in(part: bytes) -> str | None:
    """Return the reference of an item that is wrong elsewhere, to identify it."""
    try:
        found = msgspec.json.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return _shown_reference(found.get("reference")) if isinstance(found, dict) else None


def _shown_reference(value: object) -> str | None:
    is_sane = isinstance(value, str) and is_unicode(value) and not has_control(value)
    return value[:REFERENCE_CHARACTERS_MAX] if isinstance(value, str) and is_sane else None


def _of_csv(raw: bytes, environment: str | None) -> Iterator[ReadItem]:
    try:
        text = raw.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8 at byte {error.start}.") from None
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number, line = 0, 1
    try:
        columns = _columns(next(rows, []))
        line = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                number += 1
                if number > ITEMS_MAX:
                    raise _too_many()
                yield _of_row(columns, row, line, environment)
            line = rows.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"The CSV can't be read from line {line}: {error}.") from None


def _columns(header: Sequence[str]) -> list[str]:
    columns = [name.strip() for name in header]
    for name in columns:
        is_known = name in _COLUMNS or name.startswith(METADATA_COLUMN)
        if not is_known:
            raise InvalidInput(
                f"The first line must name the columns: {', '.join(_COLUMNS)} and metadata.….",
                param=shown(name) or "items",
            )
    if len(set(columns)) != len(columns):
        raise InvalidInput("The first line names a column twice.", param="items")
    return columns


def _of_row(
    columns: Sequence[str], row: Sequence[str], line: int, environment: str | None
) -> ReadItem:
    cells = {name: cell.strip() for name, cell in zip(columns, row, strict=False) if cell.strip()}
    reference = _shown_reference(cells.get("reference"))
    try:
        if len(row) > len(columns):
            raise InvalidInput(
                f"The line has {len(row)} values, but there are {len(columns)} columns."
            )
        for name, cell in cells.items():
            if has_control(cell):
                raise InvalidInput("The value contains control characters.", param=shown(name))
        item = _item.of_texts(_values(cells), environment)
    except DomainError as error:
        return ReadItem(problem=problem_of_item(error), reference=reference, line=line)
    return ReadItem(item=item, reference=item.reference, line=line)


def _values(cells: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, cell in cells.items():
        if name.startswith(METADATA_COLUMN):
            values.setdefault("metadata", {})[name.removeprefix(METADATA_COLUMN)] = cell
        else:
            values[name] = cell
    return values


def problem_of_item(error: DomainError) -> ItemProblem:
    errors = error.extra.get("errors", ())[:ITEM_ERRORS_MAX]
    return ItemProblem(detail=error.detail, param=error.param, errors=errors)


def _too_many() -> InvalidInput:
    return InvalidInput(f"A bulk send has at most {ITEMS_MAX} items. Split it.", param="items")
