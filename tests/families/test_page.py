"""docs/families.md says what ships, and docs/selector.md what keeps pages of them current."""

from __future__ import annotations

import shlex

from docs.generate.families import PAGE, written
from variantctl.cli.app import build_parser
from variantctl.families.knowledge import FamilyKnowledge


def test_the_table_is_that_of_the_tables() -> None:
    text = PAGE.read_text()
    assert written(text) == text, "python -m docs.generate.families writes it anew"
    assert text.count("| `onnxruntime` |") == 1


def test_the_scheduled_job_runs_a_command_that_there_is() -> None:
    text = PAGE.with_name("selector.md").read_text()
    (command,) = [line.partition("run: ")[2] for line in text.splitlines() if "run: variantctl" in line]
    args = build_parser(only="index").parse_args(shlex.split(command)[1:])
    assert set(args.family) <= set(FamilyKnowledge(None).names())
