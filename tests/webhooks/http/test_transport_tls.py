import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.scripted_receiver import OK, Client, Start, Talk, always
from webhooks.http.dial import client_ssl_context


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._sign(self._name, self._key.public_key(), is_authority=True)

    def client_context(self) -> ssl.SSLContext:
        context = client_ssl_context()
        pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        context.load_verify_locations(cadata=pem.decode())
        return context

    def server_context(self, *hosts: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        certificate = self._sign(name, key.public_key(), hosts=hosts)
        path = self._folder / f"{len(list(self._folder.iterdir()))}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        hosts: tuple[str, ...] = (),
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if hosts:
            names: list[x509.GeneralName] = [
                x509.IPAddress(ipaddress.ip_address(host))
                if host[0].isdigit()
                else x509.DNSName(host)
                for host in hosts
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_tls_is_verified_against_the_host_name_while_dialling_its_address(
    start: Start, client: Client, authority: Authority
) -> None:
    server_context = authority.server_context("hook.example")
    shown: list[str | None] = []
    server_context.sni_callback = lambda _socket, name, _context: shown.append(name)
    receiver = await start(always(OK), ssl_context=server_context)
    transport = client(ssl_context=authority.client_context())
    url = f"https://hook.example:{receiver.port}/"

    first = await transport.post(url, [], b"{}", 5)
    second = await transport.post(url, [], b"{}", 5)

    assert (first.status, first.error, second.status) == (200, None, 200)
    assert (first.remote_address, shown) == ("127.0.0.1", ["hook.example"])
    assert "tls" in first.timings_ms
    assert "tls" not in second.timings_ms
    assert receiver.talks[0].requests[0].startswith(b"POST / HTTP/1.1\r\nHost: hook.example:")


@pytest.mark.parametrize(
    ("certified", "host"),
    [
        ("other.example", "hook.example"),
        ("*.hook.example", "hook.example"),
        ("hook.example", "127.0.0.1"),
        ("127.0.0.1", "hook.example"),
    ],
)
async def test_certificate_of_another_host_is_refused(
    start: Start, client: Client, authority: Authority, certified: str, host: str
) -> None:
    receiver = await start(always(OK), ssl_context=authority.server_context(certified))
    transport = client(ssl_context=authority.client_context())

    outcome = await transport.post(f"https://{host}:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "tls")
    assert all(talk.requests == [] for talk in receiver.talks)


async def test_certificate_of_an_address_serves_a_url_that_names_it(
    start: Start, client: Client, authority: Authority
) -> None:
    receiver = await start(always(OK), ssl_context=authority.server_context("127.0.0.1"))
    transport = client(ssl_context=authority.client_context())

    outcome = await transport.post(f"https://127.0.0.1:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (200, None)


async def test_receiver_that_wants_a_client_certificate_is_a_failure(
    start: Start, client: Client, authority: Authority
) -> None:
    server_context = authority.server_context("hook.example")
    server_context.verify_mode = ssl.CERT_REQUIRED
    receiver = await start(always(OK), ssl_context=server_context)
    transport = client(ssl_context=authority.client_context())

    outcome = await transport.post(f"https://hook.example:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "protocol")


async def test_unknown_authority_is_refused(
    start: Start, client: Client, authority: Authority
) -> None:
    receiver = await start(always(OK), ssl_context=authority.server_context("hook.example"))

    outcome = await client().post(f"https://hook.example:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "tls")
    assert "CERTIFICATE_VERIFY_FAILED" in (outcome.reason or "")


async def test_plain_http_behind_an_https_url_is_a_tls_failure(
    start: Start, client: Client
) -> None:
    async def handler(talk: Talk) -> None:
        talk.say(OK)
        await talk.reader.read()

    receiver = await start(handler)

    outcome = await client().post(f"https://hook.example:{receiver.port}/", [], b"{}", 5)

    assert (outcome.status, outcome.error) == (None, "tls")


async def test_stalled_handshake_ends_at_the_deadline(start: Start, client: Client) -> None:
    async def handler(talk: Talk) -> None:
        await talk.reader.read()

    receiver = await start(handler)

    outcome = await client().post(f"https://hook.example:{receiver.port}/", [], b"{}", 0.2)

    assert (outcome.status, outcome.error) == (None, "timeout")


def test_tls_is_at_least_1_2_and_verified() -> None:
    context = client_ssl_context()

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
