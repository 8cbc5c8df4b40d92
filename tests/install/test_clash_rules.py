"""The rules for a file that two packages have: what is clutter, what is code, how it is told."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from variantctl.install import clashes
from variantctl.install.clashes import Clashes, import_name, is_clutter
from variantctl.install.errors import FileConflictError
from variantctl.install.roots import Roots

LIBRARY = f"{os.sep}e{os.sep}lib"


class Places:
    """Stands for the scheme: modules below /e/lib, data below /e."""

    def place_of(self, path: str) -> tuple[str, str]:
        for root, kind in (
            (LIBRARY, "library"),
            (f"{os.sep}e{os.sep}bin", "scripts"),
            (f"{os.sep}e", "data"),
        ):
            if path.startswith(root + os.sep):
                return kind, path[len(root) + 1 :]
        return "", path


ROOTS = cast(Roots, Places())


def at(inside: str) -> str:
    return f"{LIBRARY}/{inside}".replace("/", os.sep)


@pytest.mark.parametrize(
    ("inside", "clutter"),
    [
        ("tests/x.py", True),
        ("Tests/x.py", True),
        ("DOCS/a/b.txt", True),
        ("one/tests/x.py", False),
        ("LICENSE", True),
        ("README.md", True),
        ("one.py", False),
        ("ONE.PY", False),
        ("one.pth", False),
        ("setup.py", True),
        ("Conftest.py", True),
        ("test.cpython-311-x86_64-linux-gnu.so", True),
        # With --target, data lies beside the modules.
        ("share/doc/one/README", True),
        ("Share/Doc/one/README", False),
        ("share/one/config", False),
        ("etc/one.conf", False),
    ],
)
def test_clutter_among_modules(inside: str, clutter: bool) -> None:
    assert is_clutter(at(inside), ROOTS) is clutter


@pytest.mark.parametrize(
    ("inside", "clutter"),
    [
        ("LICENSE", True),
        ("one.py", False),
        ("share/doc/one/x", True),
        ("SHARE/Man/man1/one.1", True),
        ("share/one/x", False),
        ("etc/one", False),
    ],
)
def test_clutter_among_data(inside: str, clutter: bool) -> None:
    assert is_clutter(f"/e/{inside}".replace("/", os.sep), ROOTS) is clutter
    assert not is_clutter(f"{os.sep}e{os.sep}bin{os.sep}LICENSE", ROOTS)
    assert not is_clutter(f"{os.sep}elsewhere{os.sep}LICENSE", ROOTS)


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ("one/a.py", "one"),
        ("one.py", "one"),
        ("one.cpython-311-x86_64-linux-gnu.so", "one"),
        ("LICENSE", None),
        ("share/x.py", None),
        ("one-1.0.dist-info/RECORD", None),
        ("one-1.0.data/x", None),
    ],
)
def test_what_is_imported(inside: str, name: str | None) -> None:
    assert import_name(at(inside), ROOTS) == name
    assert import_name(f"{os.sep}e{os.sep}share{os.sep}x.py", ROOTS) is None


NAMESPACE = b"__import__('pkg_resources').declare_namespace(__name__)\n"


@pytest.mark.parametrize(
    ("content", "is_namespace"),
    [
        (b"", True),
        (NAMESPACE, True),
        (b"from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n", True),
        (b"# a licence\n\n   \n  # more\n", True),
        (b"# a licence\nx = 1\n", False),
        (b"x = 1\n", False),
        (NAMESPACE + b"#" * (4096 - len(NAMESPACE)), True),
        (NAMESPACE + b"#" * (4097 - len(NAMESPACE)), False),
        (b"#" * 5000, False),
    ],
)
def test_namespaces(content: bytes, is_namespace: bool, tmp_path: Any) -> None:
    path = at("one/__init__.py")
    assert clashes._are_namespaces(path, NAMESPACE, content) is is_namespace
    assert clashes._are_namespaces(path, content, NAMESPACE) is is_namespace
    assert not clashes._are_namespaces(at("one/other.py"), NAMESPACE, NAMESPACE)
    # What is read of a file is enough to know that it is too long.
    (tmp_path / "file").write_bytes(content)
    assert clashes._is_namespace(clashes._read(str(tmp_path / "file"))) is is_namespace


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a and 2 more files"),
        (["a", "b", "c", "d"], "a and 3 more files"),
    ],
)
def test_how_files_are_counted(paths: list[str], words: str) -> None:
    assert clashes._counted(paths) == words


def test_what_a_package_needs() -> None:
    package: Any = SimpleNamespace(
        requires=lambda: ["  Some_Thing >=1", "other[x]; python_version>'3'", "???"]
    )
    assert set(clashes._needed_by(package)) == {"some-thing", "other"}


def judge(*, overwrite: bool = False) -> Clashes:
    return Clashes(ROOTS, overwrite, {}, ())


def file(path: str, content: bytes) -> Any:
    return SimpleNamespace(destination=path, content=content, source=None)


def test_a_file_that_nobody_owns() -> None:
    layout: Any = SimpleNamespace(name="one 1.0")
    assert judge(overwrite=True).with_installed(at("one/a.py"), file(at("one/a.py"), b""), layout) is True
    with pytest.raises(FileConflictError, match="no installed package owns"):
        judge().with_installed(at("one/a.py"), file(at("one/a.py"), b""), layout)


def test_two_new_packages() -> None:
    path = at("one/a.py")
    found = judge(overwrite=True)
    assert found.between_new("a 1", file(path, b"1"), "b 1", file(path, b"2")) is True
    assert found.warnings() == [f"{path} of a 1 is now as b 1 has it"]
    with pytest.raises(FileConflictError, match="import package 'one'"):
        judge().between_new("a 1", file(path, b"1"), "b 1", file(path, b"2"))
    path, found = at("LICENSE"), judge()
    assert found.between_new("a 1", file(path, b"1"), "b 1", file(path, b"2")) is False
    assert found.warnings()[0].startswith(f"b 1 and a 1 both have {path}, with different content")


def test_the_first_owner_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    packages: Any = [SimpleNamespace(name=name, version="1") for name in ("first", "second")]
    monkeypatch.setattr(clashes, "owned_paths", lambda package: [at("one/a.py")])
    assert Clashes(ROOTS, False, {}, packages)._owners[at("one/a.py")].name == "first"
