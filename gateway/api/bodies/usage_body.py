"""The body of POST /usage: one record, a batch of them, or CloudEvents that carry records.

A record is read strictly and, in a batch, alone: an unreadable one is refused with its reason, and the others
continue. A CloudEvent's source and id are its reference, so a repeated event is charged once. An error of the
whole text refuses the call.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, Meta, UnsetType

from billing.usage.fields import TokenFields, UsageDescription
from billing.usage.usage import DESCRIPTION, RECORDS_MAX, UsageItem, amount_of
from gateway.api.bodies.bulk_body import ItemProblem, problem_of_item, reference_in
from gateway.http.body import EVENT, EVENTS, media_type_of
from gateway.http.fields import Shape, parse
from kernel.errors import DomainError, InvalidInput
from kernel.fields import LINE, Fields, Int64, LooseFields
from kernel.limits import REFERENCE_CHARACTERS_MAX
from kernel.words import CallerReferenceField

# A URI reference has no space in it, so it can stand before one.
_EventSource = Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^[!-~]+\Z")]
_EventWord = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]


class UsageRecordBody(TokenFields, frozen=True, kw_only=True):
    """What was used: an amount in credits or in micros, or tokens of a model; one of the three."""

    description: Annotated[
        UsageDescription | None, Meta(description="Required with an amount.")
    ] = None
    credits: Int64 | None = None
    amount_micros: Int64 | None = None
    reference: CallerReferenceField | None = None

    def item(self) -> UsageItem:
        """Raise InvalidInput and AmountOutOfRange."""
        tokens = self.tokens()
        has_amount = self.credits is not None or self.amount_micros is not None
        if tokens is None:
            amount_micros = amount_of(self.credits, self.amount_micros)
            if self.description is None:
                raise InvalidInput("is required", param="description")
            return UsageItem(self.description, self.model, self.reference, amount_micros)
        if has_amount:
            given = "credits" if self.amount_micros is None else "amount_micros"
            raise InvalidInput(f"{given} can't be given together with tokens.", param=given)
        if self.model is None:
            raise InvalidInput("`model` is required with tokens.", param="model")
        description = self.description or DESCRIPTION
        return UsageItem(description, self.model, self.reference, None, tokens)


class UsageBody(UsageRecordBody, frozen=True, kw_only=True):
    """One record, or a batch of them: `records` alone, each as the body of one."""

    records: (
        Annotated[
            list[UsageRecordBody],
            Meta(
                min_length=1,
                max_length=RECORDS_MAX,
                description="A batch: up to 1,000 records, each as the body of one.",
            ),
        ]
        | UnsetType
    ) = UNSET


class ReadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it was read, or why it could not be; reference: its own, where that can be read."""

    record: UsageRecordBody | None = None
    problem: ItemProblem | None = None
    reference: str | None = None

    @property
    def item(self) -> UsageItem | DomainError:
        if self.record is None:
            assert self.problem is not None, "a record is read, or it is said why not"
            return self.problem.refusal()
        try:
            return self.record.item()
        except DomainError as refusal:
            return refusal


class ReadBatch(Fields, frozen=True, kw_only=True):
    """The records of a batch as they were read, in whatever form they came."""

    records: list[ReadRecord]

    @property
    def records_in_call(self) -> int:
        return len(self.records)


class _Event(LooseFields, frozen=True, kw_only=True):
    """A CloudEvent; attributes that are not named here are left alone."""

    specversion: Literal["1.0"]
    id: _EventWord
    source: _EventSource
    type: _EventWord
    data: UsageRecordBody

    def record(self) -> UsageRecordBody:
        """Return its record, under its reference; raise InvalidInput."""
        if self.data.reference is not None:
            raise InvalidInput("The event's source and id are its reference.", param="reference")
        reference = f"{self.source} {self.id}"
        if len(reference) > REFERENCE_CHARACTERS_MAX:
            most = REFERENCE_CHARACTERS_MAX - 1
            raise InvalidInput(f"`source` and `id` share {most} characters.", param="id")
        return msgspec.structs.replace(self.data, reference=reference)


class _Outer(Fields, frozen=True, kw_only=True):
    """The body of a batch without its records, which are taken out before it is read."""

    records: Annotated[list[Any], Meta(max_length=0)]


class _Records(msgspec.Struct):
    """Finds the records' text, whatever stands around it."""

    records: msgspec.Raw


_record: Final = Shape(UsageRecordBody)
_event: Final = Shape(_Event)
_outer: Final = Shape(_Outer)
_find_records: Final = msgspec.json.Decoder(_Records).decode
_split: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(
    raw: bytes,
    headers: Mapping[bytes, bytes],
    query: Fields,  # noqa: ARG001 the route has none
    environment: str | None,
) -> Fields:
    """Return a UsageRecordBody or a ReadBatch; raise Unreadable, InvalidInput, MediaTypeRefused."""
    kind = media_type_of(headers, "json_or_events")
    if kind == EVENTS:
        return ReadBatch(records=[_of_event(part, environment) for part in _parts(raw)])
    if kind == EVENT:
        return _event.decode(raw, environment).record()
    if b"ce-specversion" in headers:
        return _binary(raw, headers, environment).record()
    if raw[:1] == b"[":
        raise InvalidInput('send a batch as {"records": [ … ]}', param="records")
    text = _records_in(raw)
    if text is None:
        return _record.decode(raw, environment)
    _outer.decode(raw.replace(text, b"[]", 1), environment)
    return ReadBatch(records=[_of_part(part, environment) for part in _parts(text)])


def _records_in(raw: bytes) -> bytes | None:
    try:
        return bytes(_find_records(raw).records)
    except _UNREADABLE:
        return None


def _parts(text: bytes) -> Sequence[bytes]:
    try:
        parts = _split(text)
    except _UNREADABLE:
        parse(text)  # says what is wrong with it, where it is no JSON
        raise InvalidInput("`records` must be a list of records.", param="records") from None
    if not 1 <= len(parts) <= RECORDS_MAX:
        raise InvalidInput(f"A batch has 1 to {RECORDS_MAX} records.", param="records")
    return [bytes(one) for one in parts]


def _of_part(part: bytes, environment: str | None) -> ReadRecord:
    try:
        record = _record.decode(part, environment)
    except DomainError as error:
        return ReadRecord(problem=problem_of_item(error), reference=reference_in(part))
    return ReadRecord(record=record, reference=record.reference)


def _of_event(part: bytes, environment: str | None) -> ReadRecord:
    try:
        record = _event.decode(part, environment).record()
    except DomainError as error:
        return ReadRecord(problem=problem_of_item(error))
    return ReadRecord(record=record, reference=record.reference)


def _binary(raw: bytes, headers: Mapping[bytes, bytes], environment: str | None) -> _Event:
    """Read an event whose attributes are headers and whose data is the body."""
    found: dict[str, Any] = {}
    for name in ("specversion", "id", "source", "type"):
        value = headers.get(f"ce-{name}".encode())
        if value is None:
            raise InvalidInput("is required", param=f"ce-{name}")
        try:
            found[name] = unquote(value.decode("ascii"), errors="strict")
        except UnicodeDecodeError:
            raise InvalidInput("Use percent-encoded UTF-8.", param=f"ce-{name}") from None
    # Its data is read alone, so that a refusal names the body's own fields.
    data = _record.decode(raw, environment)
    return msgspec.structs.replace(_event.of_texts({**found, "data": {}}, environment), data=data)
