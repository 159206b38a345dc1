"""What the code says in another language: phrases, texts that are recognised, and what has no words."""

from functools import partial

import pytest

from gateway.html.format import after, money
from gateway.html.language import NotSaid, current, page_languages
from gateway.html.phrase import Phrase, counted, phrase, with_capital

ARABIC = page_languages()["ar"]
ANN = "\u2068ann\u2069"


def test_a_phrase_is_an_english_text() -> None:
    assert phrase("from %(address)s", address="1.2.3.4") == "from 1.2.3.4"
    assert counted("last %(num)s day", "last %(num)s days", 1) == "last 1 day"
    assert counted("last %(num)s day", "last %(num)s days", 1_400) == "last 1,400 days"
    assert phrase("%(amount)s charged", amount=partial(money, 1_250)) == "$12.50 charged"
    assert with_capital(phrase("100 % of it")) == "100 % of it"
    assert with_capital("write it") == "Write it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # With a value, which keeps its direction.
        (phrase("from %(address)s", address="ann"), f"من {ANN}"),
        # The forms that go with 1, 2, 3 to 10, 11 to 99, and 100.
        (counted("last %(num)s day", "last %(num)s days", 1), "آخر يوم"),
        (counted("last %(num)s day", "last %(num)s days", 2), "آخر يومين"),
        (counted("last %(num)s day", "last %(num)s days", 7), "آخر 7 أيام"),
        (counted("last %(num)s day", "last %(num)s days", 14), "آخر 14 يومًا"),
        (counted("last %(num)s day", "last %(num)s days", 100), "آخر 100 يوم"),
        # A value that is a phrase is said; a sentence without a word of its own is the same.
        (phrase("by %(whom)s", whom=phrase("a signed link")), "بواسطة رابط موقّع"),
        (phrase("%(number)s", number=1_400), "1,400"),
        # A small letter is looked up with a capital, too.
        ("delivered", "تم التسليم"),
        # A refusal that came as a text, with its values in it; one that is known is said.
        ("This can have at most 20 characters", "20 حرفًا على الأكثر"),
        ("The top-up has already ended: cancelled.", "سبق أن انتهت الشحنة: تم الإلغاء."),
        # It cannot end that direction, nor keep it from its end.
        (phrase("from %(address)s", address="a\u2069nn"), f"من {ANN}"),
        (phrase("from %(address)s", address="\u2067ann"), f"من {ANN}"),
        ("", ""),
        ("—", "—"),
    ],
)
def test_a_text_is_said_in_arabic(text: str, said: str) -> None:
    assert ARABIC.say(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "Nobody wrote this down",
        # No number stands there.
        "This can have at most , characters",
        phrase("nobody wrote %(this)s down", this="it"),
        # English that stands in the place of a value.
        "The top-up has already ended: taken away by somebody.",
        "Line 3: nobody wrote this down",
        # So long that looking for values may take long.
        "The top-up was " + "x" * 500 + " before",
    ],
)
def test_what_has_no_words_is_not_said(text: str) -> None:
    with pytest.raises(NotSaid):
        ARABIC.say(text)


def test_money_and_times_are_written_as_the_page_is_made() -> None:
    charged = phrase("%(amount)s charged", amount=partial(money, 1_250))
    before = current.set(ARABIC)
    try:
        assert ARABIC.say(charged) == "خُصم \u2068\u206612.50\xa0US$\u2069\u2069"
        assert after(2_200) == "\u2068+2.2\u2069 م.ث"
    finally:
        current.reset(before)
    assert isinstance(charged, Phrase)
    assert after(2_200) == "+2.2 ms"
