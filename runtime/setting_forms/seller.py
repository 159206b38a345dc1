"""The settings of the seller, as printed on receipts and statements."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from billing.documents.facts import Party, Seller

_TEXT_MAX = 200
_ADDRESS_MAX = 500
_ADDRESS_LINES_MAX = 8
_FONTS = frozenset({b"\x00\x01\x00\x00", b"OTTO", b"true"})
Prefix = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,9}$")]


class SellerSettings(BaseModel):
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
        "", max_length=60, description="The head of each document; empty: the seller's name."
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
            self.seller_logo_text,
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
