"""What a source tree says its version is, by the real git."""

import subprocess
from pathlib import Path

import pytest

from kernel import version

FACTS = "base: 0.1.0\ncommit: $Format:%H$\nrefs: $Format:%D$\n"


def git(folder: Path, *words: str) -> str:
    said = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.com", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository of two commits."""
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "version.txt").write_text(FACTS, encoding="utf-8")
    (folder / ".gitattributes").write_text("version.txt export-subst\n", encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "two")
    return folder


def archive(source: Path, folder: Path) -> Path:
    """Return the unpacked `git archive` of the repository's head."""
    unpacked = folder / "unpacked"
    unpacked.mkdir(exist_ok=True)
    git(source, "archive", "--output", f"{folder}/source.tar", "HEAD")
    subprocess.run(["tar", "-xf", folder / "source.tar", "-C", unpacked], check=True)
    return unpacked


def test_a_build_between_releases_names_how_many_commits_and_which(source: Path) -> None:
    commit = git(source, "rev-parse", "HEAD")

    assert version.of_source(source) == f"0.1.0.dev2+g{commit[:8]}"


def test_a_tagged_commit_is_the_release_until_a_tracked_file_changes(source: Path) -> None:
    git(source, "tag", "v0.1.0")
    commit = git(source, "rev-parse", "HEAD")

    assert version.of_source(source) == "0.1.0"
    (source / "notes.txt").write_text("untracked", encoding="utf-8")
    assert version.of_source(source) == "0.1.0"
    (source / ".gitattributes").write_text("version.txt export-subst\n# more\n", encoding="utf-8")
    assert version.of_source(source) == f"0.1.0.dev2+g{commit[:8]}.dirty"


def test_a_tag_of_another_release_is_not_this_one(source: Path) -> None:
    git(source, "tag", "v0.0.9")

    assert version.of_source(source).startswith("0.1.0.dev2+g")


def test_an_archive_carries_its_commit_or_its_release(source: Path, tmp_path: Path) -> None:
    commit = git(source, "rev-parse", "HEAD")

    assert version.of_source(archive(source, tmp_path)) == f"0.1.0.dev0+g{commit[:8]}"
    git(source, "tag", "v0.1.0")
    assert version.of_source(archive(source, tmp_path)) == "0.1.0"


def test_a_copy_is_what_its_stamp_says_and_else_unknown(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "version.txt").write_text(FACTS, encoding="utf-8")

    assert version.of_source(copy) == "0.1.0.dev0+unknown"
    version.stamp(copy, version.of_source(source))
    assert version.of_source(copy) == version.of_source(source)


def test_a_shallow_clone_does_not_count_the_commits_that_it_lacks(
    source: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{source}", "shallow")
    commit = git(source, "rev-parse", "HEAD")

    assert version.of_source(tmp_path / "shallow") == f"0.1.0.dev0+g{commit[:8]}"


@pytest.mark.parametrize(
    ("of_python", "of_charts"),
    [
        ("0.1.0", "0.1.0"),
        ("0.1.0.dev1883+gc1ab6630", "0.1.0-dev.1883.gc1ab6630"),
        ("0.1.0.dev1883+gc1ab6630.dirty", "0.1.0-dev.1883.gc1ab6630.dirty"),
        ("0.1.0.dev0+unknown", "0.1.0-dev.0.unknown"),
    ],
)
def test_charts_and_image_tags_get_the_same_version_without_a_plus(
    of_python: str, of_charts: str
) -> None:
    assert version.for_chart(of_python) == of_charts


def test_an_image_is_stamped_with_its_tag_and_has_the_version_of_python(tmp_path: Path) -> None:
    version.stamp(tmp_path, "0.1.0-dev.1883.gc1ab6630")

    assert version.of_source(tmp_path) == "0.1.0.dev1883+gc1ab6630"
    version.stamp(tmp_path, "0.1.0")
    assert version.of_source(tmp_path) == "0.1.0"


def test_strangers_are_told_the_release_and_not_the_build() -> None:
    assert version.base() == (version.ROOT / "version.txt").read_text().split()[1]
