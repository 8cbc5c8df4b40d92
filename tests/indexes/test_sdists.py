"""What source distributions say without a build, which projects may be built, and archives that lie."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName

from variantctl.cache.folder import Cache
from variantctl.filesystem import bounded_tars
from variantctl.indexes import source_archives
from variantctl.indexes.builds import Builds, Built, SourceTree, Workshop
from variantctl.indexes.built_wheels import BuiltWheels, Pins
from variantctl.indexes.errors import BuildError
from variantctl.indexes.sdists import BuildPolicy
from variantctl.indexes.source_archives import static_metadata, unpacked_source
from variantctl.net.remote_file import RemoteFile
from variantctl.wheels.metadata import CoreMetadata, parse_core_metadata
from variantctl.wheels.static_metadata import from_pkg_info, from_pyproject

THING = NormalizedName("thing")


def sdist(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def damaged_tar(path: Path, name: str, content: bytes) -> Path:
    """Compressed as its ending says; in the middle is what no compressor writes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    half = plain.getvalue()[: len(content) // 2]
    if path.suffix == ".gz":
        # After a full flush comes a block, of a kind that deflate has not.
        work = zlib.compressobj(wbits=31)
        data = work.compress(half) + work.flush(zlib.Z_FULL_FLUSH) + b"\x07" * 50
    else:
        data = (lzma if path.suffix == ".xz" else bz2).compress(plain.getvalue())
        data = data[: len(data) // 2] + bytes(range(40, 80)) + data[len(data) // 2 + 40 :]
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("policy", "builds", "wheels"),
    [
        (BuildPolicy(), True, True),
        (BuildPolicy(only_binary=frozenset({":all:"})), False, True),
        (BuildPolicy(only_binary=frozenset({":all:"}), no_binary=frozenset({"thing"})), True, False),
        (BuildPolicy(only_binary=frozenset({":all:"}), allowed=frozenset({":all:"})), True, True),
        (BuildPolicy(only_binary=frozenset({"thing"}), no_binary=frozenset({":all:"})), False, True),
        (BuildPolicy(no_binary=frozenset({":all:"})), True, False),
    ],
)
def test_policy(policy: BuildPolicy, builds: bool, wheels: bool) -> None:
    assert (policy.builds(THING), policy.takes_wheels(THING)) == (builds, wheels)


def test_pkg_info_is_believed_from_2_2_on() -> None:
    head = "Name: thing\nVersion: 1.0\nRequires-Dist: helper\n"
    found = from_pkg_info(f"Metadata-Version: 2.2\n{head}".encode(), "thing")
    assert found is not None and found.requires_dist == ("helper",)
    assert from_pkg_info(f"Metadata-Version: 2.1\n{head}".encode(), "thing") is None
    assert from_pkg_info(f"Metadata-Version: 2.2\nDynamic: Requires-Dist\n{head}".encode(), "thing") is None
    assert from_pkg_info(b"nonsense", "thing") is None


def test_a_project_table_is_believed_unless_it_leaves_something_open() -> None:
    table = """
[project]
name = "thing"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["helper>=1"]
[project.optional-dependencies]
fast = ["speed; python_version > '3'", "more"]
"""
    found = from_pyproject(table.encode(), "thing")
    assert found is not None and str(found.requires_python) == ">=3.10"
    assert found.requires_dist == (
        "helper>=1",
        "speed ; (python_version > '3') and extra == \"fast\"",
        'more ; extra == "fast"',
    )
    assert found.provides_extra == ("fast",)
    for key in ("dependencies", "version"):
        dynamic = table.replace('name = "thing"', f'name = "thing"\ndynamic = ["{key}"]')
        assert from_pyproject(dynamic.encode(), "thing") is None
    for broken in (b"", b"[project]\nname = 1\nversion = '1'", b"[project", b"\xff", b"project = 1"):
        assert from_pyproject(broken, "thing") is None


def test_of_an_sdist(tmp_path: Path) -> None:
    table = '[project]\nname = "thing"\nversion = "1.0"\n'
    nested = {"thing-1.0/tests/pyproject.toml": "nonsense", "thing-1.0/pyproject.toml": table}
    found = static_metadata(sdist(tmp_path / "a.tar.gz", nested), "a.tar.gz")
    assert found is not None and str(found.version) == "1.0"
    assert static_metadata(sdist(tmp_path / "b.tar.gz", {"thing-1.0/setup.py": ""}), "b.tar.gz") is None
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("thing-1.0/pyproject.toml", table)
    found = static_metadata(tmp_path / "c.zip", "c.zip")
    assert found is not None and found.name == "thing"
    (tmp_path / "d.tar.gz").write_bytes(b"no archive")
    with pytest.raises(BuildError, match="cannot be read"):
        static_metadata(tmp_path / "d.tar.gz", "d.tar.gz")


@pytest.mark.parametrize("name", ["../escaped", "thing-1.0/../../escaped", "/escaped"])
def test_members_stay_inside(tmp_path: Path, name: str) -> None:
    archive = sdist(tmp_path / "thing.tar.gz", {"thing-1.0/setup.py": "", name: "x"})
    try:
        unpacked_source(archive, tmp_path / "work/source", "thing.tar.gz")
    except BuildError as error:
        assert "cannot be unpacked" in error.message
    assert not list(tmp_path.rglob("escaped")) or (tmp_path / "work/source/escaped").is_file()
    assert not Path("/escaped").exists()


ZEROS = bytes(1 << 20)
METADATA = b"Metadata-Version: 2.2\nName: thing\nVersion: 1\nRequires-Dist: helper>=1\n"
PKG_INFO = "Metadata-Version: 2.2\nName: thing\nVersion: 1\n"


def header(name: str, size: int, kind: bytes) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf()


def compressed(path: Path, opener: Any, pieces: Iterable[bytes]) -> Path:
    with opener(path, "wb") as file:
        for piece in pieces:
            file.write(piece)
    return path


def peak_of(work: Callable[[], object]) -> int:
    """The most bytes that Python's objects take while something is done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_of_many_megabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    """9 MB of gzip took 2 GB of memory that way."""
    archive = compressed(
        tmp_path / "a.tar.gz", gzip.open, [header("x", 24 << 20, kind), *repeat(ZEROS, 24), bytes(1024)]
    )

    def read() -> None:
        with pytest.raises(BuildError, match="header of"):
            static_metadata(archive, "a.tar.gz")
        with pytest.raises(BuildError, match="header of"):
            unpacked_source(archive, tmp_path / "source", "a.tar.gz")

    assert peak_of(read) < 16 << 20


def test_members_are_counted_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_tars, "_MOST_MEMBERS", 9_999)
    members = header("thing-1/x", 0, tarfile.REGTYPE) * 1000
    archive = compressed(tmp_path / "a.tar.gz", gzip.open, repeat(members, 10))

    def read() -> None:
        with pytest.raises(BuildError, match="more than 9999 members"):
            static_metadata(archive, "a.tar.gz")

    assert peak_of(read) < 4 << 20


@pytest.mark.parametrize("opener", [gzip.open, bz2.open, lzma.open, open])
def test_an_archive_unpacks_to_so_much_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opener: Any
) -> None:
    monkeypatch.setattr(source_archives, "_MOST_LOOKED_THROUGH", 4 << 20)
    monkeypatch.setattr(source_archives, "_MOST_BYTES", 4 << 20)
    small = sdist(tmp_path / "small.tar.gz", {"thing-1/PKG-INFO": PKG_INFO})
    member = gzip.decompress(small.read_bytes())[:1024]
    fine = compressed(tmp_path / "fine", opener, [member, bytes(1024)])
    found = static_metadata(fine, "fine.tar.gz")
    assert found is not None and found.name == "thing"
    assert (unpacked_source(fine, tmp_path / "source", "fine") / "PKG-INFO").read_text() == PKG_INFO
    large = header("thing-1/zeros", 8 << 20, tarfile.REGTYPE)
    bomb = compressed(tmp_path / "bomb", opener, [member, large, *repeat(ZEROS, 8), bytes(1024)])
    with pytest.raises(BuildError, match="unpacks to"):
        static_metadata(bomb, "bomb.tar.gz")
    with pytest.raises(BuildError, match="unpacks to"):
        unpacked_source(bomb, tmp_path / "bombed", "bomb.tar.gz")
    assert not list((tmp_path / "bombed").iterdir())


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "deflated", "lzma", "bzip2"])
def test_damage_in_the_middle(kind: str, tmp_path: Path) -> None:
    """Its error is that of whoever unpacks: zlib, lzma, bz2; each is an error of the archive alone."""
    text = b"".join(b"line %d of the source\n" % number for number in range(50_000))
    if kind in ZIPPED:
        archive = tmp_path / "thing-1.zip"
        with zipfile.ZipFile(archive, "w", ZIPPED[kind]) as members:
            members.writestr("thing-1/PKG-INFO", text)
        data = bytearray(archive.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 40] = bytes(range(40, 80))
        archive.write_bytes(data)
    else:
        archive = damaged_tar(tmp_path / f"thing-1.tar.{kind}", "thing-1/PKG-INFO", text)
    with pytest.raises(BuildError, match="cannot be read"):
        static_metadata(archive, archive.name)
    with pytest.raises(BuildError, match="cannot be unpacked"):
        unpacked_source(archive, tmp_path / "source", archive.name)


ZIPPED = {"deflated": zipfile.ZIP_DEFLATED, "lzma": zipfile.ZIP_LZMA, "bzip2": zipfile.ZIP_BZIP2}


@pytest.mark.parametrize(
    "lines",
    ["name = 'x'\ndynamic = 5", "name = 'x'\ndynamic = [[]]", "name = 'x'\ndynamic = true", "name = 5", ""],
)
def test_a_project_table_that_says_other_things(lines: str) -> None:
    found = from_pyproject(f"[project]\nversion = '1'\n{lines}\n".encode(), "pyproject.toml")
    assert found is None or "[[]]" in lines


@pytest.mark.parametrize("says", [METADATA, None])
def test_source_code_is_looked_through_once(tmp_path: Path, says: bytes | None) -> None:
    """pyspark's archive has 300 MB: what it says for certain, or that it says nothing, is kept."""
    looked: list[str] = []

    class Backend:
        def metadata(self, tree: SourceTree, out: Path, pins: Pins) -> Built:
            return Built(METADATA)

        def wheel(self, tree: SourceTree, out: Path, pins: Pins) -> Built:
            raise NotImplementedError

        def key(self, project: NormalizedName | None) -> str:
            return "this Python"

    def static() -> CoreMetadata | None:
        looked.append("through the archive")
        return None if says is None else parse_core_metadata(says, "thing-1.tar.gz")

    file = RemoteFile("thing-1.tar.gz", "https://index.test/thing-1.tar.gz")
    tree = SourceTree("thing-1.tar.gz", file, lambda: tmp_path, static, NormalizedName("thing"), ("digest",))
    kept = BuiltWheels(Cache(tmp_path / "cache"))
    workshop = Workshop(Backend(), lambda link: True, kept, lambda url, name: None, {})
    for _run in range(2):
        builds = Builds(BuildPolicy(), lambda: workshop)
        link = builds.link_to(tree)
        requires = builds.metadata(link, lambda file: pytest.fail("nothing is fetched")).requires_dist
        assert requires == ("helper>=1",)
        builds.close()
    assert len(looked) == 1
