"""Every act does the same through every door: the same result, the same refusal, the same audit entry.

The doors are the operators' API, the merchants' API, the command line over HTTP and in process, and the dashboard's
forms. Only who acted and from where differs, and the ids, times and secrets of what was made.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from click.testing import CliRunner

from billing.ledger.price import Price
from cli.main import main
from gateway.dashboard.act_pages import ACT_PAGES
from gateway.operator_api import ACTS, PREFIX
from kernel.fields import FieldFacts, Fields, facts_of
from keys.account import set_operator
from keys.act import MERCHANT, OPERATOR, AnyAct, ChangingAct
from keys.principal import ADMIN as ADMIN_SCOPE
from keys.tokens import access_token
from store.database import Transaction
from tests.acts import balance_samples as balances, webhook_samples as webhooks
from tests.acts.account_samples import MAKERS as ACCOUNT_MAKERS
from tests.acts.book_samples import MAKERS as BOOK_MAKERS
from tests.acts.catalogue_samples import CODES
from tests.acts.objects import LAST, MONEY_MAKERS
from tests.acts.review_samples import MAKERS as REVIEW_MAKERS
from tests.acts.sample import Sample
from tests.acts.samples import BAD, GOOD, OBJECTS
from tests.support.browser import Browser, csrf_of
from tests.support.gateway import Gateway, running, settings_of
from tests.support.operator_pages import ADMIN, operator
from tests.support.receiver import Receiver

BY_NAME = {act.name: act for act in ACTS if OPERATOR in act.audience}
# What merchants alone do: by their API, and by the command line over HTTP.
MERCHANTS: dict[str, AnyAct] = {
    act.name: act for act in (*webhooks.MERCHANTS_ACTS, *balances.MERCHANTS_ACTS)
}
# The pages by the acts whose forms they have.
FORMS = {act.name: pages for pages in ACT_PAGES for act in pages.acts}
MAKERS = {**webhooks.MAKERS, **ACCOUNT_MAKERS, **BOOK_MAKERS, **REVIEW_MAKERS, **balances.MAKERS}
_MASKED = (
    # First: its random part may look like an id, which would be masked inside it.
    (re.compile(r"\S+/sandbox/checkout/[\w-]+"), "CHECKOUT"),
    (re.compile(r"\bqte_[0-9a-f_]+"), "qte_…"),
    (re.compile(r"\b([a-z]{2,3})_[0-9A-Za-z]{16,}"), r"\1_…"),
    (re.compile(r"\b(ak|sat|adm)_(staging|live)_[0-9A-Za-z]+"), r"\1_…"),
    (re.compile(r"TOPUP-[0-9A-Z…-]+"), "TOPUP-…"),
    (re.compile(r"ATU-[0-9A-Z-]+"), "ATU-…"),
    (re.compile(r"/claim/\S+"), "/claim/…"),
    (re.compile(r"\S+/webhook-portal/[\w-]+"), "PORTAL"),
    (re.compile(r"\boas_[0-9A-Za-z]+"), "oas_…"),
    (re.compile(r"operator@example\.com|\S+ on the command line"), "PERSON"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
)
_RANDOM = (
    "user_id",
    "last4",
    "secret",
    "prefix",
    "has_more",
    "next_cursor",
    "account_id",
    "parent_id",
    "version",
    "order_no",
    "status_url",
    # Of an attempt: how long it took, and what is signed anew each time.
    "duration_ms",
    "timings_ms",
    "webhook-timestamp",
    "body_sha256",
    "public_key",
    "closed_by",
    # Each send to one recipient adds to the wallet, and takes from the sender's.
    "new_balance_cents",
    "wallet_balance_cents",
    "wallet_balance_after_cents",
    "voucher_code_hint",
    "requested_by",
    # Signed anew each time.
    "receipt",
)


# What each door's call adds to.
_GROWS = {
    "sandbox.fund": ("balance_cents",),
    "sandbox.advance": ("ahead_s",),
    "vouchers.redeem": ("balance_cents",),
    "codes.redeem": ("balance_cents",),
    "usage.charge": ("balance_cents", "balance_credits", "balance_micros"),
    **{
        f"holds.{verb}": ("balance_cents", "balance_credits", "balance_micros")
        for verb in ("place", "capture", "extend", "release")
    },
}


class Outcome(NamedTuple):
    """What a door said: the data of a success, or the field and the sentence of a refusal."""

    data: Any
    param: str | None = None
    detail: str | None = None


class Shop(NamedTuple):
    """A gateway, an operator's tokens of staging and live, and a merchant's account with its token and its key."""

    gateway: Gateway
    database_url: str
    operator: str
    live_operator: str
    account_id: str
    merchant: str
    key: str
    shared: dict[str, str]

    def operator_of(self, act: AnyAct) -> str:
        """What changes live with staging takes a token of live."""
        is_live = act.is_account_wide and isinstance(act, ChangingAct)
        return self.live_operator if is_live else self.operator


class Door(Protocol):
    """One way to run an act."""

    name: str

    async def run(self, act: AnyAct, object_id: str, values: Mapping[str, Any]) -> Outcome:
        """Run it."""
        ...


class Api:
    """An API over HTTP."""

    def __init__(self, shop: Shop, *, is_operator: bool) -> None:
        self.name = "operators" if is_operator else "merchants"
        self._shop, self._is_operator = shop, is_operator

    async def run(self, act: AnyAct, object_id: str, values: Mapping[str, Any]) -> Outcome:
        prefix = PREFIX if self._is_operator else "/api/public/v1"
        token = self._shop.operator_of(act) if self._is_operator else self._shop.merchant
        if act.name == "keys.create" and not self._is_operator:
            # A token makes no key; a key makes one below itself.
            token = self._shop.key
        if ADMIN_SCOPE in act.scopes:
            token = self._shop.operator_of(act)
        params: dict[str, Any] = {}
        if self._is_operator and _names_nobody(act):
            params["account"] = self._shop.account_id
        method: str = "GET"
        body = None
        if isinstance(act, ChangingAct):
            method, body = act.method, dict(values)
            if act.about:
                body[act.about] = object_id
        else:
            params |= {
                name: value if isinstance(value, list) else _in_query(value)
                for name, value in values.items()
            }
        path = prefix + re.sub(r"\{\w+\}", object_id, act.path)
        answer = await self._shop.gateway.client.request(
            method, path, json=body, params=params, headers={"Authorization": f"Bearer {token}"}
        )
        said = answer.json()
        data = said["data"]
        if answer.is_success:
            if isinstance(act, ChangingAct) and said["transaction_id"] and "status" not in data:
                data = {**{name: said[name] for name in ("transaction_id", "status")}, **data}
            return Outcome(data)
        return Outcome(None, data["error"]["param"], data["error"]["detail"])


def _in_query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Form:
    """The operator's pages: a form or a button is sent, and the page says what is wrong."""

    name = "clicked"

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    async def run(self, act: AnyAct, object_id: str, values: Mapping[str, Any]) -> Outcome:
        assert isinstance(act, ChangingAct), "what is read has a page of its own"
        pages = FORMS[act.name]
        path = re.sub(r"\{\w+\}", object_id, ADMIN + pages.path_of(act))
        token = csrf_of((await self._browser.get(ADMIN + pages.path)).text)
        typed = {
            fact.name: typed_of(fact, values[fact.name])
            for fact in _facts(act)
            if fact.name in values
        }
        answer = await self._browser.send(path, {"csrf_token": token, **typed}, headers={})
        if answer.status_code == 303:
            landed = urlsplit(answer.headers["location"])
            assert landed.path == ADMIN + pages.path
            assert parse_qs(landed.query)["said"] == [act.name]
            return Outcome({})
        if act.shows_secret and answer.is_success:
            assert "Shown only once" in answer.text
            return Outcome({})
        wrong = re.search(r'(?:name|id)="([a-z_]+)"[^>]*aria-invalid="true"', answer.text)
        return Outcome(None, wrong and wrong[1], "refused")


