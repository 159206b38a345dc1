"""What healthy endpoints feel of hanging ones: their p99 with a fifth of all hanging, and without. What a send feels of
strangers: bench/strangers.py.

    python -m bench.isolation [--full] [--write] [--seconds 15] [--per-s 40] [--rounds 3] [--kind sqlite]
                              [--only endpoints|strangers]

Ten accounts with two endpoints each; where some hang, they are the second ones of four accounts, and
hold every request until its timeout of 10 s. Measured is the time from the answer to a send until
its event is at an endpoint that is well, the neighbours of hanging ones among them. Rounds with and
without take turns, each on a new installation; the promise is a p99 below 1.5 times the other.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from bench import report, strangers
from bench.scene import HMAC_ALONE, KINDS, Scene, in_turn, milliseconds, scene
from tests.support.installation import API
from tests.support.receiver import Received, Receiver
from tests.support.senders import client, order

ACCOUNTS: Final = 10
ENDPOINTS: Final = 2 * ACCOUNTS
HANGING: Final = 4
HANGS_S: Final = 3600.0
WARM_UP_S: Final = 12  # longer than a timeout: by then every hanging slot has been waited out once
PROMISED: Final = 1.5


@dataclass
class Hooks:
    """The endpoints' side: the first `hanging` accounts' second ones never answer."""

    hanging: int
    well: int = 0  # requests to the others
    hung: int = 0
    at_s: list[tuple[str, float]] = field(default_factory=list)  # transaction, receipt; of the well

    async def answer(self, received: Received) -> int:
        _, account, place = received.path.split("/")
        if place == "b" and int(account) < self.hanging:
            self.hung += 1
            await asyncio.sleep(HANGS_S)
        self.well += 1
        self.at_s.append((received.event["data"]["transaction_id"], received.at_s))
        return 200


async def measure(
    stage: Scene, *, hanging: int, seconds: float, per_s: float
) -> tuple[list[float], int]:
    """Seconds from answer to receipt at the endpoints that are well; requests that were hung."""
    answered_s: dict[str, float] = {}

    async def send(http: httpx.AsyncClient) -> None:
        said = (await http.post("/topup/send", json=order(100))).json()
        answered_s[said["transaction_id"]] = time.perf_counter()

    await asyncio.to_thread(stage.installation.start)
    hooks = Hooks(hanging)
    each = round((WARM_UP_S + seconds) * per_s / ACCOUNTS)
    warm_up = round(WARM_UP_S * per_s / ACCOUNTS) * ACCOUNTS
    async with Receiver(hooks.answer) as receiver:
        clients = [await _merchant(stage, receiver, number) for number in range(ACCOUNTS)]
        sends = [
            asyncio.create_task(send(clients[number % ACCOUNTS]))
            async for number in in_turn(each * ACCOUNTS, per_s)
        ]
        await asyncio.gather(*sends)
        expected = each * (ENDPOINTS - hanging)
        await receiver.until(lambda: hooks.well >= expected)
        for http in clients:
            await http.aclose()
    counted = set(list(answered_s)[warm_up:])
    took_s = [max(0.0, at_s - answered_s[id_]) for id_, at_s in hooks.at_s if id_ in counted]
    return took_s, hooks.hung


async def _merchant(stage: Scene, receiver: Receiver, number: int) -> httpx.AsyncClient:
    """A new account with two endpoints, and its client."""
    installation = stage.installation
    account_id = await installation.account()
    http = client(await installation.key(account_id))
    http.base_url = httpx.URL(installation.url + API)
    for place in ("a", "b"):
        url = f"http://127.0.0.1:{receiver.port}/{number}/{place}"
        answer = await http.post("/webhooks/register", json={"url": url, **HMAC_ALONE})
        assert answer.status_code == 201, answer.text
    return http


def compare(
    kind: str, chosen: report.Options, *, rounds: int, seconds: float, per_s: float
) -> list[Sequence[object]]:
    """Two rows and the ratio of the medians of their p99."""
    seen: dict[int, list[list[float]]] = {0: [], HANGING: []}
    hung = {0: 0, HANGING: 0}
    for _ in range(rounds):
        for hanging, figures in seen.items():
            with scene(kind, log_level=chosen.log_level) as stage:
                took_s, held = asyncio.run(
                    measure(stage, hanging=hanging, seconds=seconds, per_s=per_s)
                )
            figures.append(took_s)
            hung[hanging] += held
            print(f"{kind}: {hanging} hanging: {milliseconds(took_s)}", flush=True)
    p99s = {
        hanging: statistics.median(float(milliseconds(one)[2]) for one in figures)
        for hanging, figures in seen.items()
    }
    rows: list[Sequence[object]] = []
    for hanging, figures in seen.items():
        all_s = [value for one in figures for value in one]
        ratio = p99s[hanging] / p99s[0] if hanging else None
        name = f"{hanging} of {ENDPOINTS}"
        rows.append([kind, name, hung[hanging], *milliseconds(all_s), p99s[hanging], ratio])
    return rows


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--per-s", type=float, default=40)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--only", choices=("endpoints", "strangers"), default="")


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    given = chosen.others
    seconds, rounds = given.seconds or chosen.pick(10, 15), given.rounds
    table = report.Table(
        f"Response to receipt at healthy endpoints: times in ms at {given.per_s:g} sends a second",
        (
            *("database", "hanging endpoints", "hung requests", "n", "p50", "p99", "max"),
            *("p99 of each round", "÷ none"),
        ),
    )
    kinds, tables = given.kind or KINDS, []
    if given.only != "strangers":
        for kind in kinds:
            rows = compare(kind, chosen, rounds=rounds, seconds=seconds, per_s=given.per_s)
            for row in rows:
                table.add(*row)
        tables.append(table)
    if given.only != "endpoints":
        tables.append(strangers.table(kinds, chosen, seconds=chosen.pick(2, 5)))
    notes = (
        f"The promised ratio is below {PROMISED} for endpoints, and at most {strangers.PROMISED:g} for a send"
        f" beside strangers. Number of rounds of {seconds:g} s: {rounds}."
    )
    report.show(chosen, "isolation", tables, notes=notes, is_once=True)


if __name__ == "__main__":
    main()
