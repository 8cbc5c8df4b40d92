"""Whom the pages are for: machines, Pythons, and what decides which wheels fit them.

Plain values and one seam. This room may not see the rooms that detect and choose; whoever calls it gives it
their answers, so that the pages decide nothing on their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from packaging.version import Version

from variantctl.values import dataclass, field
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.properties import Supported


class Interpreter(Protocol):
    """One Python on one platform, as ``variantctl.select.compatibility.Interpreter`` is one."""

    @property
    def markers(self) -> Mapping[str, str]:
        """The values of PEP 508's environment markers."""

    @property
    def python(self) -> Version:
        """The full version."""

    def rank(self, wheel: WheelFilename) -> int | None:
        """The place of the wheel's best tag, 0 for the best; ``None`` if none fits."""

    def accepts_python(self, requires_python: str | None) -> bool:
        """Whether Requires-Python lets it in."""

    def why_not(self, wheel: WheelFilename) -> str:
        """One line: what of the tags of a wheel that does not fit is to blame."""


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system on a processor.

    Attributes:
        system: ``Linux``, ``Darwin`` or ``Windows``.
        machine: the processor, as ``platform.machine()`` spells it there.
        libc: ``glibc 2.35``, ``musl 1.2``, ``macos 14.0``; ``""``: what is usual.
    """

    system: str
    machine: str
    libc: str = ""


@dataclass(frozen=True)
class Driver:
    """A version of a driver that a device may be used with.

    Attributes:
        version: ``12.8``.
        supported: what a machine with it offers of the namespaces that the driver decides on.
    """

    version: str
    supported: Supported


@dataclass(frozen=True)
class Device:
    """A machine that somebody may have.

    Attributes:
        name: the profile's name, as ``--profile`` takes it.
        title: what people call it.
        description: a sentence.
        group: under which it is listed: ``NVIDIA``.
        platform: what it runs, where it is not said to run something else.
        supported: namespace -> feature -> values, best first: all that it offers.
        driver: what is called driver here, and the version that it is described with: ``CUDA 12.8``; ``""``.
        drivers: the versions it may have instead, newest first, its own among them.
    """

    name: str
    title: str
    description: str
    group: str
    platform: Platform
    supported: Supported
    driver: str = ""
    drivers: Sequence[Driver] = ()


@dataclass(frozen=True)
class Audience:
    """Everybody.

    Attributes:
        devices: in the order in which they are listed.
        pythons: the versions that a wheel for any Python is offered for, newest first.
        interpreter: gives the Python of a version (``3.12``, ``3.13t``) on a platform.
        phrases: (namespace, feature) -> what a machine offers of it, in words: ``{who}`` is the machine,
            ``{best}``, ``{last}`` and ``{all}`` are of its values.
    """

    devices: Sequence[Device]
    pythons: Sequence[str]
    interpreter: Callable[[Platform, str], Interpreter]
    phrases: Mapping[tuple[str, str], str] = field(default_factory=dict)
