"""pyproject.toml changed by add and remove: the rest of the text stays as it is, to the byte."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from variantctl.requirements.editing import DEPENDENCIES, DependencyList, ProjectFile, with_bounds
from variantctl.requirements.errors import RequirementFileError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HEAD = '# Mine.\n[project]\nname = "thing" # its name\nversion = "1"\n'
TAIL = "\n[tool.other]  # untouched\nx = [ 1,2 ]\n"


def added(array: str, *requirements: str, place: DependencyList = DEPENDENCIES) -> str:
    file = ProjectFile(f"{HEAD}dependencies = {array}\n{TAIL}", "pyproject.toml")
    for requirement in requirements:
        file.add(requirement, place)
    text = file.text()
    assert text.startswith(HEAD) and text.endswith(TAIL)
    return text.removeprefix(f"{HEAD}dependencies = ").removesuffix(f"\n{TAIL}")


@pytest.mark.parametrize(
    ("array", "requirement", "expected"),
    [
        ("[]", "six", '["six"]'),
        ('["b"]', "a", '["a", "b"]'),
        ('["b"]', "c", '["b", "c"]'),
        ('[ "b", "a" ]', "aa", '[ "b", "a", "aa" ]'),
        ("[\n  'b',\n  'd',\n]", "c>=1", "[\n  'b',\n  \"c>=1\",\n  'd',\n]"),
        (
            "[\n\t'b', # first\n\t# about d\n\t'd' # last\n]",
            "e",
            "[\n\t'b', # first\n\t# about d\n\t'd', # last\n\t\"e\"\n]",
        ),
        ("[\n  # nothing yet\n]", "a", '[\n  # nothing yet\n  "a"\n]'),
        ("[\r\n  'b',\r\n]", "c", "[\r\n  'b',\r\n  \"c\",\r\n]"),
        ("[\n  'B_b<2', # why\n]", "b-b>=2", '[\n  "b-b>=2", # why\n]'),
        ("['b<2']", "b", "['b<2']"),
        ("['b<2']", "b[x]", '["b[x]<2"]'),
        ("['b[y]<2']", "b[x]>=3", '["b[x,y]>=3"]'),
        ("['b<2; os_name == \"nt\"']", "b", '[\'b<2; os_name == "nt"\', "b"]'),
        ("['b<2; os_name == \"nt\"']", "b>3; os_name=='nt'", "[\"b>3; os_name=='nt'\"]"),
    ],
)
def test_add(array: str, requirement: str, expected: str) -> None:
    assert added(array, requirement) == expected


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ('["b"]', "[]"),
        ('["a", "b"]', '["a"]'),
        ('["b>=1", "a"]', '["a"]'),
        (
            "[\n  'a', # one\n  'B[x]', # two\n  # about c\n  'c',\n]",
            "[\n  'a', # one\n  # about c\n  'c',\n]",
        ),
        ("[\n  'b; os_name == \"nt\"',\n  'b; os_name != \"nt\"',\n  'c',\n]", "[\n  'c',\n]"),
    ],
)
def test_remove(array: str, expected: str) -> None:
    file = ProjectFile(f"{HEAD}dependencies = {array}\n{TAIL}", "pyproject.toml")
    file.remove(canonicalize_name("B"), DEPENDENCIES)
    assert file.text() == f"{HEAD}dependencies = {expected}\n{TAIL}"


def test_lists_that_are_not_there_yet_are_made() -> None:
    file = ProjectFile(HEAD, "pyproject.toml")
    file.add("one", DEPENDENCIES)
    file.add("two", DependencyList("extra", "fast"))
    file.add("three", DependencyList("group", "dev"))
    table = tomllib.loads(file.text())
    assert file.text().startswith(HEAD)
    assert table["project"]["dependencies"] == ["one"]
    assert table["project"]["optional-dependencies"] == {"fast": ["two"]}
    assert table["dependency-groups"] == {"dev": ["three"]}


def test_a_group_keeps_what_it_includes() -> None:
    text = '[dependency-groups]\nDev_tools = ["b", {include-group = "test"}]\ntest = []\n'
    file = ProjectFile(text, "pyproject.toml")
    file.add("a", DependencyList("group", "dev-tools"))
    assert '["b", {include-group = "test"}, "a"]' in file.text()


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("[project", DEPENDENCIES, "not valid TOML"),
        ("[tool.x]\n", DEPENDENCIES, "has no [project] table"),
        ('[project]\nname = "x"\ndynamic = ["dependencies"]\n', DEPENDENCIES, "are dynamic"),
        ('[project]\nname = "x"\ndependencies = "one"\n', DEPENDENCIES, "is no list"),
        ("dependency-groups = 1\n", DependencyList("group", "dev"), "is no table"),
    ],
)
def test_what_is_refused(text: str, place: DependencyList, said: str) -> None:
    with pytest.raises(RequirementFileError) as error:
        ProjectFile(text, "pyproject.toml").add("one", place)
    assert said in error.value.message


def test_what_is_not_there_is_found_elsewhere() -> None:
    text = f'{HEAD}dependencies = ["numpy"]\n[dependency-groups]\ndev = ["ruff"]\n'
    for name, said in (
        ("ruff", "`variantctl remove --group dev ruff`"),
        ("nunpy", "'numpy'"),
        ("x", "It has: numpy."),
    ):
        with pytest.raises(RequirementFileError) as error:
            ProjectFile(text, "pyproject.toml").remove(canonicalize_name(name), DEPENDENCIES)
        assert said in str(error.value.hint)


@pytest.mark.parametrize(
    ("requirement", "version", "kind", "expected"),
    [
        ("idna", "3.20", "lower", "idna>=3.20"),
        ("idna", "3.20", "major", "idna>=3.20,<4.0"),
        ("idna", "3.20", "minor", "idna>=3.20,<3.21"),
        ("idna", "3.20", "exact", "idna==3.20"),
        ("ruff", "0.17.6", "major", "ruff>=0.17.6,<0.18.0"),
        ("ruff", "0.17.6", "minor", "ruff>=0.17.6,<0.17.7"),
        (
            "torch[opt]; os_name == 'posix'",
            "2.15.0+cu128",
            "lower",
            'torch[opt]>=2.15.0 ; os_name == "posix"',
        ),
        ("x", "3", "minor", "x>=3,<3.1"),
        ("x<2", "1.5", "lower", "x<2"),
    ],
)
def test_bounds_are_those_of_uv(requirement: str, version: str, kind: str, expected: str) -> None:
    """What uv 0.13.9 wrote for the first six, asked by hand."""
    assert with_bounds(requirement, version, kind) == expected


LINES = st.lists(
    st.sampled_from(["'a'", "'b>=1'", '"C.d[x]"', "'e; os_name==\"nt\"'"]), unique=True, max_size=4
)
COMMENTS = st.sampled_from(["", " # why", "\n    # a line of its own"])


@given(
    LINES, st.lists(COMMENTS, min_size=4, max_size=4), st.booleans(), st.sampled_from(["a", "c-d", "zz", "b"])
)
def test_nothing_is_lost(lines: list[str], comments: list[str], comma: bool, name: str) -> None:
    rows = [
        f"    {line}{',' if comma or at < len(lines) - 1 else ''}{comments[at]}\n"
        for at, line in enumerate(lines)
    ]
    text = f"{HEAD}dependencies = [\n{''.join(rows)}]\n{TAIL}"
    file = ProjectFile(text, "pyproject.toml")
    file.add(f"{name}>=7", DEPENDENCIES)
    changed = file.text()
    assert changed.count("#") == text.count("#")
    again = ProjectFile(changed, "pyproject.toml")
    again.remove(canonicalize_name(name), DEPENDENCIES)
    table = tomllib.loads(again.text())["project"]["dependencies"]
    there = tomllib.loads(text)["project"]["dependencies"]
    assert table == [each for each in there if canonicalize_name(each.split(">")[0].split("[")[0]) != name]
