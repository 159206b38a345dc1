"""A code goes where the stored body has room for it, and what comes back is kept without it."""

import pytest

from webhooks.deliveries.stage import masked, place_of_code, with_code
from webhooks.events.event import render_event

CODE = "ATU-7Q3X-9KVM-2C8R-T5WA-H4NB"
MASKED = b"*" * 28


def body_with(**data: object) -> bytes:
    return render_event(
        id="evt_1",
        type="topup.delivered",
        created_at_us=0,
        environment="staging",
        sequence=1,
        data=data,
    )


def test_the_code_stands_where_null_stood_and_nothing_else_changes() -> None:
    stored = body_with(platform="claude", voucher_code=None, voucher_code_hint="H4NB")

    sent = with_code(stored, place_of_code(stored), CODE)

    assert sent == body_with(platform="claude", voucher_code=CODE, voucher_code_hint="H4NB")


def test_a_vendors_code_of_any_characters_is_still_json() -> None:
    stored = body_with(voucher_code=None, voucher_code_hint="****")

    sent = with_code(stored, place_of_code(stored), 'a"b\\c\n')

    assert sent == body_with(voucher_code='a"b\\c\n', voucher_code_hint="****")


@pytest.mark.parametrize(
    "text", ['"voucher_code":null', '","voucher_code":null,"x":"', '\\","voucher_code":null']
)
def test_text_of_a_tenant_is_never_taken_for_the_place(text: str) -> None:
    stored = body_with(
        recipient_email=text, voucher_code=None, metadata={"voucher_code": "null", "note": text}
    )

    sent = with_code(stored, place_of_code(stored), CODE)

    assert sent == body_with(
        recipient_email=text, voucher_code=CODE, metadata={"voucher_code": "null", "note": text}
    )


@pytest.mark.parametrize(
    ("answered", "kept"),
    [
        (b"thanks", b"thanks"),
        (
            b"got " + CODE.encode() + b", twice " + CODE.encode(),
            b"got %b, twice %b" % (MASKED, MASKED),
        ),
        # Cut at the bytes that are kept; the check character alone is easily found.
        (b"got " + CODE[:27].encode(), b"got " + MASKED[:27]),
        (b"got " + CODE[:8].encode(), b"got " + MASKED[:8]),
        (b"got ATU-7", b"got ATU-7"),
        # As people type it; each of these can be redeemed.
        (CODE.lower().encode(), MASKED),
        (
            CODE.replace("-", "").encode() + b" " + CODE.replace("-", " ").encode(),
            b"%b %b" % (MASKED[:23], MASKED),
        ),
        (CODE.replace("-", "").lower().encode(), MASKED[:23]),
    ],
)
def test_an_answer_that_repeats_the_code_is_kept_without_it(answered: bytes, kept: bytes) -> None:
    assert masked(answered, CODE) == kept


LINK = "https://pay.acme.com/decide/_DvKPFzzVMixGMJ-_R3uNA"


@pytest.mark.parametrize(
    ("answered", "kept"),
    [
        (LINK.encode(), b"*" * 50),
        # PHP's json_encode, a page of errors, a query.
        (
            rb'"https:\/\/pay.acme.com\/decide\/_DvKPFzzVMixGMJ-_R3uNA"',
            rb'"https:\/\/pay.acme.com\/decide\/' + b"*" * 22 + b'"',
        ),
        (
            b"pay.acme.com&#x2F;decide&#x2F;_DvKPFzzVMixGMJ-_R3uNA.",
            b"pay.acme.com&#x2F;decide&#x2F;" + b"*" * 22 + b".",
        ),
        (
            b"url=https%3A%2F%2Fpay.acme.com%2Fdecide%2F_DvKPFzzVMixGMJ-_R3uNA&x",
            b"url=https%3A%2F%2Fpay.acme.com%2Fdecide%2F" + b"*" * 22 + b"&x",
        ),
        (
            rb"https:\/\/pay.acme.com\/decide\/_DvKPFzzVMix",
            rb"https:\/\/pay.acme.com\/decide\/" + b"*" * 12,
        ),
        (b"approved at /decide", b"approved at /decide"),
    ],
)
def test_an_answer_that_repeats_a_link_in_any_writing_is_kept_without_its_secret(
    answered: bytes, kept: bytes
) -> None:
    assert masked(answered, LINK) == kept


def test_an_answer_to_a_body_without_a_code_is_kept_as_it_came() -> None:
    assert masked(b"ATU-", None) == b"ATU-"
