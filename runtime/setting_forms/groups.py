"""Define settings, grouped by subject, such as the seller, staging or traces."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from xml.parsers import expat

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from billing.documents.facts import Party, Seller
from billing.fulfilment.opening import FirstPlatform
from billing.machine_payments.offer import NETWORKS, Asset, find_asset
from billing.recipients.smtp_server import parse_mail_from, parse_smtp_url
from billing.topups.platform import MAX_AMOUNT_CENTS, MIN_AMOUNT_CENTS, WALLET
from kernel.brand import Brand, Logo
from keys.staging_quota import Quota, Quotas

_BYTES_MAX: Final = 128 * 1024
_PIXELS_MAX: Final = 2048
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD: Final = slice(8, 16)
_PNG_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_SVG: Final = "http://www.w3.org/2000/svg "
_STRUCTURE: Final = {"svg", "g", "defs", "title", "desc", "style", "clipPath", "mask"}
_SHAPES: Final = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
_TEXT: Final = {"text", "tspan"}
_PAINT: Final = {"linearGradient", "radialGradient", "stop"}
_DRAWING: Final = frozenset(_STRUCTURE | _SHAPES | _TEXT | _PAINT)
# This finds CSS escapes, rules that load files, and addresses outside the file.
_OUTSIDE: Final = re.compile(
    r"\\|@(?!media\b)|//|(?:javascript|data):|url\((?!\s*['\"]?#)", re.IGNORECASE
)
_COLOR: Final = re.compile(r"#[0-9a-f]{6}").fullmatch

_TEXT_MAX = 200
_ADDRESS_MAX = 500
_ADDRESS_LINES_MAX = 8
_FONTS = frozenset({b"\x00\x01\x00\x00", b"OTTO", b"true"})
Prefix = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,9}$")]
_MIB: Final = 1024 * 1024
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}").fullmatch
_URL: Final = re.compile(r"https?://[^\s?#@]+").fullmatch
DAYS_MAX = 60
LEADS_MAX = 5
PROCESSES_MAX: Final = 64
AUTO: Final = "auto"
_CONTACT = re.compile(r"(mailto:[^\s@]+@[^\s@]+|https://\S+|tel:\+[0-9-]+)")
PLACES = 4
_WHOLE: int = 10**PLACES
_ENTRY = re.compile(r"([1-9][0-9]{0,5}):0\.([0-9]{1,4})")
OLD_WALLET = "voucher"


class BrandSettings(BaseModel):
    brand_name: str = Field(
        "",
        max_length=60,
        description="Your name on pages and emails for payers and recipients.",
    )
    brand_logo: Path | None = Field(
        None,
        description="An SVG or PNG file of at most 128 KiB, shown before BRAND_NAME on those pages.",
    )
    brand_color: str = Field(
        "", description="Colour of the buttons on those pages, such as #1d5fd0."
    )
    _brand: Brand = PrivateAttr(default=Brand())

    @field_validator("brand_name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("is one line of printable characters")
        return value.strip()

    @field_validator("brand_color")
    @classmethod
    def _check_color(cls, value: str) -> str:
        color = value.lower()
        if color and not _COLOR(color):
            raise ValueError("is a colour of six hexadecimal digits such as #1d5fd0")
        return color

    @model_validator(mode="after")
    def _read_brand(self) -> "BrandSettings":
        logo = None if self.brand_logo is None else _logo(self.brand_logo)
        if logo is not None and not self.brand_name:
            raise ValueError("TOPUP_BRAND_LOGO needs TOPUP_BRAND_NAME, which is shown beside it")
        self._brand = Brand(self.brand_name, self.brand_color, logo)
        return self

    @property
    def brand(self) -> Brand:
        return self._brand


def _logo(path: Path) -> Logo:
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX + 1)
    except OSError:
        raise ValueError("TOPUP_BRAND_LOGO is no file that can be read") from None
    if len(content) > _BYTES_MAX:
        raise ValueError(f"TOPUP_BRAND_LOGO has more than {_BYTES_MAX // 1024} KiB")
    if content.startswith(_PNG):
        _check_png(content)
        return Logo(content, "png")
    _check_svg(content)
    return Logo(content, "svg")


def _check_png(content: bytes) -> None:
    sides = [int.from_bytes(content[start : start + 4], "big") for start in (16, 20)]
    is_whole = content[_PNG_HEAD] == b"\0\0\0\rIHDR" and content.endswith(_PNG_END)
    if not is_whole or not all(1 <= side <= _PIXELS_MAX for side in sides):
        raise ValueError(
            f"TOPUP_BRAND_LOGO is a whole PNG of at most {_PIXELS_MAX} pixels on each side"
        )


def _check_svg(content: bytes) -> None:
    drawing, parser = _Drawing(), expat.ParserCreate(namespace_separator=" ")
    parser.XmlDeclHandler = drawing.declare
    parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = drawing.refuse
    parser.StartElementHandler, parser.EndElementHandler = drawing.begin, drawing.end
    parser.CharacterDataHandler = drawing.text
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        raise ValueError("TOPUP_BRAND_LOGO is neither an SVG nor a PNG file") from None
    if _OUTSIDE.search(drawing.style):
        raise _refused("has a style that loads something")


class _Drawing:
    def __init__(self) -> None:
        self.style = ""
        self._open: list[str] = []

    def declare(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "utf-8").lower() != "utf-8":
            raise _refused("is not in UTF-8")

    def refuse(self, *_: object) -> None:
        raise _refused("has a document type or an instruction")

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        element = name.removeprefix(_SVG)
        is_root = not self._open
        if not name.startswith(_SVG) or element not in _DRAWING or is_root != (element == "svg"):
            raise _refused(f"has an element {element.rpartition(' ')[2][:40]}")
        self._open.append(element)
        for attribute, value in attributes.items():
            plain = attribute.rpartition(" ")[2]
            if _is_active(plain.lower(), value):
                raise _refused(f"has an attribute {plain[:40]} that runs or loads something")

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, words: str) -> None:
        if self._open[-1] == "style":
            self.style += words


def _is_active(attribute: str, value: str) -> bool:
    is_link = attribute in {"href", "base"} and not value.startswith("#")
    return is_link or attribute.startswith("on") or _OUTSIDE.search(value) is not None


def _refused(what: str) -> ValueError:
    return ValueError(f"TOPUP_BRAND_LOGO {what}: save it as a plain SVG that only draws")


class SellerSettings(BrandSettings):
    seller_name: str = Field(
        "",
        max_length=_TEXT_MAX,
        description="The seller's name on receipts. Without it, live makes no receipts.",
    )
    seller_address: str = Field(
        "",
        max_length=_ADDRESS_MAX,
        description="The seller's address, with | between its lines.",
    )
    seller_tax_id: str = Field("", max_length=60, description="The seller's tax or VAT number.")
    seller_contact: str = Field(
        "",
        max_length=_TEXT_MAX,
        description="Where buyers can write to: an email address or a page.",
    )
    seller_logo_text: str = Field(
        "",
        max_length=60,
        description="The heading of each document. If empty, BRAND_NAME or the seller's name.",
    )
    seller_footer: str = Field(
        "",
        max_length=500,
        description="The text at the end of each document, such as a legal notice.",
    )
    seller_invoice_prefix: Prefix = Field(
        "R",
        description="Prefix of receipt numbers: R makes R-2026-000001. A new prefix starts at 1.",
    )
    seller_credit_note_prefix: Prefix = Field(
        "CN", description="Prefix of the numbers of credit notes."
    )
    seller_debit_note_prefix: Prefix = Field(
        "DN", description="Prefix of the numbers of documents that cancel a credit note."
    )
    seller_mail_receipts: bool = Field(
        True,
        description="Email each receipt to the payer, unless they switch this off.",
    )
    seller_font: Path | None = Field(
        None,
        description="Font file (.ttf or .otf) for scripts that the built-in font lacks, such as Chinese, Japanese or"
        " Korean. Without it, their letters are shown as ?, and the document says so.",
    )

    @model_validator(mode="after")
    def _check_seller(self) -> "SellerSettings":
        prefixes = self.seller.prefixes.values()
        if len(set(prefixes)) < len(prefixes):
            raise ValueError("TOPUP_SELLER_…_PREFIX: each kind of document has a prefix of its own")
        if len(self.seller.party.address) > _ADDRESS_LINES_MAX:
            raise ValueError(f"TOPUP_SELLER_ADDRESS can have at most {_ADDRESS_LINES_MAX} lines")
        if self.seller_font is not None:
            _check_font(self.seller_font)
        return self

    @property
    def seller(self) -> Seller:
        lines = [line.strip() for line in self.seller_address.split("|")]
        address = tuple(line for line in lines if line)
        return Seller(
            Party(self.seller_name.strip(), address, self.seller_tax_id, self.seller_contact),
            {
                "receipt": self.seller_invoice_prefix,
                "credit_note": self.seller_credit_note_prefix,
                "debit_note": self.seller_debit_note_prefix,
            },
            self.seller_logo_text or self.brand_name,
            self.seller_footer,
            self.seller_mail_receipts,
        )


def _check_font(path: Path) -> None:
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError:
        raise ValueError("TOPUP_SELLER_FONT is no file that can be read") from None
    if begins not in _FONTS:
        raise ValueError("TOPUP_SELLER_FONT is no font: name a .ttf or .otf file")


class StagingSettings(BaseModel):
    rate_limit_records_per_s: int = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="Records (or KiB of long bodies) per second for an account; a fifth for a sandbox. 0 means no limit.",
    )
    staging_rows_per_day: int = Field(
        1_000_000,
        ge=0,
        description="Rows that a verified account's staging may store per UTC day. 0 means no limit.",
    )
    staging_mb_per_day: int = Field(
        1024,
        ge=0,
        description="MiB that a verified account's staging may store per UTC day. 0 means no limit.",
    )
    sandbox_rows_per_day: int = Field(
        100_000,
        ge=0,
        description="Rows that a sandbox or unverified account may store per UTC day. 0 means no limit.",
    )
    sandbox_mb_per_day: int = Field(
        64,
        ge=0,
        description="MiB that a sandbox or unverified account may store per UTC day. 0 means no limit.",
    )
    sandbox_total_mb_per_day: int = Field(
        2048,
        ge=0,
        description="MiB that all sandbox and unverified accounts together may store per UTC day. 0 means no limit.",
    )
    staging_reserve_mb: int = Field(
        1024,
        ge=0,
        description="Staging is refused below this much free disk, in MiB, if the database is a file. 0 means never.",
    )
    staging_database_max_mb: int = Field(
        0,
        ge=0,
        description="Staging is refused above this size of the database, in MiB, if it is a server. 0 means never.",
    )

    @property
    def staging_quotas(self) -> Quotas:
        return Quotas(
            verified=Quota(self.staging_rows_per_day, self.staging_mb_per_day * _MIB),
            unverified=Quota(self.sandbox_rows_per_day, self.sandbox_mb_per_day * _MIB),
            together=Quota(0, self.sandbox_total_mb_per_day * _MIB),
        )


class X402Settings(BaseModel):
    x402_facilitator_url: str = Field(
        "",
        description="Address of the facilitator that settles x402 payments. If empty, it is simulated, in staging only.",
    )
    x402_facilitator_key: SecretStr = Field(
        SecretStr(""), description="Bearer token for the facilitator, if it needs one."
    )
    x402_pay_to: str = Field("", description="Your wallet (0x…), which receives x402 payments.")
    x402_network: str = Field(
        "eip155:8453",
        description="Network of x402 payments (CAIP-2). If empty, Base. A test network is only for staging.",
    )
    x402_asset: str = Field(
        "",
        description="Contract of the dollar token for x402 payments. If empty, the network's USDC.",
    )

    @model_validator(mode="after")
    def _check_x402(self) -> "X402Settings":
        given = (self.x402_facilitator_url, self.x402_pay_to)
        if any(given) and not all(given):
            raise ValueError("TOPUP_X402_FACILITATOR_URL and TOPUP_X402_PAY_TO go together")
        if self.x402_facilitator_url and not _URL(self.x402_facilitator_url):
            raise ValueError("TOPUP_X402_FACILITATOR_URL is an address such as https://host/path")
        if self.x402_pay_to and not _ADDRESS(self.x402_pay_to):
            raise ValueError("TOPUP_X402_PAY_TO is 0x and 40 hexadecimal digits")
        if self.x402_network not in NETWORKS:
            raise ValueError(f"TOPUP_X402_NETWORK is one of {', '.join(NETWORKS)}")
        if find_asset(self.x402_network, self.x402_asset) is None:
            raise ValueError(
                "TOPUP_X402_ASSET is no asset of TOPUP_X402_NETWORK that is known here"
            )
        return self

    @property
    def x402_offered(self) -> Asset | None:
        if not self.x402_facilitator_url:
            return None
        return find_asset(self.x402_network, self.x402_asset)


def days_of(text: str) -> Sequence[int]:
    """Parse numbers of days before an expiry, such as `7, 1`. Raise ValueError for any other text."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(parts) > LEADS_MAX or not all(part.isdecimal() and len(part) <= 2 for part in parts):
        raise ValueError(f"is a list of at most {LEADS_MAX} numbers of days such as 7, 1")
    days = sorted({int(part) for part in parts}, reverse=True)
    if days and not (days[-1] >= 1 and days[0] <= DAYS_MAX):
        raise ValueError(f"names days from 1 to {DAYS_MAX}")
    return days


