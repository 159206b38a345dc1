"""Groups of settings: brand, seller, staging, x402, expiring credit, processes, contact, request log, traces,
probes.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from billing.documents.facts import Party, Seller
from billing.machine_payments.offer import NETWORKS, Asset, find_asset
from keys.staging_quota import Quota, Quotas
from runtime.setting_forms.brand import BrandSettings

_TEXT_MAX = 200
_ADDRESS_MAX = 500
_ADDRESS_LINES_MAX = 8
_FONTS = frozenset({b"\x00\x01\x00\x00", b"OTTO", b"true"})
Prefix = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,9}$")]


class SellerSettings(BrandSettings):
    seller_name: str = Field(
        "",
        max_length=_TEXT_MAX,
        description="Who sells, as receipts name it; live makes none without it.",
    )
    seller_address: str = Field(
        "",
        max_length=_ADDRESS_MAX,
        description="The seller's address, its lines apart by |.",
    )
    seller_tax_id: str = Field("", max_length=60, description="The seller's tax or VAT number.")
    seller_contact: str = Field(
        "",
        max_length=_TEXT_MAX,
        description="Whom a buyer writes to: an address of mail or a page.",
    )
    seller_logo_text: str = Field(
        "",
        max_length=60,
        description="The head of each document; empty: BRAND_NAME, else the seller's name.",
    )
    seller_footer: str = Field(
        "", max_length=500, description="The last words of each document, such as a legal notice."
    )
    seller_invoice_prefix: Prefix = Field(
        "R", description="Of the numbers of receipts: R makes R-2026-000001. A new one begins at 1."
    )
    seller_credit_note_prefix: Prefix = Field("CN", description="The same of credit notes.")
    seller_debit_note_prefix: Prefix = Field(
        "DN", description="The same of what takes a credit note back."
    )
    seller_mail_receipts: bool = Field(
        True,
        description="Payers get each receipt by mail, unless they switch it off.",
    )
    seller_font: Path | None = Field(
        None,
        description="A TrueType or OpenType font file (.ttf or .otf) for scripts that the built-in one lacks, such as"
        " Chinese, Japanese or Korean; without it each such letter is shown as ?, and the document says so.",
    )

    @model_validator(mode="after")
    def _check_seller(self) -> "SellerSettings":
        prefixes = self.seller.prefixes.values()
        if len(set(prefixes)) < len(prefixes):
            raise ValueError("TOPUP_SELLER_…_PREFIX: each kind of document has a prefix of its own")
        if len(self.seller.party.address) > _ADDRESS_LINES_MAX:
            raise ValueError(f"TOPUP_SELLER_ADDRESS has at most {_ADDRESS_LINES_MAX} lines")
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


_MIB: Final = 1024 * 1024


class StagingSettings(BaseModel):
    rate_limit_records_per_s: int = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="Records, or KiB of long bodies, a second and account; sandboxes: a fifth; 0: off.",
    )
    staging_rows_per_day: int = Field(
        1_000_000,
        ge=0,
        description="Rows that staging of a verified account stores on a UTC day; 0: any number.",
    )
    staging_mb_per_day: int = Field(1024, ge=0, description="The same in MiB; 0: any size.")
    sandbox_rows_per_day: int = Field(
        100_000,
        ge=0,
        description="Rows of a sandbox or unverified account on a day; 0: any number.",
    )
    sandbox_mb_per_day: int = Field(64, ge=0, description="The same in MiB; 0: any size.")
    sandbox_total_mb_per_day: int = Field(
        2048,
        ge=0,
        description="MiB of all sandbox and unverified accounts together on a day; 0: any size.",
    )
    staging_reserve_mb: int = Field(
        1024,
        ge=0,
        description="MiB of free disk below which staging is refused, beside a file; 0: never.",
    )
    staging_database_max_mb: int = Field(
        0,
        ge=0,
        description="MiB of a server's database above which staging is refused; 0: never.",
    )

    @property
    def staging_quotas(self) -> Quotas:
        return Quotas(
            verified=Quota(self.staging_rows_per_day, self.staging_mb_per_day * _MIB),
            unverified=Quota(self.sandbox_rows_per_day, self.sandbox_mb_per_day * _MIB),
            together=Quota(0, self.sandbox_total_mb_per_day * _MIB),
        )


_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}").fullmatch
_URL: Final = re.compile(r"https?://[^\s?#@]+").fullmatch


class X402Settings(BaseModel):
    x402_facilitator_url: str = Field(
        "", description="Who settles x402's payments: https://…; empty: simulated, in staging only."
    )
    x402_facilitator_key: SecretStr = Field(
        SecretStr(""), description="Bearer token for that facilitator, where it wants one."
    )
    x402_pay_to: str = Field("", description="Your wallet, to which x402's payers pay: 0x….")
    x402_network: str = Field(
        "eip155:8453",
        description="Network they pay on (CAIP-2), Base unless set; a test network is staging's.",
    )
    x402_asset: str = Field(
        "", description="Contract of the dollar token they pay in; empty: the network's USDC."
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
        """Return what real payments are made in; None if nothing is set up."""
        if not self.x402_facilitator_url:
            return None
        return find_asset(self.x402_network, self.x402_asset)


DAYS_MAX = 60
LEADS_MAX = 5


def days_of(text: str) -> Sequence[int]:
    """Parse the days before an end, such as `7, 1`; raise ValueError for anything else."""
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
        description="Days before credit ends at which credit.expiring tells; empty: never.",
    )

    @property
    def expiring_days(self) -> Sequence[int]:
        return days_of(self.credit_expiring_days)


PROCESSES_MAX: Final = 64
AUTO: Final = "auto"


def _number_of(value: Any) -> int:
    if value == AUTO:
        return min(PROCESSES_MAX, cores())
    text = str(value)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= PROCESSES_MAX):
        raise ValueError(f"is 1 to {PROCESSES_MAX}, or {AUTO} for one a core")
    return int(text)


def cores() -> int:
    """Return how many cores this process may run on; a container's share of CPU time isn't included."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessSettings(BaseModel):
    processes: Annotated[int, BeforeValidator(_number_of)] = Field(
        1,
        description="Processes of `topup serve`, or `topup worker`, on its port; auto: one a core.",
    )


_CONTACT = re.compile(r"(mailto:[^\s@]+@[^\s@]+|https://\S+|tel:\+[0-9-]+)")


class ContactSettings(BaseModel):
    security_contact: str = Field(
        "",
        max_length=200,
        description="Whom to tell of a weakness: mailto:… or https://…, in /.well-known/security.txt,"
        " which is not there without it.",
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
        description="Days that refused and failed requests are kept for their senders; 0: none is.",
    )


class TracingSettings(BaseModel):
    tracing: bool = Field(
        False,
        description="Spans to an OpenTelemetry collector, as OTEL_… variables say; wants the extra `tracing`.",
    )


class ProbeSettings(BaseModel):
    webhook_probe: bool = Field(
        True, description="Webhooks disabled for failing are asked now and then, and enabled again."
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
    """Every group; add a new one here."""
