"""The token of a link never changes, and gives back what it is about."""

from hypothesis import given, strategies as st

from billing.topups.link_tokens import LinkTokens
from kernel.ids import encode

LINKS = LinkTokens(bytes(range(32)))


def test_token_of_a_known_key_and_id_never_changes() -> None:
    # Worked out once with this module; a change would end every link that was given out.
    assert LINKS.token_of("claim", "txn_0000000000000001") == "CPwVvYi4NJd5d8hZrhKXsw"


@given(st.lists(st.integers(0, 2**95 - 1), max_size=70))
def test_tokens_made_together_give_their_top_ups_back(numbers: list[int]) -> None:
    ids = ["txn_" + encode(number) for number in numbers]

    tokens = LINKS.tokens_of("claim", ids)

    assert [LINKS.id_of("claim", token) for token in tokens] == ids
    assert tokens == [LINKS.token_of("claim", one) for one in ids]
