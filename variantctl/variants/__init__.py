"""The wheel variant standard (PEP 825, PEP 850): labels, metadata, ordering, markers. Pure: no I/O.

``load_metadata`` and ``order_labels`` are the contract; the other names live in the modules.
"""

from __future__ import annotations

from variantctl.variants.ordering import order_labels
from variantctl.variants.parse import load_metadata

__all__ = ["load_metadata", "order_labels"]
