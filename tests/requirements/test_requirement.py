"""Requirements as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from variantctl.requirements.errors import RequirementError
from variantctl.requirements.requirement import parse_hash, parse_user_requirement, wheel_of_url

WHEEL = "torch-2.10.0-cp312-cp312-linux_x86_64-cuda12.8.whl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / WHEEL).write_bytes(b"")
    (tmp_path / "wheels" / "with space-1.0.tar.gz").write_bytes(b"")
    (tmp_path / "sources").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name", "extras", "specifier"),
    [
        ("torch", "torch", set(), ""),
        ("Torch_Vision [Opt, other]>=2,<3", "torch-vision", {"opt", "other"}, "<3,>=2"),
        ("a.b~=1.0 ; python_version >= '3'", "a-b", set(), "~=1.0"),
    ],
)
def test_names(text: str, name: str, extras: set[str], specifier: str) -> None:
    found = parse_user_requirement(text)
    assert (found.name, set(found.requirement.extras)) == (name, extras)
    assert (str(found.requirement.specifier), found.origin) == (specifier, "the command line")


def test_wheels_by_path(folder: Path) -> None:
    url = (folder / "wheels" / WHEEL).as_uri()
    for text in (
        f"wheels/{WHEEL}",
        f"./wheels/{WHEEL}",
        f"{folder}/wheels/{WHEEL}",
        f"file://{folder}/wheels/{WHEEL}",
        f"torch @ file://{folder}/wheels/{WHEEL}",
        f"torch @ ./wheels/{WHEEL}",
        f"Torch@wheels/{WHEEL}",
    ):
        found = parse_user_requirement(text, base=folder)
        assert (found.name, found.requirement.url) == ("torch", url), text
        assert not found.requirement.extras and not found.hashes


def test_wheels_with_extras_and_markers(folder: Path) -> None:
    found = parse_user_requirement(f"./wheels/{WHEEL}[opt] ; python_version < '3'", base=folder)
    assert found.requirement.extras == {"opt"}
    assert not found.requirement.applies({"python_version": "3.12"})
    found = parse_user_requirement(f"torch[opt] @ https://h.invalid/{WHEEL} ; python_version < '4'")
    assert found.requirement.extras == {"opt"} and found.requirement.marker is not None
    assert found.requirement.url == f"https://h.invalid/{WHEEL}"


def test_urls_and_their_hashes() -> None:
    digest = "ab" * 32
    found = parse_user_requirement(f"https://h.invalid/a%20b/{WHEEL}#sha256={digest.upper()}")
    assert found.name == "torch" and found.hashes == {"sha256": frozenset({digest})}
    with pytest.raises(RequirementError, match="none of those given by --hash"):
        parse_user_requirement(
            f"https://h.invalid/{WHEEL}#sha256={digest}", hashes={"sha256": frozenset({"cd" * 32})}
        )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "''"),
        ("torch>>2", "torch>>2"),
        ("-e .", "-e"),
        ("git+https://h.invalid/x", "version control"),
        ("torch @ git+https://h.invalid/x", "'torch @ git"),
        ("./sources", "folder of source code"),
        (".", "folder of source code"),
        ("wheels/with space-1.0.tar.gz", "source distribution"),
        ("missing.whl", "there is no file"),
        ("https://h.invalid/torch-2.tar.gz", "is not a wheel"),
        (f"other @ https://h.invalid/{WHEEL}", "is of 'torch', not of 'other'"),
        ("https://h.invalid/torch.whl", "torch.whl"),
    ],
)
def test_what_cannot_be_read_is_quoted(folder: Path, text: str, why: str) -> None:
    with pytest.raises(RequirementError) as caught:
        parse_user_requirement(text, origin="r.txt:7", base=folder)
    assert caught.value.message.startswith("r.txt:7: ")
    assert why in caught.value.message and f"'{text.strip()}'" in caught.value.message


def test_hash_options() -> None:
    assert parse_hash("sha256:ABcd") == ("sha256", "abcd")
    for text in ("md5:ab", "sha256", "sha256=ab", "sha256:xyz", "sha256:"):
        with pytest.raises(RequirementError):
            parse_hash(text)


def test_filename_of_a_url() -> None:
    assert wheel_of_url(f"https://h.invalid/{WHEEL}?x=1#y").label == "cuda12.8"
