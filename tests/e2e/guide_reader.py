"""A reader who follows a guide from top to bottom: runs each block as it is printed, and puts in what the guide says to put in.

That is: the ids of earlier answers for those that are printed (txn_abc123), keys in the environment, and the address of
the reader's own receiver. Where an answer leads to a payment page the reader pays there.
"""

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.installation import Installation
from tests.support.plain_http import http_client
from tests.support.printed_blocks import Block
from tests.support.sample_programs import Program, run_shell

_ID = re.compile(r"([a-z]{2,4})_[0-9A-Za-z]{16}")
_STATUS = re.compile(r"^\d{3}$", re.MULTILINE)
KEY_NAMES = {"approvals": "AGENT_KEY"}
# Addresses of the reader's own in the guides.
OWN_RECEIVER = "https://shop.example/hook"


@dataclass(slots=True)
class Answer:
    """One call's: its HTTP status and its JSON, null where there is none."""

    status: int
    body: Any


@dataclass(slots=True)
class Reader:
    """env: what is set in the shell; ids: what stands for the printed ones. account_id: whose the key is."""

    installation: Installation
    folder: Path
    env: dict[str, str]
    account_id: str
    ids: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    async def shell(self, block: Block) -> str:
        """What the block printed; its answers are kept, and what they name is known from then on."""
        text = self.in_words(block.text)
        if text.startswith("topup "):
            return self._commands(text)
        said = await run_shell(
            [Program(block.place, text, self.env, is_endless="curl -N" in text)], self.folder
        )
        self.answers = list(_answers(said[0]))
        for answer in self.answers:
            await self._learn(answer.body)
        if "/sandbox/clock" in text:
            await self._renewed()
        return said[0]

    def write(self, name: str, text: str) -> None:
        """A file that the guide names, where its lines are run: by the shell, or by the program that forks."""
        for folder in (self.folder, self.installation.data_dir):
            (folder / name).write_text(text, encoding="utf-8")

    def in_words(self, text: str) -> str:
        """The text with the reader's own ids and addresses."""
        for printed, own in self.ids.items():
            text = text.replace(printed, own)
        return text

    def _commands(self, text: str) -> str:
        """Lines of `topup`, by the program that forks; what they printed. Each ends well."""
        said = ""
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(re.sub(r"\$(\w+)", lambda name: self.env.get(name[1], ""), line))
            own = {"api_key": self.env["KEY"], "url": self.installation.url}
            done = self.installation.run(*words[1:], **own)
            said += done.stdout + done.stderr
            self.answers = [Answer(200 if done.returncode == 0 else 500, None)]
            if done.returncode != 0:
                return said
        return said

    async def _learn(self, body: Any) -> None:
        if not isinstance(body, dict) or not isinstance(data := body.get("data"), dict):
            return
        self._keep_secrets(data)
        for found in _ids(body):
            self.ids[f"{found.partition('_')[0]}_abc123"] = found
        await self._pay(data.get("url"))

    def _keep_secrets(self, data: dict[str, Any]) -> None:
        """Keys and tokens that are shown once, in the variables by which the guide calls them."""
        # A sandbox has two keys; a guide that makes one more calls it by a name of its own.
        own = "KEY" if "approver_key" in data else KEY_NAMES.get(self.folder.name, "KEY")
        names = {"key": own, "approver_key": "APPROVER_KEY", "token": "TOKEN"}
        for name, variable in names.items():
            if isinstance(data.get(name), str):
                self.env[variable] = data[name]

    async def _pay(self, url: Any) -> None:
        if isinstance(url, str) and "/sandbox/checkout/" in url:
            async with http_client(base_url=self.installation.url) as client:
                paid = await client.post(urlsplit(url).path, data={"outcome": "paid"})
                assert paid.status_code in {302, 303}, paid.text
                await self._settled(client)

    async def _renewed(self) -> None:
        """Until each plan is paid beyond the sandbox's time, as the guide says to wait: a worker brings that about."""
        now = self.answers[-1].body["data"]["now"]
        headers = {"Authorization": f"Bearer {self.env['KEY']}"}
        url = f"{self.installation.url}/api/public/v1/subscriptions"
        async with http_client(headers=headers) as client, asyncio.timeout(60):
            while True:
                plans = (await client.get(url)).json()["data"]["items"]
                if all(plan["current_period_end"] > now for plan in plans):
                    return
                await asyncio.sleep(0.05)

    async def _settled(self, client: httpx.AsyncClient) -> None:
        """Until the order is paid, and its plan, where it is one's, has begun: a worker brings that about."""
        headers = {"Authorization": f"Bearer {self.env['KEY']}"}
        async with asyncio.timeout(60):
            while True:
                listed = await client.get("/api/public/v1/orders?limit=1", headers=headers)
                order = listed.json()["data"]["items"][0]
                plans = await client.get("/api/public/v1/subscriptions", headers=headers)
                if order["status"] == "paid" and (
                    order.get("plan_id") is None or plans.json()["data"]["items"]
                ):
                    return
                await asyncio.sleep(0.05)


def _answers(said: str) -> Iterator[Answer]:
    """Each call's, where curl writes the status on a line behind the body."""
    begin = 0
    for status in _STATUS.finditer(said):
        text = said[begin : status.start()].strip()
        begin = status.end()
        last = text.rpartition("\n")[2]
        yield Answer(int(status[0]), json.loads(last) if last.startswith(("{", "[")) else None)


def _ids(value: Any, name: str = "") -> Iterator[str]:
    """What the answer says is its own id, or that of what it made: fields called id or …_id."""
    if isinstance(value, dict):
        for inner_name, inner in value.items():
            yield from _ids(inner, inner_name)
    elif isinstance(value, list):
        for inner in reversed(value):
            yield from _ids(inner, name)
    elif isinstance(value, str) and (name == "id" or name.endswith("_id")) and _ID.fullmatch(value):
        yield value
