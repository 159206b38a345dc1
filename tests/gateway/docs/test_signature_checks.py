"""The webhooks guide's signature checks run in each language, on signatures that the gateway makes."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from gateway.docs.pages import guide_text
from keys.signatures.ed25519 import signer_of
from keys.signatures.signing import (
    SIGNATURE_HEADER,
    STANDARD_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE_S,
    signature_headers,
)
from tests.support import node
from tests.support.printed_blocks import blocks_of
from tests.support.programs import needed

pytestmark = pytest.mark.one_database

SECRET, OLDER, FOREIGN = ("whsec_" + text * 8 for text in ("QUJD", "QUJE", "QUJF"))
BODY: Final = '{"id":"evt_1","note":"Zürich / 東京 🙂"}'.encode()
Headers = Mapping[str, str]
Vector = tuple[Headers, bytes]


def signed(*secrets: str, age_s: int = 0) -> Headers:
    return signature_headers(
        secrets=secrets,
        signers=[signer_of(b"s" * 32)],
        message_id="evt_1",
        timestamp_s=int(time.time()) - age_s,
        body=BODY,
    )


def dated(time_s: str, signature: str = "", *, headers: Headers | None = None) -> Headers:
    """Return the headers with another time, and in both schemes with `signature` if it is given."""
    headers = headers or signed(SECRET)
    macs = f"v1={signature}" if signature else headers[SIGNATURE_HEADER].partition(",")[2]
    standard = f"v1,{signature}" if signature else headers[STANDARD_HEADER]
    return {
        **headers,
        SIGNATURE_HEADER: f"t={time_s},{macs}",
        TIMESTAMP_HEADER: time_s,
        STANDARD_HEADER: standard,
    }


def vectors() -> dict[str, tuple[Vector, bool]]:
    genuine, now = signed(SECRET), str(int(time.time()))
    old = signed(SECRET, age_s=TOLERANCE_S + 60)
    macs = genuine[SIGNATURE_HEADER].partition(",")[2]
    return {
        "right": ((genuine, BODY), True),
        "two signatures, ours first": ((signed(SECRET, OLDER), BODY), True),
        "two signatures, ours second": ((signed(OLDER, SECRET), BODY), True),
        "four minutes old": ((signed(SECRET, age_s=TOLERANCE_S - 60), BODY), True),
        "wrong secret": ((signed(FOREIGN), BODY), False),
        "two wrong secrets": ((signed(OLDER, FOREIGN), BODY), False),
        "changed body": ((genuine, BODY + b" "), False),
        "a body that is no text": ((genuine, b"\xff" + BODY), False),
        "no body": ((genuine, b""), False),
        "stale": ((old, BODY), False),
        "stale, with the present time": ((dated(now, headers=old), BODY), False),
        "ahead": ((signed(SECRET, age_s=-TOLERANCE_S - 60), BODY), False),
        "no headers": (({}, BODY), False),
        "no time": (({**dated(""), SIGNATURE_HEADER: macs}, BODY), False),
        "an endless time": ((dated("9" * 400), BODY), False),
        "no signature": (
            ({**dated(now), SIGNATURE_HEADER: f"t={now}", STANDARD_HEADER: ""}, BODY),
            False,
        ),
        "a short signature": ((dated(now, "QUJD"), BODY), False),
        "a signature that is no base64": ((dated(now, "!é, ,;"), BODY), False),
    }


def block(kind: str, marked: str) -> str:
    """Return the only block of the guide in this language that contains `marked`."""
    (found,) = (
        one.text
        for one in blocks_of("verify-webhooks", guide_text("verify-webhooks"))
        if one.kind == kind and marked in one.text
    )
    return found


def printed(argv: Sequence[str | Path], folder: Path, given: str) -> str:
    done = subprocess.run(
        list(map(str, argv)),
        cwd=folder,
        input=given,
        encoding="utf-8",
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(given: Sequence[Vector], *, lower: bool) -> str:
    return json.dumps(
        [
            (
                {name.lower() if lower else name: value for name, value in headers.items()},
                body.hex(),
            )
            for headers, body in given
        ]
    )


def as_hex(given: Sequence[Vector]) -> str:
    """Return a line for each: the signature header's bytes and the body's, in hex."""
    return "".join(
        f"{headers.get(SIGNATURE_HEADER, '').encode().hex()} {body.hex()}\n"
        for headers, body in given
    )


def in_python(folder: Path, given: Sequence[Vector]) -> str:
    (folder / "check.py").write_text(
        f"""{block("python", "import hmac")}

