"""What a pyproject.toml says that its project needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from variantctl.requirements.errors import RequirementFileError
from variantctl.requirements.projects import Project, read_project

TABLE = """
[project]
name = "Thing"
dependencies = ["one", "two>=2"]
[project.optional-dependencies]
fast = ["speed"]
All_Of = ["thing[fast]", "more"]
round = ["thing[round]"]
[dependency-groups]
test = ["pytest", {include-group = "Base_Group"}]
base-group = ["coverage"]
circle = [{include-group = "ring"}]
ring = [{include-group = "circle"}]
odd = [{path = "x"}]
"""


def read(folder: Path, text: str = TABLE) -> Project:
    (folder / "pyproject.toml").write_text(text)
    return read_project(folder / "pyproject.toml")


def test_dependencies_and_extras(tmp_path: Path) -> None:
    project = read(tmp_path)
    assert project.requirements() == ["one", "two>=2"]
    assert project.requirements(["all-of"]) == ["one", "two>=2", "more", "speed"]
    assert project.requirements(["round"]) == ["one", "two>=2"]
    assert project.requirements(all_extras=True) == ["one", "two>=2", "speed", "more"]
    with pytest.raises(RequirementFileError, match="no extra 'fsat'") as refused:
        project.requirements(["fsat"])
    assert refused.value.hint == "did you mean 'fast'?"


def test_groups(tmp_path: Path) -> None:
    project = read(tmp_path)
    assert project.group("test") == ["pytest", "coverage"]
    with pytest.raises(RequirementFileError, match="includes itself: circle -> ring -> circle"):
        project.group("circle")
    with pytest.raises(RequirementFileError, match="neither a requirement nor"):
        project.group("odd")
    with pytest.raises(RequirementFileError, match="no dependency group 'docs'"):
        project.group("docs")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[project]\nname = 'x'\ndynamic = ['dependencies']", "are dynamic"),
        ("[tool.x]", "are not there: it has no"),
        ("[project]\ndependencies = 'one'", "no list of requirements"),
        ("[project]\ndependencies = [1]", "no list of requirements"),
        ("[project]\noptional-dependencies = 1", "no table"),
        ("[dependency-groups]\nx = 1", "no table of lists"),
        ("[project", "not valid TOML"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(RequirementFileError, match=why):
        read(tmp_path, text).requirements()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RequirementFileError, match="there is no file"):
        read_project(tmp_path / "pyproject.toml")
