"""Requirements that name source code."""

from __future__ import annotations

from pathlib import Path

import pytest

from variantctl.requirements.errors import RequirementError
from variantctl.requirements.files import RequirementFileReader
from variantctl.requirements.sources import SourceReference, source_reference


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib-1.0.tar.gz").touch()
    return tmp_path


def read(text: str, folder: Path, *, editable: bool = False) -> SourceReference:
    found = source_reference(text, base=folder, editable=editable)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "torch",
        "lib",
        "torch[opt]>=2",
        "https://h/torch-1.0-py3-none-any.whl",
        "torch @ https://h/t.whl",
        "./x.whl",
    ],
)
def test_what_is_no_source_code(text: str, folder: Path) -> None:
    assert source_reference(text, base=folder) is None


def test_folders(folder: Path) -> None:
    url = (folder / "lib").as_uri()
    assert (read(".", folder / "lib").kind, read(".", folder / "lib").url) == ("folder", url)
    found = read("./lib[a,b] ; python_version > '3'", folder)
    assert (found.url, found.extras, found.marker) == (url, "[a,b]", "python_version > '3'")
    named = read(f"Lib @ {url}", folder)
    assert (named.name, named.url, named.path) == ("lib", url, folder / "lib")
    assert read("lib", folder, editable=True).editable


def test_archives(folder: Path) -> None:
    assert read("lib-1.0.tar.gz", folder).path == folder / "lib-1.0.tar.gz"
    found = read("lib @ https://h/a.zip#sha256=AB&subdirectory=src/lib; os_name == 'x'", folder)
    assert (found.kind, found.url, found.subdirectory) == ("archive", "https://h/a.zip", "src/lib")
    assert found.hashes == {"sha256": frozenset({"ab"})} and found.marker == "os_name == 'x'"


@pytest.mark.parametrize(
    ("text", "url", "revision"),
    [
        ("git+https://h/o/lib.git", "https://h/o/lib.git", None),
        ("git+https://h/o/lib.git@v1.0", "https://h/o/lib.git", "v1.0"),
        ("lib @ git+https://user:pw@h/o/lib@feature/x", "https://user:pw@h/o/lib", "feature/x"),
        ("git+ssh://git@h/o/lib.git@abc#egg=lib[x]", "ssh://git@h/o/lib.git", "abc"),
        ("git+ssh://git@h/o/lib.git", "ssh://git@h/o/lib.git", None),
    ],
)
def test_git(text: str, url: str, revision: str | None, folder: Path) -> None:
    found = read(text, folder)
    assert (found.kind, found.url, found.revision) == ("git", url, revision)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hg+https://h/lib", "only git"),
        ("git+git@h:o/lib", "is written git.https://"),
        ("git+ext::sh -c date", "is written git.https://"),
        ("git+https://h/lib@--upload-pack=x", "no name of a branch"),
        ("git+https://h/lib#subdirectory=../..", "outside"),
        ("./nowhere.tar.gz", "there is no file"),
    ],
)
def test_what_is_refused(text: str, why: str, folder: Path) -> None:
    with pytest.raises(RequirementError, match=why):
        source_reference(text, base=folder)


def test_in_a_file(folder: Path) -> None:
    (folder / "requirements.txt").write_text(
        "-e ./lib[x]\n./lib-1.0.tar.gz --hash=sha256:ab\ngit+https://h/o/lib@v1\ntorch\n"
    )
    reader = RequirementFileReader()
    reader.read(str(folder / "requirements.txt"))
    kinds = [(source.kind, source.editable) for source in reader.result.sources]
    assert kinds == [("folder", True), ("archive", False), ("git", False)]
    assert [requirement.name for requirement in reader.result.requirements] == ["torch"]
    assert reader.result.sources[1].hashes == {"sha256": frozenset({"ab"})}
    assert reader.result.sources[0].origin.endswith("requirements.txt:1")
