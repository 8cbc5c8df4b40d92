"""The tree of what needs what: circles, repetitions, both directions."""

from __future__ import annotations

from packaging.utils import NormalizedName

from variantctl.doctor.dependency_tree import forest, inverted, lines, tops


def names(text: str) -> dict[NormalizedName, set[NormalizedName]]:
    """``a: b c; b: c`` as edges."""
    pairs = (part.split(":") for part in text.split(";"))
    return {NormalizedName(name.strip()): set(map(NormalizedName, rest.split())) for name, rest in pairs}


def drawn(edges: dict[NormalizedName, set[NormalizedName]], *roots: str, depth: int | None = None) -> str:
    trees = forest([NormalizedName(root) for root in roots or tops(edges)], edges, depth=depth)
    return "\n".join(
        f"{branch}{node.name}{'*' if node.is_repeated else ''}"
        for tree in trees
        for branch, node in lines(tree)
    )


def test_what_is_shown_once_is_not_shown_again() -> None:
    edges = names("a: b c; b: c; c: d; d:")
    assert drawn(edges) == "a\n├── b\n│   └── c\n│       └── d\n└── c*"


def test_a_circle_that_nothing_needs_has_a_top() -> None:
    edges = names("a: b; b: a; c:")
    assert drawn(edges) == "a\n└── b\n    └── a*\nc"


def test_inverted() -> None:
    edges = inverted(names("a: b c; b: c; c:"))
    assert drawn(edges, "c") == "c\n├── a\n└── b\n    └── a"


def test_depth() -> None:
    assert drawn(names("a: b; b: c; c:"), "a", depth=1) == "a\n└── b"
