"""Whatever a stranger says can be written down, and what can be kept is kept as it is."""

from hypothesis import given, strategies as st

from kernel.storable import is_storable, storable
from store.database import Database


def test_nul_and_halves_of_pairs_are_replaced_and_the_rest_is_kept() -> None:
    said = "a\0b\ud800c\udfffd \U0001f600 ü\n"

    assert storable(said, characters_max=100) == "a\ufffdb\ufffdc\ufffdd \U0001f600 ü\n"


def test_it_is_cut_at_characters() -> None:
    assert storable("ü" * 10, characters_max=4) == "üüüü"
    assert storable("abc", characters_max=3) == "abc"
    assert storable("", characters_max=3) == ""


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(0, 20))
def test_whatever_comes_in_can_be_stored(text: str, characters_max: int) -> None:
    result = storable(text, characters_max=characters_max)

    assert is_storable(result, characters_max=characters_max)
    assert len(result) == min(len(text), characters_max)
    if is_storable(text, characters_max=characters_max):
        assert result == text


async def test_both_databases_keep_it(database: Database) -> None:
    odd = "".join(chr(one) for one in (0, 1, 0x7F, 0x85, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x10FFFF))
    kept = storable(odd, characters_max=20)

    row = await database.read(
        lambda tx: tx.fetch_one("SELECT CAST(:kept AS TEXT) AS back", kept=kept)
    )

    assert row is not None
    assert row["back"] == kept
