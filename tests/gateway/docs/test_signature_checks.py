"""The webhooks guide's signature checks run in each language, on signatures that the gateway makes."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from gateway.docs.pages import guide_text
from keys.signatures.signing import SIGNATURE_HEADER
from tests.support import node
from tests.support.printed_blocks import blocks_of
from tests.support.programs import needed
from tests.support.signature_vectors import SECRET, Vector, vectors

pytestmark = pytest.mark.one_database


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
