"""The token of a link never changes, and gives back what it is about."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from hypothesis import given, strategies as st

from billing.topups.rules import LinkTokens, VoucherCodes
from kernel.ids import encode

CODES = VoucherCodes(bytes(range(32)))
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


def test_two_threads_work_out_codes_and_links_at_once() -> None:
    # As many as a long batch has: the library lets other threads go on beside a text of 2,048 bytes and more.
    ids = [f"txn_{encode(number)}" for number in range(500)]
    codes, tokens = CODES.codes_of(ids), LINKS.tokens_of("claim", ids)
    is_over = Event()

    def together() -> None:
        while not is_over.is_set():
            assert CODES.codes_of(ids) == codes
            assert LINKS.tokens_of("claim", ids) == tokens

    with ThreadPoolExecutor(1) as threads:
        beside = threads.submit(together)
        try:
            for _ in range(10):
                assert [CODES.code_of(one) for one in ids] == codes
                assert [LINKS.token_of("claim", one) for one in ids] == tokens
        finally:
            is_over.set()
        beside.result()
