"""What is inside a wheel, in a few words for a project's page: read from its code, never from its label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from variantctl.values import dataclass
from variantctl.wheels.audit import WheelAudit

#: More names than a page shows: a wheel that claims more is not described at length.
_MOST = 64
#: Libraries that every system brings, by the beginnings of their names.
_EVERYWHERE = (
    "libc.so", "libm.so", "libdl.so", "librt.so", "libpthread.so", "libutil.so", "libgcc_s.", "libstdc++.",
    "ld-linux", "ld-musl", "libc.musl", "libresolv.so", "linux-vdso", "/usr/lib/", "/System/", "@rpath/",
    "@loader_path/", "api-ms-win-", "kernel32", "ntdll", "user32", "advapi32", "ws2_32", "ucrtbase",
    "vcruntime", "msvcp", "msvcrt", "python3",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inside:
    """What the libraries of a wheel were built for.

    Attributes:
        libraries: how many files with code there are.
        cubin: NVIDIA's architectures that there is machine code for (``75``, ``90a``).
        ptx: those that there is PTX for.
        amd: AMD's targets.
        intel: Intel's devices, or ``spirv``.
        level: the highest x86-64 level that a compiler noted; ``""`` where none did.
        needs: libraries that are needed, and are neither in the wheel nor on every system.
        unread: how many libraries could not be read, or not wholly.
    """

    libraries: int = 0
    cubin: tuple[str, ...] = ()
    ptx: tuple[str, ...] = ()
    amd: tuple[str, ...] = ()
    intel: tuple[str, ...] = ()
    level: str = ""
    needs: tuple[str, ...] = ()
    unread: int = 0

    @classmethod
    def of(cls, audit: WheelAudit) -> Inside:
        """The short form of an audit."""
        codes = [library.code for library in audit.libraries]
        own = {library.name.rpartition("/")[2] for library in audit.libraries}
        needed = {name for code in codes for name in code.needed} - own
        return cls(
            len(codes),
            _few(value for code in codes for value in code.cuda.cubin),
            _few(value for code in codes for value in code.cuda.ptx),
            _few(value for code in codes for value in code.amd),
            _few(value for code in codes for value in code.intel),
            max((code.level for code in codes if code.level), default=""),
            _few(name for name in needed if not name.lower().startswith(_EVERYWHERE)),
            len(audit.problems) + sum(bool(code.problems) for code in codes),
        )

    def as_json(self) -> dict[str, object]:
        """Its object in a page; what is empty is left out."""
        rows = {name: list(getattr(self, name)) for name in _LISTS}
        rest = {"level": self.level, "unread": self.unread}
        found = {name: value for name, value in {**rows, **rest}.items() if value}
        return {"libraries": self.libraries, **found}

    @classmethod
    def from_json(cls, value: object) -> Inside | None:
        """The reverse; ``None`` where there is nothing, or nothing that this version understands."""
        if not isinstance(value, Mapping) or not isinstance(value.get("libraries"), int):
            return None
        rows = {name: value.get(name, []) for name in _LISTS}
        level, unread = value.get("level", ""), value.get("unread", 0)
        texts = all(isinstance(row, list) and all(isinstance(t, str) for t in row) for row in rows.values())
        if not (texts and isinstance(level, str) and isinstance(unread, int)):
            return None
        return cls(
            value["libraries"], level=level, unread=unread, **{n: tuple(row) for n, row in rows.items()}
        )


_LISTS = ("cubin", "ptx", "amd", "intel", "needs")


def _few(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values))[:_MOST])
