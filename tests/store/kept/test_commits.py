"""What was acknowledged is known to whoever starts next, and what an operator gave up is not asked for."""

from pathlib import Path

from store.kept.commits import PLACES, AcknowledgedCommits
from store.servers import Position

ROW = "aa" * 10
OTHER = "bb" * 10


def asked_for(kept: AcknowledgedCommits, accepted_at: int = 0) -> dict[str, int]:
    return {one.token_id: one.token for one in kept.newest(accepted_at=accepted_at)}


def test_the_last_token_of_each_connection_is_known_after_a_kill(tmp_path: Path) -> None:
    first = AcknowledgedCommits.open(tmp_path / "commits")
    first.note_server(7, Position(0, 3))
    first.note(ROW, 1)
    first.note(ROW, 2)
    first.note(OTHER, 1)

    # Nothing was closed.
    after = AcknowledgedCommits.read(tmp_path / "commits")

    assert asked_for(after) == {ROW: 2, OTHER: 1}
    assert (after.system, after.position) == (7, Position(0, 3))


def test_the_next_process_takes_the_place_of_those_that_ended(tmp_path: Path) -> None:
    for row in (ROW, OTHER):
        ended = AcknowledgedCommits.open(tmp_path)
        ended.note(row, 5)
        ended.close()

    living = AcknowledgedCommits.open(tmp_path)
    living.note(ROW, 6)

    assert len(list(tmp_path.iterdir())) == 1
    assert asked_for(AcknowledgedCommits.read(tmp_path)) == {ROW: 6, OTHER: 5}


def test_a_living_process_keeps_its_file(tmp_path: Path) -> None:
    living = AcknowledgedCommits.open(tmp_path)
    living.note(ROW, 1)
    AcknowledgedCommits.open(tmp_path).close()

    living.note(ROW, 2)

    assert asked_for(AcknowledgedCommits.read(tmp_path))[ROW] == 2


def test_more_connections_than_places_give_up_the_oldest(tmp_path: Path) -> None:
    kept = AcknowledgedCommits.open(tmp_path)
    for number in range(PLACES + 1):
        kept.note(f"{number:020x}", 1)

    rows = asked_for(AcknowledgedCommits.read(tmp_path))

    assert len(rows) == PLACES
    assert f"{0:020x}" not in rows
    assert f"{PLACES:020x}" in rows


def test_what_was_acknowledged_before_an_acceptance_is_not_asked_for(tmp_path: Path) -> None:
    kept = AcknowledgedCommits.open(tmp_path)
    kept.note(ROW, 1)
    kept.note_server(7, Position(100, 3))
    kept.note(OTHER, 1)

    assert asked_for(kept, accepted_at=100) == {OTHER: 1}
    assert asked_for(kept, accepted_at=99) == {OTHER: 1}
    assert asked_for(kept, accepted_at=0) == {ROW: 1, OTHER: 1}


def test_nonsense_in_the_folder_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"TOPUPKC1")
    (tmp_path / "other").write_bytes(b"x" * 10_000)
    (tmp_path / "folder").mkdir()

    kept = AcknowledgedCommits.open(tmp_path)
    kept.note(ROW, 1)

    assert asked_for(AcknowledgedCommits.read(tmp_path)) == {ROW: 1}


def test_without_a_folder_the_process_knows_for_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    kept = AcknowledgedCommits.open(tmp_path / "file" / "commits")
    kept.note(ROW, 1)

    assert not kept.is_recorded
    assert asked_for(kept) == {ROW: 1}
