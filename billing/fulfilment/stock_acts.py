"""Stock: codes that operators upload. A supplier of kind code_stock hands out each code once.

A call adds all of its new codes or none. A code is never shown again.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple, TextIO

from msgspec import Meta, Struct

from billing.fulfilment import code_stock
from billing.fulfilment.code_stock import (
    ADDED_AT_ONCE_MAX,
    NewCode,
    StockCode,
    StockKind,
    StockLevel,
)
from billing.fulfilment.kinds import begin
from billing.topups import platform_rows
from billing.topups.topup import VALUE_CHARACTERS_MAX
from kernel.clock import parse_rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields, Page, ShortText, document_of, said
from kernel.shaped import Shaped
from kernel.storable import is_storable
from kernel.words import Cents, Time
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct
from store.keyset import Begin

AMOUNT_DIGITS_MAX: Final = 9
_MORE: Final = "\n"


def read_codes(file: TextIO, environment: str, supplier: str) -> Iterator[NewCode]:
    """Yield the code of each row. For an invalid row, the error names the line but not the code."""
    rows = csv.DictReader(file, restkey=_MORE, strict=True)
    line = 1
    try:
        names = list(rows.fieldnames or ())
        missing = {"platform", "amount_cents", "code"} - set(names)
        if missing:
            raise InvalidInput(
                f"The first line must also contain {', '.join(sorted(missing))}.", param="codes"
            )
        if len(set(names)) < len(names):
            raise InvalidInput("The first line contains a column twice.", param="codes")
        line = rows.line_num + 1
        for row in rows:
            yield _code_of(row, line, environment, supplier)
            line = rows.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"Line {line} can't be read: {error}.", param="codes") from None


def _code_of(row: dict[str, Any], number: int, environment: str, supplier: str) -> NewCode:
    if any(cell.strip() for cell in row.get(_MORE, ())):
        # A code with an unquoted comma would otherwise be cut at the comma, stored and sold.
        raise InvalidInput(
            f"Line {number} has more values than columns. If a code contains a comma, put the code in quotes.",
            param="codes",
        )
    code, amount = (row["code"] or "").strip(), (row["amount_cents"] or "").strip()
    is_kept = is_storable(code, characters_max=VALUE_CHARACTERS_MAX) and code.isprintable()
    if not code or not is_kept:
        raise InvalidInput(
            f"Line {number} has no code, or a code that can't be stored.", param="codes"
        )
    if not (
        amount.isascii() and amount.isdigit() and len(amount) <= AMOUNT_DIGITS_MAX and int(amount)
    ):
        raise InvalidInput(
            f"Line {number}: amount_cents must be a whole number above 0.", param="codes"
        )
    kind = StockKind(environment, supplier, (row["platform"] or "").strip(), int(amount))
    return NewCode(kind, code, _expiry((row.get("expires_at") or "").strip(), number))


def _expiry(text: str, number: int) -> int | None:
    try:
        return parse_rfc3339(text) if text else None
    except (ValueError, DomainError):
        raise InvalidInput(
            f"Line {number}: expires_at must be a time in RFC 3339.", param="codes"
        ) from None


CODES_MAX: Final = 10_000

SupplierId = Annotated[str, Meta(description="The supplier of kind code_stock.")]
FaceValue = Annotated[Cents, Meta(description="A code's value, in US cents."), said("Face value")]


class StockedCode(Shaped, kw_only=True):
    """A code in stock or handed out, identified by its last characters."""

    id: Annotated[str, said("ID")]
    supplier: SupplierId
    platform: str
    amount_cents: FaceValue
    code: Annotated[str, Meta(description="The code's last characters.")]
    expires_at: Annotated[Time | None, said("Expires")]
    added_at: Annotated[Time, said("Added")]
    transaction_id: Annotated[
        str | None,
        Meta(description="The top-up that received the code; null while it is in stock."),
        said("Delivered to"),
    ]
    taken_at: Annotated[Time | None, said("Delivered at")]


class Level(Struct, kw_only=True):
    """How many codes a supplier has left for one platform and face value."""

    supplier: SupplierId
    platform: str
    amount_cents: FaceValue
    remaining: Annotated[int, Meta(description="How many codes can be handed out."), said("Left")]
    low_threshold: Annotated[
        int,
        Meta(
            description="Below this number, the stock counts as low. This is an option of the supplier."
        ),
        said("Low-stock threshold"),
    ]
    low: Annotated[bool, Meta(description="Whether the stock is low.")]

    @classmethod
    def of(cls, row: StockLevel) -> "Level":
        return cls(
            supplier=row.kind.supplier,
            platform=row.kind.platform,
            amount_cents=row.kind.amount_cents,
            remaining=row.left,
            low_threshold=row.low_threshold,
            low=row.is_low,
        )


class AddedCodes(Struct, kw_only=True):
    """How many codes a call contained, and how many of them are new."""

    given: Annotated[int, Meta(description="How many codes the call contained.")]
    added: Annotated[int, Meta(description="How many codes were added.")]
    known_before: Annotated[int, Meta(description="How many codes were already known.")]


class StockCodes(Fields, frozen=True, kw_only=True):
    """Codes to add."""

    supplier: Annotated[ShortText, Meta(description="A supplier of kind code_stock.")]
    codes: Annotated[
        str,
        document_of("text/csv"),
        Meta(
            description="CSV whose first line names the columns platform, amount_cents, code and, if codes"
            f" expire, expires_at; at most {CODES_MAX:,} codes. Known codes are skipped."
        ),
        said(is_secret=True),
    ]


class LevelsPage(Page, frozen=True, kw_only=True):
    all: Annotated[bool, Meta(description="Whether to include those with enough codes.")] = False


class _Intake(NamedTuple):
    id: str
    given: int
    added: int


async def add_codes(context: ActContext, asked: StockCodes) -> Change[_Intake]:
    kinds = await begin(context)
    tx, now_us = context.tx, context.now_us
    row = await platform_rows.get_supplier(tx, context.environment, asked.supplier)
    if row.kind != "code_stock":
        raise InvalidInput(
            f"{row.id} is a supplier of kind {row.kind}, which has no stock.", param="supplier"
        )
    codes = list(read_codes(io.StringIO(asked.codes), context.environment, row.id))
    await _check_codes(context, codes)
    vault = await kinds.vault(tx, now_us)
    low_threshold = int(row.options.get("low_threshold", code_stock.LOW_BELOW))
    added = 0
    for first in range(0, len(codes), ADDED_AT_ONCE_MAX):
        step = codes[first : first + ADDED_AT_ONCE_MAX]
        added += await code_stock.add(tx, vault, step, low_threshold=low_threshold, now_us=now_us)
    after = _Intake(row.id, len(codes), added)
    if not added:
        return Change(before=after, after=after)
    return Change(after=after, noted={"added": added, "given": len(codes)})


async def _check_codes(context: ActContext, codes: Sequence[NewCode]) -> None:
    if not codes:
        raise InvalidInput("The file contains no codes below its header line.", param="codes")
    if len(codes) > CODES_MAX:
        raise InvalidInput(
            f"The file has more than {CODES_MAX:,} codes. Split it into several files.",
            param="codes",
        )
    known = {one.id for one in await platform_rows.list_platforms(context.tx, context.environment)}
    unknown = sorted({one.kind.platform for one in codes} - known)
    if unknown:
        raise InvalidInput(
            f"The file names platforms that don't exist in {context.environment}: "
            f"{', '.join(unknown)}.",
            param="codes",
        )


async def list_codes(
    context: ActContext, _asked: Page, begin: Begin, limit: int
) -> Sequence[StockCode]:
    before_id = begin if isinstance(begin, str) else None
    return await code_stock.list_codes(
        context.tx, context.environment, before_id=before_id, limit=limit
    )


async def list_levels(
    context: ActContext, asked: LevelsPage, _begin: Begin, _limit: int
) -> Sequence[StockLevel]:
    found = await code_stock.levels(context.tx, context.environment, now_us=context.now_us)
    return [one for one in found if asked.all or one.is_low]


def _stocked(row: StockCode) -> StockedCode:
    return StockedCode.of(row, code=f"…{row.hint}")


def _added(intake: _Intake) -> AddedCodes:
    return AddedCodes(
        given=intake.given, added=intake.added, known_before=intake.given - intake.added
    )


def _noted(_intake: _Intake) -> Mapping[str, Any]:
    return {}


ADD_CODES = Act(
    name="stock.add",
    summary="Add codes",
    description="Either all codes are added, or none.",
    path="/stock",
    audience=(OPERATOR,),
    input=StockCodes,
    run=add_codes,
    view=_added,
    result=AddedCodes,
    status=201,
    is_catalogue=True,
    audit=Audited("stock.add", _noted),
    done="The codes are in stock. Codes that were already known were skipped.",
    examples=(
        "topup stock add --supplier gift-cards --codes codes.csv --environment live",
        "topup stock add --supplier gift-cards --codes -",
    ),
)
LIST_CODES = ListAct(
    name="stock.list",
    summary="List codes by their last characters, and which top-up got each",
    path="/stock/codes",
    audience=(OPERATOR,),
    query=Page,
    run=list_codes,
    view=_stocked,
    result=StockedCode,
    prefix="stk",
    is_catalogue=True,
    summed=("amount_cents",),
    columns=(
        *("id", "supplier", "platform", "amount_cents", "code", "expires_at"),
        *("added_at", "transaction_id"),
    ),
    examples=("topup stock list --environment live",),
)
LIST_LEVELS = ListAct(
    name="stock.low",
    summary="List platforms and amounts with few codes left",
    description="The command exits with 1 if any stock is low.",
    path="/stock",
    audience=(OPERATOR,),
    query=LevelsPage,
    run=list_levels,
    result=Level,
    named_by="supplier",
    cursor=lambda level: f"{level.supplier}.{level.platform}.{level.amount_cents}",
    is_catalogue=True,
    alarm=lambda level: bool(level["low"]),
    columns=("supplier", "platform", "amount_cents", "remaining", "low_threshold", "low"),
    examples=("topup stock low --environment live", "topup stock low --all"),
)
ACTS = (ADD_CODES, LIST_CODES, LIST_LEVELS)
