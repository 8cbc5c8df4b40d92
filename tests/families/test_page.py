"""docs/families.md says what ships."""

from __future__ import annotations

from docs.generate.families import PAGE, written


def test_the_table_is_that_of_the_tables() -> None:
    text = PAGE.read_text()
    assert written(text) == text, "python -m docs.generate.families writes it anew"
    assert text.count("| `onnxruntime` |") == 1
