"""The wheel variant standard (PEP 825, PEP 850): labels, metadata, ordering, markers. Pure: no I/O.

``load_metadata`` and ``order_labels`` are the contract; the other names live in the modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from variantctl.variants.ordering import order_labels
    from variantctl.variants.parse import load_metadata

__all__ = ["load_metadata", "order_labels"]


def __getattr__(name: str) -> object:
    """Import the contract's functions when they are first asked for: every command imports this package."""
    if name == "load_metadata":
        from variantctl.variants.parse import load_metadata

        return load_metadata
    if name == "order_labels":
        from variantctl.variants.ordering import order_labels

        return order_labels
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
