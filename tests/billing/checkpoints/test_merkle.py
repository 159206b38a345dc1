"""Trees as RFC 6962 hashes them: the vectors that verifiers of certificate logs are tested with."""

from hypothesis import given, strategies as st

from billing.checkpoints.merkle import (
    audit_path,
    leaf_hash,
    node_hash,
    root_from_path,
    root_of,
)

# The leaves of the reference vectors of certificate-transparency, and the roots of their first one, two, …
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
_HASHES = [leaf_hash(leaf) for leaf in LEAVES]


def test_the_roots_of_the_reference_vectors() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert root_of([]).hex() == empty
    assert [root_of(_HASHES[: size + 1]).hex() for size in range(8)] == ROOTS


def test_audit_paths_as_the_rfc_draws_them() -> None:
    # RFC 6962 section 2.1.3: seven leaves d0 to d6, nodes a to f and i, j, k, l.
    a, b, c, d, e, f, j = _HASHES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, rest = node_hash(g, h), node_hash(i, j)

    assert audit_path(_HASHES[:7], 0) == [b, h, rest]
    assert audit_path(_HASHES[:7], 3) == [c, g, rest]
    assert audit_path(_HASHES[:7], 4) == [f, j, k]
    assert audit_path(_HASHES[:7], 6) == [i, k]


@given(size=st.integers(1, 70), data=st.data())
def test_a_path_leads_to_the_root_from_its_own_place_only(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, root = audit_path(hashes, index), root_of(hashes)

    assert root_from_path(hashes[index], index, size, path) == root
    other = data.draw(st.integers(0, size).filter(lambda one: one != index))
    assert root_from_path(hashes[index], other, size, path) != root
    assert root_from_path(leaf_hash(b"other"), index, size, path) != root
    assert root_from_path(hashes[index], index, size, [*path, root]) is None
    if path:
        assert root_from_path(hashes[index], index, size, path[:-1]) is None


@given(size=st.integers(1, 300), tile=st.sampled_from([2, 4, 16]))
def test_a_tree_over_the_roots_of_tiles_has_the_root_of_the_whole(size: int, tile: int) -> None:
    hashes = [leaf_hash(number.to_bytes(2)) for number in range(size)]
    tiles = [root_of(hashes[at : at + tile]) for at in range(0, size, tile)]

    assert root_of(tiles) == root_of(hashes)
