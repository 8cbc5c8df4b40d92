"""Static libraries: the code of all objects, as ``ar`` puts them together."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.machine_code.files import archive, bundle, elf_library, fatbin, zebin
from variantctl.machine_code.content import Memory
from variantctl.machine_code.library import read_library

CUDA = elf_library({".nv_fatbin": fatbin("cubin 75", "ptx 90"), ".rodata": b"\0libcuda.so.1\0"})
AMD = elf_library({".hip_fatbin": bundle("gfx942")}, needed=["libamdhip64.so.7"])


def test_what_ar_made(tmp_path: Path) -> None:
    if shutil.which("ar") is None:
        pytest.skip("there is no ar")
    # A name of more than 16 characters goes into a table of its own, and an odd size is filled up.
    objects = {"one.o": CUDA, "an-object-with-a-long-name.o": AMD + b"!", "readme.txt": b"odd"}
    for name, content in objects.items():
        (tmp_path / name).write_bytes(content)
    subprocess.run(["ar", "rc", "libthing.a", *objects], cwd=tmp_path, check=True)
    found = read_library(Memory((tmp_path / "libthing.a").read_bytes()))
    assert found is not None
    assert (found.format, found.machines, found.needed, found.opened) == ("archive", (), (), ())
    assert (found.cuda.cubin, found.cuda.ptx, found.amd) == (("75",), ("90",), ("gfx942",))
    assert found.problems == ()


def test_a_damaged_object_is_named_and_the_others_are_read() -> None:
    found = read_library(
        Memory(archive(one_o=CUDA[:200].ljust(300, b"x"), two_o=CUDA, three_o=zebin(12, 60, 7)))
    )
    assert found is not None
    assert (found.cuda.cubin, found.intel) == (("75",), ("12.60.7",))
    (problem,) = found.problems
    assert problem.startswith("'one_o' cannot be read: ")


def test_an_archive_that_ends_within_a_member() -> None:
    found = read_library(Memory(archive(one_o=CUDA, two_o=CUDA)[:-100]))
    assert found is not None
    assert found.cuda.cubin == ("75",)
    assert found.problems[0].startswith("the file cannot be read: a part from")