import json, sys
for headers, body in json.load(sys.stdin):
    print(is_genuine(headers, bytes.fromhex(body), "{SECRET}"))
"""
    )
    return printed([sys.executable, "check.py"], folder, as_json(given, lower=False))


def in_node(folder: Path, given: Sequence[Vector]) -> str:
    (folder / "check.mjs").write_text(
        f"""{block("javascript", "isGenuine(")}

import {{ readFileSync }} from "node:fs";
for (const [headers, body] of JSON.parse(readFileSync(0))) {{
  console.log(await isGenuine(headers, Buffer.from(body, "hex"), "{SECRET}"));
}}
"""
    )
    return printed([node.NODE, "check.mjs"], folder, as_json(given, lower=True))


def in_go(folder: Path, given: Sequence[Vector]) -> str:
    go = needed("go")
    (folder / "check.go").write_text(f"package main\n\n{block('go', 'isGenuine')}\n")
    (folder / "main.go").write_text(
        f"""package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

func main() {{
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {{
		header, body, _ := strings.Cut(lines.Text(), " ")
		h, _ := hex.DecodeString(header)
		b, _ := hex.DecodeString(body)
		fmt.Println(isGenuine(string(h), b, "{SECRET}"))
	}}
}}
"""
    )
    return printed([go, "run", "check.go", "main.go"], folder, as_hex(given))


def in_php(folder: Path, given: Sequence[Vector]) -> str:
    php = needed("php")
    (folder / "check.php").write_text(
        f"""{block("php", "isGenuine")}

foreach (file('php://stdin', FILE_IGNORE_NEW_LINES) as $line) {{
    [$header, $body] = explode(' ', $line);
    echo isGenuine(hex2bin($header), hex2bin($body), '{SECRET}') ? "true\\n" : "false\\n";
}}
"""
    )
    return printed([php, "check.php"], folder, as_hex(given))


def in_ruby(folder: Path, given: Sequence[Vector]) -> str:
    ruby = needed("ruby")
    (folder / "check.rb").write_text(
        f"""{block("ruby", "genuine?")}

$stdin.each_line(chomp: true) do |line|
  header, body = line.split(" ", 2).map {{ |hex| [hex].pack("H*") }}
  puts genuine?(header, body, "{SECRET}")
end
"""
    )
    return printed([ruby, "check.rb"], folder, as_hex(given))


def in_java(folder: Path, given: Sequence[Vector]) -> str:
    javac, java = needed("javac"), needed("java")
    version = printed([javac, "-version"], folder, "").removeprefix("javac ").partition(".")[0]
    if int(version) < 17:
        pytest.skip("no javac of Java 17")
    (folder / "Webhook.java").write_text(block("java", "isGenuine"))
    (folder / "Main.java").write_text(
        f"""import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

public class Main {{
    public static void main(String[] none) throws Exception {{
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {{
            var at = line.indexOf(' ');
            var header = new String(HexFormat.of().parseHex(line.substring(0, at)), StandardCharsets.UTF_8);
            System.out.println(Webhook.isGenuine(header, HexFormat.of().parseHex(line.substring(at + 1)), "{SECRET}"));
        }}
    }}
}}
"""
    )
    printed(
        [javac, "--release", "17", "-Xlint:all", "-Werror", "Webhook.java", "Main.java"], folder, ""
    )
    return printed([java, "-cp", folder, "Main"], folder, as_hex(given))


LANGUAGES: Final[Mapping[str, Callable[[Path, Sequence[Vector]], str]]] = {
    "python": in_python,
    "node": in_node,
    "go": in_go,
    "php": in_php,
    "ruby": in_ruby,
    "java": in_java,
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guides_check_takes_what_is_genuine_and_nothing_else(
    language: str, tmp_path: Path
) -> None:
    given = vectors()

    answers = LANGUAGES[language](tmp_path, [vector for vector, _ in given.values()])

    took = dict(zip(given, answers.lower().split(), strict=True))
    expected = {name: str(is_genuine).lower() for name, (_, is_genuine) in given.items()}
    assert took == expected
