"""Which names are variantctl's own folder, to one file system or another."""

from __future__ import annotations

import pytest

from variantctl.wheels.names import is_reserved


@pytest.mark.parametrize(
    "path",
    [
        ".variantctl",
        ".variantctl/",
        "a/.variantctl/b",
        "a\\.variantctl\\b",
        ".VARIANTCTL/x",
        ".variantctl./x",
        ".variantctl . ./x",
        ".variantctl::$INDEX_ALLOCATION/x",
        ".variantctl:$I30:$INDEX_ALLOCATION/x",
        ".variantctl-pkg.py",
        "VARIAN~1/x",
        "varian~12",
        "VA3F0C~1/x",
        ".\u200dvariantctl",
        "\ufeff.variantctl",
        ".var\u0131antctl",
        ".VAR\u0130ANTCTL",
        ".variant\u034fctl",
        ".variant\ufe0fctl",
        ".variant\u3164ctl",
        ".\uff36ariantctl",
        ".\u24e5ariantctl",
        ".\u1d5bariantctl",
        ".variant\u00adctl",
    ],
)
def test_reserved(path: str) -> None:
    assert is_reserved(path)


@pytest.mark.parametrize(
    "path",
    [
        "variantctl/__init__.py",
        "variantctl-0.1.dist-info/RECORD",
        ".variantctlx",
        "x.variantctl",
        ".variant/ctl",
        "pkg/data~1",
        "variants~1.txt",
        "na\u00efve/caf\u00e9.txt",
    ],
)
def test_not_reserved(path: str) -> None:
    assert not is_reserved(path)
