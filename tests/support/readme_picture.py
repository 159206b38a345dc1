"""Make docs/dashboard.png for the README, the landing page's demo and the operator's home, and
gateway/static/dashboard.png for the landing page, the home alone.

python -m tests.support.readme_picture

Runs `topup dev` in a temporary folder, sends a few top-ups, and takes the picture with Chromium.
"""

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
from PIL import Image
from playwright.async_api import Browser, expect

from cli.server.demo import Demo, read_demo
from tests.support.chromium import chromium, new_window
from tests.support.installation import API, ROOT, TOPUP, clean_environment

PICTURES: Final = (ROOT / "docs" / "dashboard.png", ROOT / "gateway" / "static" / "dashboard.png")
BYTES_MAX: Final = 200_000
WIDTH: Final = 1440
PORT: Final = os.environ.get("TOPUP_PORT", "8000")
HOME_HEIGHT: Final = 1000
READY_S_MAX: Final = 60.0
COUNTED_S_MAX: Final = 180.0
# Amounts in cents, with the first name of each recipient.
SENDS: Final = (
    ("claude", 2000, "amira"),
    ("chatgpt", 1500, "daniel"),
    ("gemini", 500, "yuki"),
    ("claude", 10000, "omar"),
    ("chatgpt", 2500, "sofia"),
    ("claude", 4000, "lena"),
)


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="topup-picture-") as name, installation(Path(name)):
        demo = await ready(Path(name))
        await send(demo)
        run(Path(name), "audit")
        run(Path(name), "backup", str(Path(name) / "copy.db"))
        async with chromium() as browser:
            ran, home = await take(browser, demo)
    for path, picture in zip(PICTURES, (sheet(ran, home), sheet(home)), strict=True):
        if len(picture) > BYTES_MAX:
            sys.exit(f"The picture has {len(picture):,} bytes; at most {BYTES_MAX:,} are allowed.")
        path.write_bytes(picture)
        sys.stdout.write(f"{path.relative_to(ROOT)}: {len(picture):,} bytes\n")


@contextlib.contextmanager
def installation(folder: Path) -> Iterator[None]:
    """Run `topup dev` with its data in the folder."""
    argv = [*TOPUP, "dev", "--port", PORT, "--data-dir", str(folder)]
    log_path = folder / "log"
    with (
        log_path.open("wb") as log,
        subprocess.Popen(argv, env=clean_environment(), stdout=log, stderr=log) as process,
    ):
        try:
            yield
        except httpx.HTTPError:
            sys.stderr.write(log_path.read_text(errors="replace"))
            raise
        finally:
            process.terminate()


async def ready(folder: Path) -> Demo:
    """Wait until the gateway responds; return its demo account."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{PORT}", transport=httpx.AsyncHTTPTransport(retries=8)
    ) as http:
        (await http.get("/readyz", timeout=READY_S_MAX)).raise_for_status()
    demo = read_demo(folder)
    assert demo is not None, "the port is another program's"
    return demo


async def send(demo: Demo) -> None:
    """Send a few top-ups from the demo account's staging wallet."""
    async with httpx.AsyncClient(base_url=demo.url) as http:
        for platform, cents, recipient in SENDS:
            body = {
                "platform": platform,
                "amount_cents": cents,
                "recipient_email": f"{recipient}@example.com",
            }
            headers = {"Authorization": f"Bearer {demo.staging_key}"}
            answer = await http.post(f"{API}/topup/send", json=body, headers=headers)
            answer.raise_for_status()


def run(folder: Path, *words: str) -> None:
    """Run a command on the installation, so that the operator's home has something to show."""
    env = clean_environment(TOPUP_DATA_DIR=str(folder))
    subprocess.run([*TOPUP, *words], env=env, cwd=folder, stdout=subprocess.DEVNULL, check=True)


async def take(browser: Browser, demo: Demo) -> tuple[bytes, bytes]:
    """Return PNGs of the demo after a real run and of the operator's home."""
    page = (await new_window(browser, demo.url, width=WIDTH)).page
    await page.emulate_media(reduced_motion="reduce", color_scheme="light")
    await page.goto("/")
    await page.get_by_role("button", name="Run it for real").click()
    await expect(page.locator("#says")).to_contain_text("Done, for real")
    box = await page.locator("#demo").bounding_box()
    assert box is not None
    ran = await page.screenshot(
        full_page=True, clip={"x": 0, "y": box["y"], "width": WIDTH, "height": box["height"]}
    )
    await page.goto("/sign-in")
    await page.get_by_label("Email").fill(demo.email)
    await page.get_by_label("Password").fill(demo.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.set_viewport_size({"width": WIDTH, "height": HOME_HEIGHT})
    # The worker counts the volume once a minute.
    async with asyncio.timeout(COUNTED_S_MAX):
        while True:
            await page.goto("/dashboard/admin/home")
            if await page.get_by_text(f"{len(SENDS) + 1} top-ups").count():
                break
            await asyncio.sleep(2)
    return ran, await page.screenshot()


def sheet(*pictures: bytes) -> bytes:
    """Return the pictures below each other as one PNG of few colours."""
    images = [Image.open(io.BytesIO(one)).convert("RGB") for one in pictures]
    whole = Image.new("RGB", (WIDTH, sum(one.height for one in images)), "white")
    top = 0
    for one in images:
        whole.paste(one, (0, top))
        top += one.height
    written = io.BytesIO()
    whole.quantize(256, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    asyncio.run(main())
