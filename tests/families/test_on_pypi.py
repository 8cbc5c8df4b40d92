"""The table of family and profile, compared with what PyPI has today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.families.on_pypi import PROFILES, expected, finder, member
from variantctl.cache.folder import Cache
from variantctl.net.errors import NetworkError


def test_the_table_has_every_profile() -> None:
    for package, by_profile in expected().items():
        assert set(by_profile) == set(PROFILES), package


@pytest.mark.network
@pytest.mark.parametrize("package", sorted(expected()))
def test_pypi_has_what_the_table_says(package: str, tmp_path: Path) -> None:
    with finder(Cache(tmp_path)) as package_finder:
        try:
            package_finder.project("pip")
        except NetworkError as error:
            pytest.skip(f"NOT RUN: the index cannot be asked: {error.message}")
        found = {profile: member(package, profile, package_finder) for profile in PROFILES}
    assert found == expected()[package]
