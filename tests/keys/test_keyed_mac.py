"""A kept key signs as RFC 4231 says, whatever it signed before."""

import pytest

from keys.signatures.keyed_mac import KeyedMac


# RFC 4231, test cases 1, 2 and 6: a short key, a shorter one, and one longer than a block of the hash.
@pytest.mark.parametrize(
    ("key", "message", "expected"),
    [
        (
            b"\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_the_published_answers_come_each_time(key: bytes, message: bytes, expected: str) -> None:
    mac = KeyedMac(key)

    answers = [mac.of(message).hex(), mac.of(b"another").hex(), mac.of(message).hex()]

    assert [answers[0], answers[2]] == [expected, expected]
    assert answers[1] != expected