def typed_of(fact: FieldFacts, value: Any) -> Any:
    """What a person types for the value."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if fact.unit == "cents":
        return f"{value / 100:.2f}"
    return "\n".join(value) if isinstance(value, list) and not fact.choices else value


class Command:
    """The command line, over HTTP or in process."""

    def __init__(self, shop: Shop, folder: Path, *, is_local: bool) -> None:
        self.name = "command" if is_local else "wired"
        self._shop, self._folder, self._is_local = shop, folder, is_local

    async def run(self, act: AnyAct, object_id: str, values: Mapping[str, Any]) -> Outcome:
        words = [*act.name.split("."), *([object_id] if object_id else []), "--json"]
        words += words_of(_facts(act), values)
        if _names_nobody(act):
            words += ["--account", self._shop.account_id]
        if isinstance(act, ChangingAct) and act.asks:
            words.append("--yes")
        env: dict[str, Any] = {"XDG_CONFIG_HOME": str(self._folder)}
        if self._is_local:
            words.append("--local")
            env |= {
                "TOPUP_DATABASE_URL": self._shop.database_url,
                "TOPUP_SECRET_KEY": self._shop.gateway.context.settings.secret_key.get_secret_value(),
                "TOPUP_DATA_DIR": str(self._folder),
            }
        else:
            words += ["--profile", "default"]
            env |= {
                "TOPUP_URL": self._shop.gateway.url,
                "TOPUP_API_KEY": self._shop.operator_of(act)
                if OPERATOR in act.audience
                else self._shop.merchant,
            }
        typed = typed_at_prompt(_facts(act), values)
        ran = await asyncio.to_thread(CliRunner().invoke, main, words, env=env, input=typed)
        if ran.exit_code == 0:
            return Outcome(json.loads(ran.stdout))
        error = json.loads(ran.stderr.splitlines()[-1])["error"]
        detail = re.sub(r" \(code \d+\)$", "", error["detail"])
        return Outcome(None, error.get("param"), detail)


def _names_nobody(act: AnyAct) -> bool:
    """Whether the call has to say whose account it is about."""
    is_found = act.is_catalogue or act.names_account or act.owner_of is not None
    return OPERATOR in act.audience and not is_found


def words_of(facts: tuple[FieldFacts, ...], values: Mapping[str, Any]) -> list[str]:
    """The values as options."""
    words: list[str] = []
    for fact in facts:
        if fact.name not in values:
            continue
        value, option = values[fact.name], "--" + fact.name.replace("_", "-")
        if value is None:
            words += ["--no", option[2:].removesuffix("-cents").removesuffix("-s")]
        elif isinstance(value, bool):
            words.append(option)
        elif fact.unit == "minor" and isinstance(value, int):
            words.append(f"{option}={Price(value, 'USD').decimal()}")
        elif fact.kind == "document" or is_wide(fact):
            words.append(f"{option}=-")
        elif fact.unit == "pairs":
            hidden = "-" if fact.is_secret else ""
            words += [f"{option}={name}={hidden or one or ''}" for name, one in value.items()]
        elif isinstance(value, dict):
            words.append(f"{option}={json.dumps(value)}")
        else:
            for one in value if isinstance(value, list) else [value]:
                text = ":".join(map(str, one.values())) if isinstance(one, dict) else str(one)
                words.append(f"{option}={text}")
    return words


def is_wide(fact: FieldFacts) -> bool:
    """Whether a list of objects is given as a file."""
    return fact.kind == "rows" and not all(one.is_required for one in fact.inner)


def typed_at_prompt(facts: tuple[FieldFacts, ...], values: Mapping[str, Any]) -> str | None:
    """What standard input has: a document, or the lines of secrets."""
    for fact in facts:
        if fact.kind == "document" and fact.name in values:
            return str(values[fact.name])
        if is_wide(fact) and fact.name in values:
            return json.dumps(values[fact.name])
        if fact.unit == "pairs" and fact.is_secret and fact.name in values:
            return "".join(f"{one or ''}\n" for one in values[fact.name].values())
    return None


def about_of(act: AnyAct) -> str:
    """The input's field that names the object."""
    return act.about if isinstance(act, ChangingAct) else ""


