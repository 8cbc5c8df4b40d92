"""Every block of commands in the documentation does what it says, on stand-in wheels."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, Block, blocks, commands
from tests.docs.preparations import PREPARATIONS, Ground, environment_of
from variantctl.cli.app import UsageError, build_parser, command_named

#: The README's first block is what `.ci/run` runs; CONTRIBUTING's makes the environment of these tests.
ELSEWHERE = ("README.md", "CONTRIBUTING.md")
WITH_COMMANDS = [path for path in PAGES if commands(path) and path.name not in ELSEWHERE]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the blocks are for a shell of Unix")


def _script(page: list[Block], ground: Ground, environ: dict[str, str]) -> str:
    """One shell for the whole page, as a reader has it; it says which block it runs."""
    lines = ["set -euo pipefail"]
    for block in page:
        for name in filter(None, block.said.get("with", "").split(", ")):
            environ.update(PREPARATIONS[name](ground))
        if "file" in block.said:
            (ground.folder / block.said["file"]).write_text(block.content, encoding="utf-8")
        else:
            lines += [f"echo '@@ {block.page}:{block.line}' >&2", block.content]
    return "\n".join(lines)


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of(path: Path, wheels: Path, index: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for folder in (work, tmp_path / "home"):
        folder.mkdir()
    environ = environment_of(tmp_path, index)
    with ExitStack() as stack:
        script = _script(commands(path), Ground(work, wheels, stack), environ)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=work,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    ran = re.findall(r"^@@ (.*)$", done.stderr, re.MULTILINE)
    assert done.returncode == 0, f"the block at {ran[-1]} ended with {done.returncode}\n{done.stderr[-3000:]}"
    assert len(ran) == sum(block.language == "sh" for block in commands(path))


def _said(path: Path) -> Mapping[str, Block]:
    return {f"{block.page}:{block.line}": block for block in blocks(path)}


def test_every_block_that_is_not_run_says_why() -> None:
    """A command that stands in a block of another language would never be tried."""
    hidden = [
        place
        for path in PAGES
        for place, block in _said(path).items()
        if block.language in ("", "text", "console", "bash", "shell")
        and "skip" not in block.said
        and re.search(r"^(\$ )?(variantctl|pip|uv|python) ", block.content, re.MULTILINE)
    ]
    assert hidden == []


def test_what_is_prepared_has_a_name() -> None:
    named = {
        name
        for path in PAGES
        for block in blocks(path)
        for name in filter(None, block.said.get("with", "").split(", "))
    }
    assert named <= set(PREPARATIONS)
    assert set(PREPARATIONS) - named == set(), "nothing asks for it any more"


def _inline(path: Path) -> Iterator[str]:
    """Commands between backticks in the sentences and tables of a page."""
    text = re.sub(r"^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for found in re.findall(r"`(variantctl [^`]+)`", text):
        command = found.replace("\\|", "|")
        if not re.search(r"\.\.\.|…|\[[A-Z-]|COMMAND|\|", command):
            yield command


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_sentences_are_understood(path: Path) -> None:
    for command in _inline(path):
        words = shlex.split(command)[1:]
        try:
            build_parser(only=command_named(words) or "").parse_args(words)
        except SystemExit as left:  # --help and --version leave so
            assert left.code == 0, command
        except UsageError as error:
            # A sentence may name a command without its arguments, or an option without its value.
            if not re.search(r"(?:is|are) missing|needs a value", error.message):
                pytest.fail(f"`{command}`: {error}")
