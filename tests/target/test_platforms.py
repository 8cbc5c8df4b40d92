"""Platforms that are only written down, against the ones that are here."""

from __future__ import annotations

import platform
import sys

import pytest
from packaging import markers as packaging_markers
from packaging import tags as packaging_tags

from variantctl.target.platforms import (
    Platform,
    UnknownPlatformError,
    cpython_platform_tags,
    platform_environment,
)


def strings(platform_: Platform) -> list[str]:
    return [str(tag) for tag in platform_.tags]


def own_python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="profiles describe CPython")
def test_this_machine_written_down_is_this_machine() -> None:
    name, version = platform.libc_ver()
    if name != "glibc":
        pytest.skip("this machine has no glibc to compare with")
    written = platform_environment(
        system="Linux", machine=platform.machine(), libc=f"glibc {version}", python=own_python()
    )
    assert strings(written) == [str(tag) for tag in packaging_tags.sys_tags()]
    assert written.markers == packaging_markers.default_environment()
    assert written.version == sys.version_info[:3]


def test_nothing_written_is_the_base() -> None:
    base = Platform(
        version=(3, 11, 0),
        tag_names=cpython_platform_tags((3, 11), "cp311"),
        markers={key: str(value) for key, value in packaging_markers.default_environment().items()},
    )
    assert platform_environment(base=base) == base
    other = platform_environment(python="3.12", base=base)
    assert strings(other)[0] == strings(base)[0].replace("311", "312")
    assert other.markers["python_full_version"] == "3.12.0"
    assert other.markers["platform_release"] == platform.release()


def test_graviton() -> None:
    found = platform_environment(system="Linux", machine="aarch64", libc="glibc 2.34", python="3.12")
    tags = strings(found)
    assert tags[:3] == [
        "cp312-cp312-linux_aarch64",
        "cp312-cp312-manylinux_2_34_aarch64",
        "cp312-cp312-manylinux_2_33_aarch64",
    ]
    assert "cp312-cp312-manylinux2014_aarch64" in tags
    assert "cp312-cp312-manylinux_2_16_aarch64" not in tags
    assert not any("x86_64" in tag or "musl" in tag for tag in tags)
    assert tags[-1] == "py30-none-any"
    assert found.markers["platform_machine"] == "aarch64"
    assert found.markers["python_version"] == "3.12"


def test_old_glibc_has_every_alias() -> None:
    tags = strings(platform_environment(system="Linux", machine="x86_64", libc="glibc 2.17", python="3.10"))
    platforms = list(dict.fromkeys(tag.split("-")[2] for tag in tags if tag.startswith("cp310-cp310")))
    assert platforms[:3] == ["linux_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]
    assert platforms[-2:] == ["manylinux_2_5_x86_64", "manylinux1_x86_64"]


def test_musl() -> None:
    tags = strings(platform_environment(system="Linux", machine="x86_64", libc="musl 1.2", python="3.12"))
    assert tags[1:4] == [f"cp312-cp312-musllinux_1_{minor}_x86_64" for minor in (2, 1, 0)]
    assert not any("manylinux" in tag for tag in tags)


def test_macos_and_windows() -> None:
    mac = platform_environment(system="Darwin", machine="arm64", libc="macos 15.1", python="3.13")
    assert strings(mac)[0] == "cp313-cp313-macosx_15_0_arm64"
    assert (mac.markers["sys_platform"], mac.markers["os_name"]) == ("darwin", "posix")
    assert strings(platform_environment(system="Darwin", machine="aarch64", python="3.13"))[0].endswith(
        "arm64"
    )
    windows = platform_environment(system="Windows", machine="x86_64", python="3.13")
    assert strings(windows)[0] == "cp313-cp313-win_amd64"
    assert windows.markers["platform_machine"] == "AMD64"
    assert (windows.markers["sys_platform"], windows.markers["os_name"]) == ("win32", "nt")


def test_free_threaded() -> None:
    tags = strings(platform_environment(system="Windows", machine="AMD64", python="3.13t"))
    assert tags[0] == "cp313-cp313t-win_amd64"
    assert not any("abi3-" in tag for tag in tags)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"system": "Plan9"}, "Plan9"),
        ({"system": "Linux", "libc": "glibc"}, "glibc"),
        ({"system": "Linux", "libc": "glibc 3.1"}, "3.1"),
        ({"system": "Linux", "libc": "uclibc 1.0"}, "uclibc"),
        ({"system": "Darwin", "libc": "glibc 2.35"}, "glibc 2.35"),
        ({"system": "Windows", "machine": "riscv64"}, "riscv64"),
        ({"python": "three"}, "three"),
    ],
)
def test_words_that_name_nothing(facts: dict[str, str], word: str) -> None:
    with pytest.raises(UnknownPlatformError, match=word):
        platform_environment(**facts)  # type: ignore[arg-type]
