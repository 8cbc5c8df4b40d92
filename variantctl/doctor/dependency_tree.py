"""What needs what, as a tree: from the packages that nothing needs down, or the other way round. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import NormalizedName

from variantctl.values import dataclass, field

Edges = Mapping[NormalizedName, Collection[NormalizedName]]


@dataclass(frozen=True)
class Node:
    """A package in its place in the tree.

    Attributes:
        name: the package.
        children: what it needs (inverted: what needs it), by name.
        is_repeated: it stands elsewhere with its children, which are left out here.
    """

    name: NormalizedName
    children: tuple[Node, ...] = field(default=())
    is_repeated: bool = False

    def as_json(self) -> dict[str, Any]:
        """``{"name", "repeated", "children"}``."""
        children = [child.as_json() for child in self.children]
        return {"name": self.name, "repeated": self.is_repeated, "children": children}


def inverted(needed: Edges) -> dict[NormalizedName, set[NormalizedName]]:
    """Package -> what needs it."""
    found: dict[NormalizedName, set[NormalizedName]] = {name: set() for name in needed}
    for name, others in needed.items():
        for other in others:
            found.setdefault(other, set()).add(name)
    return found


def tops(needed: Edges) -> list[NormalizedName]:
    """What nothing else needs, by name; of a circle that nothing needs its first member."""
    by = inverted(needed)
    found = sorted(name for name in needed if not by[name] - {name})
    reached = _reached(found, needed)
    for name in sorted(needed):
        if name not in reached:
            found.append(name)
            reached |= _reached([name], needed)
    return sorted(found)


def forest(roots: Sequence[NormalizedName], edges: Edges, *, depth: int | None = None) -> list[Node]:
    """A tree for each root; what was shown with its children is not shown with them again.

    Args:
        roots: in their order.
        edges: package -> its children.
        depth: how many levels below a root are shown; None: all.
    """
    shown: set[NormalizedName] = set()
    return [_node(root, edges, depth, shown) for root in roots]


def _node(name: NormalizedName, edges: Edges, depth: int | None, shown: set[NormalizedName]) -> Node:
    children = sorted(edges.get(name, ()))
    if depth == 0 or not children:
        return Node(name)
    if name in shown:
        return Node(name, is_repeated=True)
    shown.add(name)
    below = None if depth is None else depth - 1
    return Node(name, tuple(_node(child, edges, below, shown) for child in children))


def lines(node: Node, indent: str = "") -> Iterator[tuple[str, Node]]:
    """Each node of a tree with the branches that are drawn before it."""
    yield "", node
    yield from _below(node, indent)


def _below(node: Node, indent: str) -> Iterator[tuple[str, Node]]:
    for place, child in enumerate(node.children, start=1):
        last = place == len(node.children)
        yield f"{indent}{'└── ' if last else '├── '}", child
        yield from _below(child, indent + ("    " if last else "│   "))


def _reached(roots: Sequence[NormalizedName], edges: Edges) -> set[NormalizedName]:
    found: set[NormalizedName] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += edges.get(name, ())
    return found
