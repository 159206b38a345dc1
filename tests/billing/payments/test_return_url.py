"""Where a payer may be sent: http and https, nothing hidden in it, no longer than a URL is."""

import pytest

from billing.payments.checkout import check_return_url
from kernel.errors import InvalidInput


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/thanks",
        "http://localhost:3000/done?order=1#top",
        "https://[2001:db8::1]:8443/",
        "https://shop.example/?session={CHECKOUT_SESSION_ID}",
        "HTTPS://SHOP.EXAMPLE",
        "https://shop.example/" + "a" * (2048 - 21),
    ],
)
def test_a_web_address_passes_as_it_came(url: str) -> None:
    assert check_return_url(url, param="success_url") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/thanks",
        "//shop.example/thanks",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://shop.example/",
        "https:shop.example",
        "https:///thanks",
        "https://user@shop.example/",
        "https://user:password@shop.example/",
        "https://shop.example:99999/",
        "https://shop.example:/",
        "https://shop.example\\@evil.example/",
        "https://shop.example/with space",
        "https://shop.example/\r\nX: y",
        "https://sh\u00f6p.example/",
        "https://[::1/",
        "https://shop.example/" + "a" * (2048 - 20),
    ],
)
def test_anything_else_is_refused_and_the_field_is_named(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_return_url(url, param="cancel_url")

    assert refused.value.param == "cancel_url"
