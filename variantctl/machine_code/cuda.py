"""What CUDA's names and numbers mean: which GPUs run which code, and which CUDA a library was built with.

Sources: NVIDIA's "CUDA C++ Programming Guide" (binary compatibility, PTX compatibility, architecture- and
family-specific targets), "PTX ISA" (release notes), "CUDA Compatibility" (minor-version compatibility).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from variantctl.values import dataclass

#: Libraries of the toolkit that have its major version (libcufft and others have their own).
_TOOLKIT = re.compile(
    r"lib(?:cudart|cublas|cublasLt|nvrtc|nvJitLink)(?:-[0-9a-f]{6,})?\.so\.(?P<so>[0-9]{1,4})(?:\.[\d.]+)?"
    r"|(?:cudart|cublas|cublasLt)64_(?P<dll>\d\d)\d*\.dll"
    r"|nv(?:rtc|JitLink)_?64_(?P<other>\d\d)\d+_\d+\.dll"
)
_PTX = {(7, 8): (11, 8), (8, 5): (12, 5), (8, 6): (12, 7), (8, 7): (12, 8), (8, 8): (12, 9)}
#: Architectures of which the major version has no other: code for just this one is code for all of them.
_ONLY_ONE = frozenset({"90a"})
#: Those that have a newer one in their major version, which code for just this one does not run on.
_HAVE_NEWER = frozenset({"100a", "120a"})
_TEGRA = frozenset({(5, 3), (6, 2), (7, 2), (8, 7)})


@dataclass(frozen=True, order=True)
class Architecture:
    """What is after ``sm_``.

    Attributes:
        major, minor: the compute capability.
        suffix: ``a`` (for just this one), ``f`` (for its family) or nothing.
    """

    major: int
    minor: int
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> Architecture:
        """Read ``75``, ``90a`` or ``100f``.

        Raises:
            ValueError: it is none of these.
        """
        number = int(text.rstrip("af"))
        return cls(number // 10, number % 10, text[len(str(number)) :])

    @property
    def number(self) -> str:
        """``90`` of ``90a``."""
        return f"{self.major}{self.minor}"

    @property
    def is_for_newer(self) -> bool:
        """Whether machine code for it runs on every GPU of its major version that is as new."""
        return self.suffix != "a" or f"{self.number}a" in _ONLY_ONE

    @property
    def leaves_out_newer(self) -> bool:
        """Whether a newer GPU of its major version is known, on which machine code for it fails."""
        return f"{self.number}{self.suffix}" in _HAVE_NEWER

    def runs_on(self, major: int, minor: int) -> bool:
        """Whether machine code for it runs on a GPU. On Jetsons only code for the very GPU does."""
        exact = (self.major, self.minor) == (major, minor)
        if not self.is_for_newer or (major, minor) in _TEGRA:
            return exact
        return self.major == major and self.minor <= minor

    def compiles_for(self, major: int, minor: int) -> bool:
        """Whether a driver can compile PTX for it for a GPU."""
        if self.suffix == "a":
            return (self.major, self.minor) == (major, minor)
        newer = (self.major, self.minor) <= (major, minor)
        return newer and (self.suffix != "f" or self.major == major)


def toolkit_majors(libraries: Iterable[str]) -> set[int]:
    """The major versions of CUDA that libraries have in their names: 12 in ``libcublas.so.12``."""
    found = (_TOOLKIT.fullmatch(name) for name in libraries)
    return {int(match["so"] or match["dll"] or match["other"]) for match in found if match}


def toolkit_of_ptx(version: str) -> tuple[int, int] | None:
    """The first CUDA whose driver compiles a version of PTX's instruction set; ``None`` before CUDA 11."""
    major, minor = (int(part) for part in version.split("."))
    if major >= 9:
        return major + 4, minor
    if (major, minor) in _PTX:
        return _PTX[(major, minor)]
    return {7: (11, minor), 8: (12, minor)}.get(major)
