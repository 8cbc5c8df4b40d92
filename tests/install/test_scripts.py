"""Scripts run, whatever the interpreter's path is."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
from installer.utils import parse_entrypoints

from tests.install.support import new_place
from variantctl.install.scripts import entry_point_scripts, shebang, with_interpreter
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError


@pytest.mark.parametrize("folder", ["with space", "x" * 120, 'it\'s "quoted" $HOME', "ünï"])
def test_odd_interpreter_paths(folder: str, tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path,
        name="say",
        version="1",
        files={"say.py": b"import sys\ndef main():\n    print('said', *sys.argv[1:])\n"},
        data={"scripts/say-script": b"#!python -E\nimport say; say.main()\n"},
        entry_points={"console_scripts": {"say": "say:main"}},
    )
    (tmp_path / folder).mkdir()
    place = new_place(tmp_path / folder)
    place.install(wheel)
    for script in ("say", "say-script"):
        command = [str(place.environment.scheme["scripts"] / script), "a b", "c"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("said a b c\n", "")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"#!python\nx", b"#!/v/bin/python\nx"),
        (b"#!pythonw\nx", b"#!/v/bin/python\nx"),
        (b"#!python -E -s\r\nx", b"#!/v/bin/python -E -s\nx"),
        (b"#!python", b"#!/v/bin/python\n"),
        (b"#!python3\nx", b"#!python3\nx"),
        (b"#!/usr/bin/env python\nx", b"#!/usr/bin/env python\nx"),
        (b"\x7fELF", b"\x7fELF"),
        (b"", b""),
    ],
)
def test_first_line(content: bytes, expected: bytes) -> None:
    assert with_interpreter(content, Path("/v/bin/python")) == expected


def test_shebang_has_the_kernel_limit() -> None:
    longest = "/" + "x" * 123
    assert shebang(longest) == f"#!{longest}".encode()
    assert shebang(f"{longest}xx").startswith(b"#!/bin/sh\n'''exec' ")


def test_windows_launchers() -> None:
    entry_points = (
        b"[console_scripts]\ntool = pkg.cli:main\n[gui_scripts]\nwindow = pkg:App.run\n[other]\nx = y\n"
    )
    found = dict(entry_point_scripts(entry_points, Path("C:/v/python.exe"), "pkg-1.whl", "win-amd64"))
    assert list(found) == ["tool.exe", "window.exe"]
    assert found["tool.exe"].startswith(b"MZ")
    assert b"#!C:/v/python.exe\n" in found["tool.exe"]
    assert b"#!C:/v/pythonw.exe\n" in found["window.exe"]
    with ZipFile(io.BytesIO(found["window.exe"])) as archive:
        assert b"sys.exit(App.run())" in archive.read("__main__.py")


def test_posix_scripts_name_the_interpreter() -> None:
    entry_points = b"[console_scripts]\ntool = pkg.cli:main [extra]\n"
    ((name, content),) = entry_point_scripts(entry_points, Path("/v/bin/python"), "pkg-1.whl", "posix")
    assert name == "tool"
    assert content.startswith(b"#!/v/bin/python\n")
    assert os.linesep == "\n"


def test_entry_points_are_read_as_installer_reads_them() -> None:
    text = (
        "# a comment\n[console_scripts]\na = m:f\nB.c-d=m.n : o.p\n"
        "\n[gui_scripts]\nw = m:f [e1, e2]\n; another\n[other]\nx = ?\n"
    )
    ours = list(entry_point_scripts(text.encode(), Path("/v/bin/python"), "pkg-1.whl", "posix"))
    theirs = list(parse_entrypoints(text))
    assert [name for name, _ in ours] == [name for name, *_ in theirs] == ["a", "B.c-d", "w"]
    for (_, content), (_, module, attr, _) in zip(ours, theirs, strict=True):
        assert f"from {module} import {attr.partition('.')[0]}\n".encode() in content
        assert f"sys.exit({attr}())\n".encode() in content


@pytest.mark.parametrize("line", ["a", "a = m", "a = m:f; import os", "a = m:f\n  g"])
def test_entry_points_that_are_none(line: str) -> None:
    text = f"[console_scripts]\n{line}\n"
    with pytest.raises(WheelError, match=r"entry_points\.txt"):
        list(entry_point_scripts(text.encode(), Path("/v/bin/python"), "pkg-1.whl", "posix"))