def _facts(act: AnyAct) -> tuple[FieldFacts, ...]:
    struct: type[Fields] = act.input if isinstance(act, ChangingAct) else act.query
    return facts_of(struct)


@pytest_asyncio.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(database_url, tmp_path, operator_api=["127.0.0.0/8"])
    async with running(settings) as gateway, Receiver() as receiver:
        account_id = await gateway.account(email="merchant@example.com")
        boss = await gateway.account(email="operator@example.com")
        now_us = gateway.context.clock.now_us()

        async def tokens(tx: Transaction) -> list[str]:
            await set_operator(tx, boss, is_operator=True)
            made = [
                await access_token.create(
                    tx,
                    kind="operator",
                    account_id=boss,
                    environment=environment,
                    name="Test",
                    maker=None,
                    now_us=now_us,
                )
                for environment in ("staging", "live")
            ]
            return [secret for _, secret in made]

        staging, live = await gateway.context.database.transaction(tokens)
        merchant = await gateway.system_token(account_id)
        key = await gateway.key(account_id)
        yield Shop(
            gateway, database_url, staging, live, account_id, merchant, key, {"hook": receiver.url}
        )


def doors(shop: Shop, folder: Path, act: AnyAct) -> list[Door]:
    """The doors that the act has."""
    if OPERATOR not in act.audience:
        return [Api(shop, is_operator=False), Command(shop, folder, is_local=False)]
    found: list[Door] = [
        Api(shop, is_operator=True),
        Command(shop, folder, is_local=True),
        Command(shop, folder, is_local=False),
    ]
    if MERCHANT in act.audience and not (isinstance(act, ChangingAct) and act.session_only):
        found.append(Api(shop, is_operator=False))
    return found


