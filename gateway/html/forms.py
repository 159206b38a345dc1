"""Read submitted forms. A form names the environment that its page showed, and is accepted only in that environment."""

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.answers.refusals import sentence
from gateway.html.field_words import for_people
from gateway.html.language import say
from gateway.html.phrase import Phrase, counted, phrase, with_capital
from gateway.http.body import check_media_type, has_control
from gateway.http.errors import refusal_of
from gateway.http.fields import EnvironmentMismatch
from gateway.http.request_context import RequestContext
from gateway.http.session_cookie import TOKEN_FIELD
from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id
from keys.principal import CredentialEnded
from store.idempotency import KeyReused

FIELDS_MAX = 200
ENVIRONMENT_FIELD = "environment"
# The page fills this field, so that a form sent twice takes effect only once.
IDEMPOTENCY_FIELD = "once"
NO_AMOUNT: Final = phrase("write an amount in dollars, such as 10.00")
_GROUPED: Final = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")


def ungrouped(text: str) -> str:
    """Remove grouping commas, as in 1,250.00. A decimal comma isn't removed, so that 12,50 doesn't become 1250."""
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


@dataclass(frozen=True, slots=True)
class Form:
    """A missing field is read as empty text."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        return next(iter(self.fields.get(name, ())), "")

    def many(self, name: str) -> list[str]:
        return list(self.fields.get(name, ()))

    def lines(self, name: str) -> list[str]:
        return self.raw(name).replace(",", " ").split()

    def integer(self, name: str) -> int | None:
        text = ungrouped(self.text(name))
        if not text:
            return None
        if not (text.isascii() and text.lstrip("-").isdigit() and len(text) <= 18):
            raise InvalidInput(phrase("write a whole number"), param=name)
        return int(text)

    def amounts(self, names: Iterable[str]) -> dict[str, int | None]:
        return {f"{name}_cents": self.cents(name) for name in names}

    def cents(self, name: str) -> int | None:
        """Return typed dollars such as 12, 12.5 or 1,250.00 in cents, or None if blank."""
        text = ungrouped(self.text(name).removeprefix("$"))
        if not text:
            return None
        whole, _, part = text.partition(".")
        digits = whole + part
        if not (digits.isascii() and digits.isdigit() and len(whole) <= 15 and len(part) <= 2):
            raise InvalidInput(NO_AMOUNT, param=name)
        return int(whole or "0") * 100 + int(part.ljust(2, "0"))

    def several_cents(self, name: str) -> list[int]:
        words = self.text(name).replace(";", " ").split()
        return [Form({name: [word]}).cents(name) or 0 for word in words]

    @property
    def idempotency_key(self) -> str | None:
        return self.text(IDEMPOTENCY_FIELD)[:80] or None


@dataclass(frozen=True, slots=True)
class Problem:
    """If `are_shown` is true, each field shows its own problem."""

    status: int
    sentence: str
    fields: Mapping[str, str] = field(default_factory=dict)
    are_shown: bool = False

    def of(self, *names: str) -> str:
        return say(next((self.fields[name] for name in names if name in self.fields), ""))

    @property
    def note(self) -> str:
        if not self.are_shown:
            return self.text
        return say(
            counted(
                "Nothing was done yet: please look at one field below.",
                "Nothing was done yet: please look at %(num)s fields below.",
                len(self.fields),
            )
        )

    @property
    def text(self) -> str:
        return _together(say(one) for one in self.fields.values()) or say(self.sentence)


NO_PROBLEM = Problem(200, "")
SENT_BEFORE: Final = Problem(
    409,
    phrase("This was sent before, with other entries. Press again to send these."),
)


def dollars(cents: int | None) -> str:
    return "" if cents is None else f"{cents // 100}.{cents % 100:02d}"


def read_form(call: RequestContext[Any, Any]) -> Form:
    if call.raw:
        check_media_type(call.headers, "form")
    try:
        fields = parse_qs(
            call.raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except UnicodeDecodeError:
        raise InvalidInput("The form is not percent-encoded UTF-8.") from None
    except ValueError:
        raise InvalidInput(f"The form has more than {FIELDS_MAX} fields.") from None
    for values in fields.values():
        if any(has_control(value) for value in values):
            raise InvalidInput("Control characters aren't allowed.")
    return form_of(call, fields)


def form_of(call: RequestContext[Any, Any], fields: dict[str, list[str]]) -> Form:
    fields.pop(TOKEN_FIELD, None)
    shown = fields.pop(ENVIRONMENT_FIELD, None)
    caller = call.credential
    if caller is not None and shown is not None and shown != [caller.environment]:
        text = phrase(
            "the page was of %(shown)s, and you are in %(now)s now: nothing was done; look at the page again",
            shown=phrase(shown[0][:7]),
            now=phrase(caller.environment),
        )
        raise EnvironmentMismatch(text, reason="environment")
    return Form(fields)


def read_query(call: RequestContext[Any, Any]) -> Form:
    return Form(parse_qs(call.scope["query_string"].decode("ascii")))


def problem_of(error: DomainError) -> Problem:
    """Return what a form's page shows. If the session has ended, raise the error, because it leads to the
    sign-in page.
    """
    if isinstance(error, CredentialEnded):
        raise error
    if isinstance(error, KeyReused):
        return SENT_BEFORE
    refusal = refusal_of(error)
    listed = error.extra.get("errors") or []
    if not listed and error.param is not None:
        listed = [{"param": error.param, "detail": error.detail}]
    fields: dict[str, str] = {}
    for one in listed:
        name, text = _field_words(one["param"], one["detail"])
        fields.setdefault(name, first_words(text))
    text = _together(fields.values())
    return Problem(refusal.http_status, text or first_words(for_people(error.detail)), fields)


def form_again(form: Form, error: DomainError) -> Form:
    """Return the refused form. It gets a new key if its key was used for other values."""
    if not isinstance(error, KeyReused):
        return form
    return Form({**form.fields, IDEMPOTENCY_FIELD: [new_id("frm")]})


def first_words(said: str, param: str | None = None) -> str:
    return with_capital(said) if isinstance(said, Phrase) else sentence(said, param)


def _together(texts: Iterable[str]) -> str:
    return " ".join(_ended(text) for text in dict.fromkeys(texts))


def _field_words(param: str, detail: str) -> tuple[str, str]:
    name, bracket, rest = param.partition("[")
    number, _, inner = rest.partition("]")
    if not (bracket and number.isdigit()):
        return param, for_people(detail, param)
    part = inner.removeprefix(".")
    text = for_people(detail, part or name)
    line, text = int(number) + 1, text if isinstance(text, Phrase) else phrase(text)
    if not part:
        return name, phrase("line %(line)s: %(said)s", line=line, said=text)
    return name, phrase("line %(line)s, %(field)s: %(said)s", line=line, field=part, said=text)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


_MULTIPART: Final = b"multipart/form-data"
FILES_MAX: Final = 1


async def read_upload(call: RequestContext[Any, Any]) -> Form:
    """Return the form's fields. A file's text is under its field's name."""
    kind = call.headers.get(b"content-type", b"")
    if not kind.lower().startswith(_MULTIPART):
        return read_form(call)
    parser = MultiPartParser(
        Headers({"content-type": kind.decode("latin-1")}),
        _whole(call.raw),
        max_files=FILES_MAX,
        max_fields=FIELDS_MAX,
        max_part_size=len(call.raw),
    )
    try:
        found = await parser.parse()
    except (MultiPartException, ValueError, KeyError):
        raise InvalidInput("The form can't be read.") from None
    fields: dict[str, list[str]] = {}
    try:
        for name, value in found.multi_items():
            text = await _text(value) if isinstance(value, UploadFile) else value
            fields.setdefault(name, []).append(text)
    finally:
        await found.close()
    return form_of(call, fields)


async def _text(file: UploadFile) -> str:
    content = await file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The file is not UTF-8 at byte {error.start}. Save it as CSV UTF-8."
        ) from None


async def _whole(raw: bytes) -> AsyncGenerator[bytes, None]:
    yield raw


T = TypeVar("T")


class Typed:
    """`wrong` maps the names of the input's fields to their errors."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.wrong: dict[str, str] = {}

    def parse(self, param: str, reader: Callable[[], T]) -> T | None:
        """Return the result of `reader`. If it raises an error, record that and return None."""
        try:
            return reader()
        except DomainError as error:
            self.wrong[param] = error.detail
            return None

    def cents(self, name: str, *, is_required: bool = False) -> int | None:
        """Return typed dollars in cents. An error is recorded under the field's name with `_cents` added."""
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