def _check(text: str) -> str:
    days_of(text)
    return text


class CreditSettings(BaseModel):
    credit_expiring_days: Annotated[str, AfterValidator(_check)] = Field(
        "7, 1",
        description="Days before credit expires when credit.expiring is sent. If empty, never.",
    )

    @property
    def expiring_days(self) -> Sequence[int]:
        return days_of(self.credit_expiring_days)


def _number_of(value: Any) -> int:
    if value == AUTO:
        return min(PROCESSES_MAX, cores())
    text = str(value)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= PROCESSES_MAX):
        raise ValueError(f"is 1 to {PROCESSES_MAX}, or {AUTO} for one a core")
    return int(text)


def cores() -> int:
    """Return how many cores this process may run on. Ignore a container's limit on CPU time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessSettings(BaseModel):
    processes: Annotated[int, BeforeValidator(_number_of)] = Field(
        1,
        description="Processes of `topup serve` or `topup worker` on one port. auto means one per core.",
    )


class ContactSettings(BaseModel):
    security_contact: str = Field(
        "",
        max_length=200,
        description="Where to report a vulnerability (mailto:… or https://…), for /.well-known/security.txt.",
    )

    @field_validator("security_contact")
    @classmethod
    def _check_contact(cls, value: str) -> str:
        if value and _CONTACT.fullmatch(value) is None:
            raise ValueError("TOPUP_SECURITY_CONTACT begins with mailto:, https:// or tel:+")
        return value


class RequestLogSettings(BaseModel):
    retention_requests_days: int = Field(
        14,
        ge=0,
        le=3_650,
        description="Days for which refused and failed requests are stored for their senders. 0 means none.",
    )


class TracingSettings(BaseModel):
    tracing: bool = Field(
        False,
        description="Send spans to an OpenTelemetry collector, set by OTEL_… variables. Needs the extra `tracing`.",
    )


class ProbeSettings(BaseModel):
    webhook_probe: bool = Field(
        True,
        description="Webhooks that were disabled after failures are probed, and enabled again if they respond.",
    )


class SettingGroups(
    CreditSettings,
    SellerSettings,
    ContactSettings,
    X402Settings,
    RequestLogSettings,
    ProcessSettings,
    TracingSettings,
    ProbeSettings,
    StagingSettings,
):
    pass


def _check_url(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        parse_smtp_url(value.get_secret_value())
    return value


def _check_mail_from(value: str, info: ValidationInfo) -> str:
    if value:
        parse_mail_from(value)
    elif "smtp_url" in info.data and info.data["smtp_url"].get_secret_value():
        raise ValueError("is needed where TOPUP_SMTP_URL is set")
    return value


SmtpUrl = Annotated[SecretStr, AfterValidator(_check_url)]
MailFrom = Annotated[str, AfterValidator(_check_mail_from)]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole, in ten-thousandths."""

    parts: int

    def of(self, cents: int) -> int:
        return -(-cents * self.parts // _WHOLE)


def discounts_of(text: str) -> Mapping[int, Part]:
    """Parse discounts that are keyed by an amount in dollars. Raise ValueError if the text has another form."""
    found: dict[int, Part] = {}
    for entry in re.split(r"[,\s]+", text.strip(", ")) if text.strip(", ") else ():
        match = _ENTRY.fullmatch(entry)
        if match is None or int(match[2]) == 0:
            raise ValueError("is a list of amount:part such as 100:0.95, 500:0.9")
        amount = int(match[1])
        if amount in found:
            raise ValueError(f"names {amount} twice")
        found[amount] = Part(int(match[2].ljust(PLACES, "0")))
    return found


class PlatformSetting(BaseModel):
    """A platform that can be topped up. Amounts are in cents.

    `fulfilment` is the kind of its supplier, and `options` are that supplier's options. If `fulfilment` is
    empty, live doesn't offer the platform. `fulfilment` may also be `voucher`, an old name for `wallet`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    name: Annotated[str, Field(min_length=1, max_length=80)] = ""
    min_amount_cents: Annotated[int, Field(ge=1, le=100_000_000)] = MIN_AMOUNT_CENTS
    max_amount_cents: Annotated[int, Field(ge=1, le=100_000_000)] = MAX_AMOUNT_CENTS
    fulfilment: str = ""
    options: dict[str, Any] = {}

    def model_post_init(self, _context: Any) -> None:
        if self.min_amount_cents > self.max_amount_cents:
            raise ValueError("min_amount_cents is above max_amount_cents")
        if not self.name:
            object.__setattr__(self, "name", self.id.capitalize())

    def platform(self) -> FirstPlatform:
        kind = WALLET if self.fulfilment == OLD_WALLET else self.fulfilment
        return FirstPlatform(
            id=self.id,
            name=self.name,
            min_amount_cents=self.min_amount_cents,
            max_amount_cents=self.max_amount_cents,
            kind=kind or None,
            options=self.options,
        )