def masked(value: Any, door: str) -> Any:
    """The value without what differs between two objects of one kind."""
    if isinstance(value, dict):
        shown = {name: one for name, one in value.items() if name not in _RANDOM}
        # A model's name is a key of prices.
        return {
            name.replace(f"{door}-", "{door}-"): masked(one, door) for name, one in shown.items()
        }
    if isinstance(value, list | tuple):
        return [masked(one, door) for one in value]
    if isinstance(value, str):
        for pattern, stands in _MASKED:
            value = pattern.sub(stands, value)
        return re.sub(re.escape(door), "{door}", value, flags=re.IGNORECASE)
    return value


def filled(values: Mapping[str, Any], door: str) -> dict[str, Any]:
    return {name: _filled(value, door) for name, value in values.items()}


def _filled(text: Any, door: str) -> Any:
    if isinstance(text, dict):
        return filled(text, door)
    if isinstance(text, list):
        return [_filled(one, door) for one in text]
    if not isinstance(text, str):
        return text
    for name, made in {**LAST, "door": door}.items():
        text = text.replace(f"{{{name}}}", made)
    return text


async def entries_of(shop: Shop, seen: set[str]) -> list[Any]:
    """The audit entries since the last call, without who acted and from where."""

    async def work(tx: Transaction) -> list[Any]:
        rows = await tx.fetch(
            "SELECT id, action, is_security, before, after, environment FROM audit_log ORDER BY id"
        )
        return [tuple(row) for row in rows]

    found = [row for row in await shop.gateway.context.database.read(work) if row[0] not in seen]
    seen.update(row[0] for row in found)
    return [
        (
            row[1],
            bool(row[2]),
            *(None if one is None else _without_person(json.loads(one)) for one in row[3:5]),
            row[5],
        )
        for row in found
    ]


def _without_person(said: Any) -> Any:
    return {name: value for name, value in said.items() if name != "by"}


async def object_of(shop: Shop, act: AnyAct, door: str) -> str:
    """An object for the act: one for all doors if it is only read, else one for each."""
    subject = act.name.partition(".")[0]
    if subject in MONEY_MAKERS:
        if isinstance(act, ChangingAct) or subject not in shop.shared:
            make_money = MONEY_MAKERS.get(act.name, MONEY_MAKERS[subject])
            shop.shared[subject] = await make_money(shop.gateway, shop.key)
        return shop.shared[subject] if "{" in act.path else ""
    if subject == "stock" and subject not in shop.shared:
        cards = {"id": "cards", "kind": "code_stock"}
        made = await Api(shop, is_operator=True).run(BY_NAME["suppliers.create"], "", cards)
        shop.shared[subject] = made.data["id"]
    if before := balances.BEFORE.get(act.name):
        await before(shop.gateway, shop.account_id, shop.merchant)
    if "{" not in act.path and not about_of(act):
        return ""
    if subject == "webhooks":
        api, asked = Api(shop, is_operator=False), {"url": shop.shared["hook"]}
        return str((await api.run(MERCHANTS["webhooks.add"], "", asked)).data["id"])
    if subject == "codes":
        made = await Api(shop, is_operator=True).run(BY_NAME["code-batches.create"], "", CODES)
        return await _code_of(shop, made.data["id"])
    if act.name == "documents.credit-notes":
        return str(await MONEY_MAKERS["orders"](shop.gateway, shop.key))
    make = MAKERS.get(act.name, MAKERS.get(subject))
    if make is not None:
        return await make(shop.gateway, shop.account_id, shop.merchant)
    made_by, values = OBJECTS[subject]
    made = await Api(shop, is_operator=True).run(BY_NAME[made_by], "", filled(values, door))
    assert made.detail is None, made
    return str(made.data[act.named_by])


async def _code_of(shop: Shop, batch_id: str) -> str:
    """One code of a batch."""
    listed = await Api(shop, is_operator=True).run(
        BY_NAME["codes.list"], "", {"batch": batch_id, "limit": 1}
    )
    return str(listed.data["items"][0]["id"])


