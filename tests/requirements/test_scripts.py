"""Inline script metadata (PEP 723): what is read, and what is refused."""

from __future__ import annotations

import pytest

from variantctl.requirements.errors import RequirementFileError
from variantctl.requirements.scripts import script_metadata

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
