"""Inline script metadata (PEP 723): what is read, and what is refused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from variantctl.requirements.errors import RequirementFileError
from variantctl.requirements.scripts import _blocks, script_metadata

GOOD = """#!/usr/bin/env python
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "requests<3",
#   "rich",
# ]
#
# [tool.variantctl]
# exclude-newer = "2026-05-31"
# ///
import requests
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_example_of_the_specification(ending: str) -> None:
    found = script_metadata(GOOD.replace("\n", ending), "s.py")
    assert found is not None and str(found.requires_python) == ">=3.11"
    assert found.dependencies == ("requests<3", "rich")
    assert found.tools == {"variantctl": {"exclude-newer": "2026-05-31"}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import sys\n",
        "# /// pyproject\n# x = 1\n# ///\n",
        'x = """\n  # /// script\n  # ///\n"""\n',
        "#/// script\n",
    ],
)
def test_without_metadata(text: str) -> None:
    assert script_metadata(text, "s.py") is None


def test_an_empty_block_and_the_end_of_the_file() -> None:
    found = script_metadata("# /// script\n# dependencies = []\n# ///", "s.py")
    assert found is not None and found.dependencies == () and found.requires_python is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + GOOD, "2 blocks"),
        ("# /// script\n# dependencies = [\n# ///\n", "no TOML"),
        ('# /// script\n# dependencies = "six"\n# ///\n', "no list"),
        ('# /// script\n# dependencies = [">=2"]\n# ///\n', "dependencies: "),
        ('# /// script\n# requires-python = "3.x"\n# ///\n', "requires-python"),
        ("# /// script\n# requires-python = 3\n# ///\n", "requires-python"),
        ("# /// script\n# tool = 1\n# ///\n", "tool is no table"),
        ("# /// script\n# dependencies = []\nimport six\n", "has no end"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(RequirementFileError) as error:
        script_metadata(text, "s.py")
    assert said in error.value.message and "s.py" in error.value.message


@pytest.mark.parametrize(
    "text",
    ["# /// script\n" * 100_000, "# /// a\n#\n" * 100_000, "# /// script\n" + "# \n" * 300_000],
    ids=["beginnings", "other types", "blank"],
)
def test_blocks_without_an_end_take_no_time(text: str) -> None:
    """The specification's own expression takes the square of the lines: minutes for these."""
    started = time.process_time()
    try:
        assert script_metadata(f"{text}x\n", "s.py") is None
    except RequirementFileError as error:
        assert "has no end" in error.message
    assert time.process_time() - started < 5


#: "Inline script metadata" of the specifications, as it stands there.
REFERENCE = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


@given(lists(sampled_from(["# /// script", "# /// a", "# ///", "#", "# x=1", "#x", "", "x"]), max_size=12))
def test_blocks_are_those_of_the_specifications_expression(lines: list[str]) -> None:
    text = "\n".join(lines)
    wanted = [
        [line[2:] if line.startswith("# ") else line[1:] for line in match["content"].splitlines()]
        for match in REFERENCE.finditer(text)
        if match["type"] == "script"
    ]
    assert _blocks(text)[0] == wanted


def test_long_numbers_are_an_error_of_the_script() -> None:
    text = f'# /// script\n# requires-python = ">={"9" * 6000}"\n# ///\n'
    with pytest.raises(RequirementFileError, match=r"s\.py: requires-python: .*digits"):
        script_metadata(text, "s.py")