async def do_first(shop: Shop, sample: Sample, object_id: str) -> None:
    """What has to be done to the object before the call of the sample."""
    if sample.after:
        done = await Api(shop, is_operator=True).run(BY_NAME[sample.after], object_id, sample.first)
        assert done.detail is None, done


async def said_by(shop: Shop, door: Door, act: AnyAct) -> list[Any]:
    """What the door says to each call of the samples, and what the audit log has of it."""
    seen: set[str] = set()
    said: list[Any] = []
    object_id = await object_of(shop, act, door.name)
    await entries_of(shop, seen)
    for sample in GOOD[act.name]:
        if sample.is_of_new:
            object_id = await object_of(shop, act, door.name)
        values = filled(sample.values, door.name)
        await do_first(shop, sample, object_id)
        await entries_of(shop, seen)
        for _ in range(2 if sample.is_again else 1):
            outcome = await door.run(act, object_id, values)
            assert outcome.detail is None, (door.name, act.name, outcome)
            data = outcome.data
            for name in _GROWS.get(act.name, ()):
                assert data.pop(name) > 0
            said.append(masked((data, await entries_of(shop, seen)), door.name))
    for bad in BAD.get(act.name, ()):
        outcome = await door.run(act, object_id, filled(bad, door.name))
        assert outcome.detail is not None, (door.name, act.name, bad)
        detail = outcome.detail.removeprefix(f"{outcome.param}: ")
        said.append(masked((outcome.param, detail), door.name))
        assert await entries_of(shop, seen) == []
    if object_id:
        # The command line refuses a change of nothing before it looks for the object.
        values = filled(GOOD[act.name][0].values, door.name)
        outcome = await door.run(act, "key_0000000000000000", values)
        assert outcome.detail is not None
        said.append(outcome.detail.removeprefix(f"{outcome.param}: "))
    return said


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", sorted({*BY_NAME, *MERCHANTS}))
async def test_every_door_does_the_same(shop: Shop, tmp_path: Path, name: str) -> None:
    act = BY_NAME.get(name) or MERCHANTS[name]
    first, *others = doors(shop, tmp_path, act)

    expected = await said_by(shop, first, act)

    for door in others:
        assert await said_by(shop, door, act) == expected, f"{door.name} beside {first.name}"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", sorted(FORMS))
async def test_each_form_does_the_same(shop: Shop, name: str) -> None:
    act, api = BY_NAME[name], Api(shop, is_operator=True)
    browser = await operator(shop.gateway, "clicks@example.com")
    form = Form(browser)
    by_api: set[str] = set()

    for sample in GOOD[name]:
        written = []
        for door in (api, form):
            object_id = await object_of(shop, act, door.name)
            await do_first(shop, sample, object_id)
            await entries_of(shop, by_api)
            outcome = await door.run(act, object_id, filled(sample.values, door.name))
            assert outcome.detail is None, (door.name, outcome)
            written.append(masked(await entries_of(shop, by_api), door.name))
        assert written[0] == written[1] != []
    for bad in BAD.get(name, ()):
        object_id = await object_of(shop, act, form.name)
        await entries_of(shop, by_api)
        outcome = await form.run(act, object_id, filled(bad, form.name))
        assert outcome.detail == "refused", bad
        assert await entries_of(shop, by_api) == []
        expected = await api.run(act, object_id, filled(bad, form.name))
        assert outcome.param == expected.param, bad


NAMING = sorted(
    name for name, act in BY_NAME.items() if isinstance(act, ChangingAct) and act.names_person
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NAMING)
async def test_the_audit_log_says_who_decided(shop: Shop, name: str) -> None:
    act, api = BY_NAME[name], Api(shop, is_operator=True)
    object_id = await object_of(shop, act, api.name)
    await do_first(shop, GOOD[name][0], object_id)

    outcome = await api.run(act, object_id, filled(GOOD[name][0].values, api.name))
    rows = await shop.gateway.context.database.read(
        lambda tx: tx.fetch("SELECT after FROM audit_log ORDER BY id DESC LIMIT 1")
    )

    assert outcome.detail is None, outcome
    assert "operator@example.com" in rows[0]["after"], rows[0]["after"]


def test_each_act_has_a_sample() -> None:
    assert {*GOOD} == {*BY_NAME, *MERCHANTS}
    assert {*BAD} <= {*GOOD}
