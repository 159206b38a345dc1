"""What tells whether a text can be read examines each look once, and misses none."""

from playwright.async_api import Browser

from tests.support.chromium import grave_faults, new_window

PAGE = """<!doctype html><html lang="en"><head><title>Looks</title><style>
    body {{ background: #fff; color: #111 }} .card {{ background: {ground} }}
</style></head><body><main><h1>Looks</h1><p>Plain</p><div class="card"><p>{text}</p></div>
<p style="opacity: {opacity}">Dim</p></main></body></html>"""


async def test_a_faint_text_is_found_beside_looks_that_were_seen(browser: Browser) -> None:
    page = (await new_window(browser, "http://127.0.0.1:9")).page

    async def faults(**of: str) -> list[str]:
        shown = {"ground": "#fff", "text": "Card", "opacity": "1", **of}
        await page.set_content(PAGE.format(**shown))
        return [found.partition("<")[2] for found in await grave_faults(page)]

    assert await faults() == []
    assert await faults(text="Other words of the same look") == []
    # The same text on another ground, and behind a veil; and what is wrong stays wrong.
    assert await faults(ground="#333") == ["p>Card</p>"]
    assert await faults(ground="#333") == ["p>Card</p>"]
    assert await faults(opacity="0.3") == ['p style="opacity: 0.3">Dim</p>']
    assert await faults() == []
    await page.context.close()
