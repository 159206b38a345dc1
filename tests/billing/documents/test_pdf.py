"""What stands on a document's page, read out of the PDF, and what cannot break it."""

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fpdf.fonts import TTFFont
from pypdf import PdfReader

from billing.documents.document import BillingDocument
from billing.documents.document_pdf import document_pdf, statement_pdf
from billing.documents.facts import DocumentFacts, Party, Seller, Sold, facts_of, note_of
from billing.documents.statement_sheet import StatementSheet
from billing.ledger.money import dollars
from billing.ledger.statement import StatementLine
from billing.providers.breakdown import Breakdown, TaxPart

SELLER = Seller(
    Party("Acme GmbH", ("Weg 1", "Berlin"), "DE123", "pay@acme.example"), {}, "ACME", "Bye"
)
BUYER = Party("Buyer Ltd", ("Road 2", "London"), "GB9", "b@buyer.example")
AT = 1_781_352_000_000_000  # 2026-06-13


def facts(sold: Sold, told: Breakdown | None = None, *, is_test: bool = False) -> DocumentFacts:
    made = facts_of(sold, told, seller=SELLER, buyer=BUYER, is_test=is_test)
    return msgspec.structs.replace(made, provider="stripe", payment_id="pi_7", credits=25_000)


def receipt(
    of: DocumentFacts, kind: str = "receipt", number: str = "R-2026-000017"
) -> BillingDocument:
    return msgspec.convert(
        {
            "id": "doc_1",
            "account_id": "acc_1",
            "environment": "live",
            "kind": kind,
            "series": "R-2026",
            "sequence": 17,
            "number": number,
            "subject_id": "ord_1",
            "order_id": "ord_1",
            "amount": of.paid,
            "currency": of.currency,
            "facts": msgspec.to_builtins(of),
            "dated_at": AT,
            "created_at": AT,
        },
        BillingDocument,
    )


def words(body: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages)


def test_every_number_of_a_receipt_is_on_its_page() -> None:
    # 25.00, less 5.00 of a coupon and 1.00 of the provider's, with 19 % on 19.00 added.
    told = Breakdown(subtotal=2000, discount=100, total=2261, taxes=(TaxPart("VAT", 361),))
    made = facts(Sold("Pro Pack", 2261, "USD", 2500, 500), told)

    body = document_pdf(receipt(made), provider_label="Stripe")

    text = words(body)
    for shown in (
        *("Receipt", "R-2026-000017", "2026-06-13", "ACME", "Acme GmbH", "Weg 1", "Tax id: DE123"),
        *("Buyer Ltd", "London", "Tax id: GB9", "Paid with Stripe, payment pi_7", "ord_1", "Bye"),
        *("Pro Pack", "25.00 USD", "-6.00 USD", "3.61 USD", "22.61 USD", "25,000 credits"),
    ):
        assert shown in text
    assert "TEST" not in text
    assert "in place of a letter" not in text
    assert len(body) < 60_000
    assert document_pdf(receipt(made), provider_label="Stripe") == body
    reader = PdfReader(io.BytesIO(body))
    kept = reader.xmp_metadata
    assert kept is not None
    assert (kept.dc_title, kept.dc_creator) == (
        {"x-default": "Receipt R-2026-000017"},
        ["Acme GmbH"],
    )
    assert str(reader.root_object["/Lang"]) == "en"
    assert b"/JavaScript" not in body


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [(1234500, "KWD", "1,234.500 KWD"), (300, "JPY", "300 JPY")],
)
def test_amounts_have_the_places_of_their_currency(amount: int, currency: str, shown: str) -> None:
    assert shown in words(document_pdf(receipt(facts(Sold("Pack", amount, currency, amount)))))


def test_a_credit_note_names_its_receipt_and_what_was_paid_back() -> None:
    made = facts(
        Sold("Pro Pack", 2000, "USD", 2000),
        Breakdown(subtotal=2000, total=2000, taxes=(TaxPart("VAT", 319, is_included=True),)),
    )
    note = note_of(made, "R-2026-000017", before=0, after=500, of=2000)

    text = words(document_pdf(receipt(note, "credit_note", "CN-2026-000001")))

    for shown in (
        "Credit note",
        "CN-2026-000001",
        "Receipt R-2026-000017",
        "Paid back",
        "5.00 USD",
    ):
        assert shown in text
    assert "0.80 USD" in text  # of 3.19, a quarter, to the nearest cent


