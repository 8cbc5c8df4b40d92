"""The same order as variantlib 0.2 on random metadata (see tests/interop/test_variantlib_order.py)."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from tests.campaigns.report import Report
from tests.interop.test_variantlib_order import ABI_PACKAGE, generated_case, variantlib_order
from variantctl.variants import load_metadata, order_labels


def run(cases: int, seed: int, folder: Path) -> Report:
    """Order the labels of ``cases`` releases with both."""
    report = Report("variantlib-order", seed)
    # variantlib looks at what the running interpreter has; here it is told of one package.
    told = mock.patch.dict("os.environ", {"VARIANT_ABI_DEPENDENCY": f"{ABI_PACKAGE}==2.9.1"})
    with told, mock.patch("importlib.metadata.distributions", lambda: iter(())):
        for number in range(cases):
            document, supported = generated_case(seed * 1_000_003 + number)
            mine = order_labels(load_metadata(document), supported)
            theirs = variantlib_order(document, supported)
            if mine == theirs:
                report.count(
                    "the same order of several labels" if len(mine) > 1 else "the same label or none"
                )
            else:
                report.fail("another order", f"case {number}: {document}, {supported}: {theirs}, ours {mine}")
    return report
