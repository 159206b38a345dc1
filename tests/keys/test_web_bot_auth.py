"""Web Bot Auth: the draft's vectors, and what is no signature of the request at hand."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.signatures.web_bot_auth import (
    TEST_KEY,
    Claim,
    Malformed,
    Target,
    claim_of,
    keys_of,
    read_dictionary,
    read_string,
    thumbprint,
)
from tests.support.agent_signing import AGENT, NOW_S, SignedAgent

PUBLIC = base64.urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs=")
# draft-ietf-webbotauth-httpsig-protocol-01, EdDSA Using Curve edwards25519.
MEMBER = {
    b"signature-agent": b'agent2="https://signature-agent.test"',
    b"signature-input": (
        b'sig2=("@authority" "signature-agent";key="agent2");created=1735689600'
        b';keyid="poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";alg="ed25519";expires=4889289600'
        b';nonce="n9p433xm+NJ3ph3upfBIGmsuwHw387YV7Q/F+6BSpGCVjYCqQw6rznNA8PVVLySrAWsv0hQtFioQb6E1YsauiA=="'
        b';tag="web-bot-auth"'
    ),
    b"signature": (
        b"sig2=:RdNFx5Bj6au3YgAMQL/RzmUlZE8QZLIaXGRpw985hWnwPfMxT228NMk6ehRS1PSl4e8PhbNZACSanGdhEwYCCg==:"
    ),
}
LEGACY = {
    b"signature-agent": b'"https://signature-agent.test"',
    b"signature-input": (
        b'sig2=("@authority" "signature-agent");created=1735689600'
        b';keyid="poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";alg="ed25519";expires=1735693200'
        b';nonce="e8N7S2MFd/qrd6T2R3tdfAuuANngKI7LFtKYI/vowzk4lAZYadIX6wW25MwG7DCT9RUKAJ0qVkU0mEeLElW1qg=="'
        b';tag="web-bot-auth"'
    ),
    b"signature": (
        b"sig2=:jdq0SqOwHdyHr9+r5jw3iYZH6aNGKijYp/EstF4RQTQdi5N5YYKrD+mCT1HA1nZDsi6nJKuHxUi/5Syp3rLWBA==:"
    ),
}
CREATED_S = 1_735_689_600


def target(headers: dict[bytes, bytes], **changes: Any) -> Target:
    plain = Target("GET", "https", "example.com", "/path/to/resource", "", headers)
    return plain._replace(**changes)


@pytest.mark.parametrize("headers", [MEMBER, LEGACY])
def test_the_drafts_vectors_verify(headers: dict[bytes, bytes]) -> None:
    claim = claim_of(target(headers), now_s=CREATED_S + 60, life_s_max=1 << 40)

    assert claim is not None
    assert claim.agent == "https://signature-agent.test/"
    assert claim.key_id == thumbprint(PUBLIC) == TEST_KEY
    assert claim.is_signed_by(PUBLIC)
    assert not claim.is_signed_by(bytes(32))


def test_a_signature_that_lasts_a_century_is_none() -> None:
    assert claim_of(target(MEMBER), now_s=CREATED_S + 60) is None
    assert claim_of(target(LEGACY), now_s=CREATED_S + 60) is not None
    assert claim_of(target(LEGACY), now_s=CREATED_S + 3_600) is None


@pytest.fixture
def agent() -> SignedAgent:
    return SignedAgent()


def plain() -> Target:
    return Target("GET", "https", "topup.example", "/", "", {})


def found(agent: SignedAgent, signed: Target) -> Claim | None:
    claim = claim_of(signed, now_s=NOW_S)
    return claim if claim is not None and claim.is_signed_by(agent.public) else None


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"method": "GET"},
        {"authority": "other.example"},
        {"path": "/api/y"},
        {"query": "a=2"},
        {"scheme": "http"},
    ],
)
def test_what_was_covered_may_not_change(agent: SignedAgent, change: dict[str, Any]) -> None:
    signed = agent.sign(
        Target("POST", "https", "topup.example", "/api/x", "a=1", {}),
        '"@method" "@authority" "@path" "@query" "@target-uri"',
    )

    assert (found(agent, signed._replace(**change)) is None) is bool(change)


def test_what_was_not_covered_may_change(agent: SignedAgent) -> None:
    """So a signature names a caller, and authorizes nothing."""
    signed = agent.sign(plain(), '"@authority"')

    assert found(agent, signed._replace(method="POST", path="/api/send")) is not None


@pytest.mark.parametrize(
    "params",
    [
        {"created": NOW_S - 7_200, "expires": NOW_S - 3_600},
        {"created": NOW_S + 3_600, "expires": NOW_S + 7_200},
        {"created": NOW_S - 10, "expires": NOW_S + 86_400},
        {"created": NOW_S, "expires": NOW_S},
        {"expires": None},
        {"created": None},
        {"created": '"now"'},
        {"keyid": None},
        {"keyid": '"short"'},
        {"tag": '"other"'},
        {"tag": None},
        {"alg": '"hmac-sha256"'},
        {"alg": '"rsa-pss-sha512"'},
        {"nonce": "7"},
    ],
)
def test_other_params_are_no_signature(agent: SignedAgent, params: dict[str, Any]) -> None:
    assert found(agent, agent.sign(plain(), '"@authority"', **params)) is None


@pytest.mark.parametrize(
    "components",
    ['"@method"', '"@authority" "@authority"', '"@authority" "@status"', '"@authority" "x-no"'],
)
def test_other_components_are_no_signature(agent: SignedAgent, components: str) -> None:
    assert found(agent, agent.sign(plain(), components)) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://agent.example/keys",
        "https://user:pass@agent.example/keys",
        "https://agent.example/keys#x",
        "https://agent.example/keys?tenant=other",
        "https://agent.example/keys?",
        "https://localhost/keys",
        "https:///keys",
        "https://agent.example:99999/keys",
        "https://[::1]/keys",
        "https://agent.example/" + "x" * 300,
        "data:application/json,{}",
        "",
    ],
)
def test_other_urls_are_no_agents(url: str) -> None:
    agent = SignedAgent(url)

    assert found(agent, agent.sign(plain(), '"@authority"')) is None


def test_one_agent_has_one_name() -> None:
    agent = SignedAgent("https://AGENT.example:443/keys")
    claim = found(agent, agent.sign(plain(), '"@authority"'))

    assert claim is not None
    assert claim.agent == AGENT


def test_a_member_that_is_not_covered_is_no_name(agent: SignedAgent) -> None:
    signed = agent.sign(plain(), '"@authority"')
    for name in (b"sig1", b"other"):
        other = {**signed.headers, b"signature-agent": name + b'="https://victim.example/keys"'}
        assert found(agent, signed._replace(headers=other)) is None
    assert found(agent, agent.sign(plain(), '"@authority"', covers_agent=False)) is None


@pytest.mark.parametrize("name", [b"signature", b"signature-input", b"signature-agent"])
@pytest.mark.parametrize(
    "value",
    [b"", b"(", b"sig1", b"sig1=", b"sig1=(", b"sig1=:x:", b"\xff", b"," * 50, b"sig1=1" * 999],
)
def test_broken_fields_are_no_signature(agent: SignedAgent, name: bytes, value: bytes) -> None:
    signed = agent.sign(plain(), '"@authority"')

    assert found(agent, signed._replace(headers={**signed.headers, name: value})) is None


def test_a_directorys_keys_are_named_by_their_thumbprints() -> None:
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _text(public), "kid": "not this"}
    others = [
        {**jwk, "x": _text(PUBLIC)},
        {**jwk, "x": "AAAA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": 7},
    ]
    body = json.dumps({"keys": [jwk, *others]}).encode()

    assert keys_of(body, now_s=NOW_S) == {thumbprint(public): public}
    for bounds in ({"exp": NOW_S}, {"nbf": NOW_S + 1}):
        ended = json.dumps({"keys": [{**jwk, **bounds}]}).encode()
        assert keys_of(ended, now_s=NOW_S) == {}


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b"[" * 9_999,
        b'{"keys":[' + b"{}," * 20 + b"{}]}",
    ],
)
def test_what_is_no_directory_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        keys_of(body, now_s=NOW_S)


def test_structured_fields_are_read_strictly() -> None:
    read = read_dictionary('a=1, b="x\\"y";p;q=?0, c=:AAA=:, d=(1 "z";k=tok);e=2, f')

    texts = ["1", '"x\\"y";p;q=?0', ":AAA=:", '(1 "z";k=tok);e=2', "?1"]
    assert [one.text for one in read.values()] == texts
    assert read_string('"https://a.example"') == "https://a.example"
    for text in ("a=1,", "a=1 b=2", "A=1", "a=1.5", "a=(1", 'a="x', "a=:=:", "a=?2", "a=((1))"):
        with pytest.raises(Malformed):
            read_dictionary(text)