def test_staging_says_that_it_is_no_document() -> None:
    made = facts(Sold("Pack", 100, "USD", 100), is_test=True)

    assert "TEST - not a real document" in words(document_pdf(receipt(made)))


def test_any_script_is_drawn_and_what_has_no_glyph_is_replaced() -> None:
    made = facts(Sold("Привет Ελληνικά 中文 🎉 \x00\u202e\ud7a3", 100, "USD", 100))
    buyer = Party("شركة", ("תל אביב", "नमस्ते", "กรุงเทพ"))

    text = words(document_pdf(receipt(msgspec.structs.replace(made, buyer=buyer))))

    assert "Привет Ελληνικά ?? ? ?" in text
    assert "Each ? in place of a letter" in text
    assert "אביב" in text or "ביבא" in text


def test_a_font_of_the_operators_brings_the_letters_that_are_lacking(tmp_path: Path) -> None:
    pen = TTGlyphPen(None)
    for step, place in enumerate([(0, 0), (0, 700), (500, 700), (500, 0)]):
        (pen.lineTo if step else pen.moveTo)(place)
    pen.closePath()
    box = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "one", "two"])
    font.setupCharacterMap({ord("中"): "one", ord("文"): "two"})
    font.setupGlyf(dict.fromkeys([".notdef", "one", "two"], box))
    font.setupHorizontalMetrics(dict.fromkeys([".notdef", "one", "two"], (600, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Own", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "own.ttf")
    made = facts(Sold("中文 龍", 100, "USD", 100))
    named = msgspec.structs.replace(made, buyer=Party("中文"))

    body = document_pdf(receipt(named), str(tmp_path / "own.ttf"))

    text = words(body)
    sizes: list[tuple[str, float]] = []
    PdfReader(io.BytesIO(body)).pages[0].extract_text(
        visitor_text=lambda text, _cm, _tm, _font, size: sizes.append((text.strip(), size))
    )
    # What comes after such letters is as large as before them.
    assert {size for text, size in sizes if text.endswith("1.00 USD")} == {10.0}
    # The name is bold, which the operator's font is not.
    assert "中文 ?" in text
    assert text.count("中文") == 2
    assert "Each ? in place of a letter" in text


def test_only_a_text_whose_letters_are_joined_is_shaped(monkeypatch: pytest.MonkeyPatch) -> None:
    shaped = []
    real = TTFFont.perform_harfbuzz_shaping

    def told(font: TTFFont, text: str, *rest: Any) -> Any:
        shaped.append(text)
        return real(font, text, *rest)

    monkeypatch.setattr(TTFFont, "perform_harfbuzz_shaping", told)
    buyer = Party("Café Zürich", ("नमस्ते",), "GB9")
    document_pdf(receipt(msgspec.structs.replace(facts(Sold("Pack", 1, "USD", 1)), buyer=buyer)))

    assert shaped
    assert {character for text in shaped for character in text} == set("नमस्ते")


def test_the_worst_text_is_bounded() -> None:
    worst = "W" * 65_536
    made = facts(Sold(worst, 100, "USD", 100))
    buyer = Party(worst, (worst, "ﷺ" * 65_536, "a " * 32_768), worst, worst)

    body = document_pdf(receipt(msgspec.structs.replace(made, buyer=buyer)))

    assert len(body) < 60_000
    assert len(PdfReader(io.BytesIO(body)).pages) <= 3


def line(change_micros: int, code: str) -> StatementLine:
    return StatementLine({"created_at": "2026-06-02T10:00:00Z", "code": code}, change_micros)


def test_a_statement_adds_up_on_its_page() -> None:
    sheet = StatementSheet(
        seller=SELLER.party,
        buyer=BUYER,
        since=1_780_272_000_000_000,
        until=1_782_864_000_000_000,
        opening_micros=10_000_000,
        lines=[line(25_000_000, "purchase"), line(-1_234_560, "ai_usage")],
        made_at=AT,
        is_test=False,
    )

    text = words(statement_pdf(sheet))

    for shown in ("2026-06-01 to 2026-06-30", "10.00 USD", "35.00", "-1.23456", "33.76544 USD"):
        assert shown in text


@pytest.mark.parametrize(
    ("micros", "shown"),
    [(0, "0.00"), (1, "0.000001"), (-1_500_000, "-1.50"), (1_234_000_000, "1,234.00")],
)
def test_micros_are_shown_whole(micros: int, shown: str) -> None:
    assert dollars(micros) == shown
