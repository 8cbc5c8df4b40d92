"""The scenarios of packse: the versions that packse expects and uv takes, or others for a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.packages import Pins
from tests.indexes.server import LoopbackServer
from tests.resolve.packse import Question, ours, publish, questions, uvs

_PEP_440 = "no release fits, so that a pre-release is taken: pip, uv 0.13 and the specification have it so"
_UPPER = "uv and packse read no upper bounds of Requires-Python: pip and we do"
_YANKED = "a package's '==' lets a yanked version in as a user's does (PEP 592): pip has it so"

#: Where ours is not what packse expects: our pins, and why.
OTHERS: dict[str, tuple[Pins | None, str]] = {
    "package-only-prereleases-in-range": ({"a": "1.0.0a1"}, _PEP_440),
    "transitive-package-only-prereleases-in-range": ({"a": "0.1.0", "b": "1.0.0a1"}, _PEP_440),
    "transitive-prerelease-and-stable-dependency": ({"a": "1.0.0", "b": "1.0.0", "c": "2.0.0b1"}, _PEP_440),
    "transitive-prerelease-and-stable-dependency-many-versions": (
        {"a": "1.0.0", "b": "1.0.0", "c": "2.0.0b9"},
        _PEP_440,
    ),
    "transitive-prerelease-and-stable-dependency-many-versions-holes": (
        {"a": "1.0.0", "b": "1.0.0", "c": "2.0.0b4"},
        _PEP_440,
    ),
    "python-less-than-current": (None, _UPPER),
    "transitive-yanked-and-unyanked-dependency": ({"a": "1.0.0", "b": "1.0.0", "c": "2.0.0"}, _YANKED),
}
#: Where uv 0.13 takes another set than packse expects, and we what packse expects.
NOT_AS_UV = {"package-prerelease-specified-mixed-available", "package-prereleases-specifier-boundary"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    with LoopbackServer(tmp_path_factory.mktemp("site")) as server:
        publish(server)
        yield server


@pytest.mark.parametrize("question", questions(), ids=str)
def test_scenario(question: Question, server: LoopbackServer, tmp_path: Path) -> None:
    mine, said = ours(question, server, tmp_path)
    expected, _ = OTHERS.get(question.name, (question.expected, ""))
    if expected is None and question.platform is None:
        assert mine is None, mine
    elif expected:
        assert mine == expected, said
    # Where packse names no versions, or means all platforms at once, uv's answer is the one to compare with.
    if question.name not in OTHERS and question.name not in NOT_AS_UV:
        theirs, _ = uvs(question, server)
        assert mine == theirs, said
