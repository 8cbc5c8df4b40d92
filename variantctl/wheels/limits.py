"""How large a wheel may be once it is unpacked: compression bombs are refused before anything is written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.wheels.archive import WheelArchive

_SIZE = r"(?i)(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?)B?|B)?"
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
#: In bytes: more than a file system can count.
_ENDLESS = float(1 << 63)
#: What is smaller than this is no bomb, however well it is compressed.
_HARMLESS = 256 << 20


class LimitError(VariantctlError):
    """A limit of the environment or the configuration that is no size or number."""

    kind = "configuration"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one wheel may be unpacked to. The largest known (PyTorch for CUDA) takes 7 GB, 3 times its size.

    Attributes:
        size: bytes in all; 0: any number.
        ratio: bytes for each byte of the wheel file, where it is more than 256 MB; 0: any number.
    """

    size: int = 64 << 30
    ratio: float = 200

    def check(self, archive: WheelArchive) -> None:
        """Refuse a wheel that claims more than it may; one that holds more than it claims is refused later.

        Raises:
            WheelError: it is too large.
        """
        total = sum(info.file_size for info in archive.infos.values())
        if self.size and total > self.size:
            raise archive.error(
                f"it unpacks to {total:,} bytes, more than the limit of {self.size:,}",
                hint="If you trust it, raise the limit: --max-unpacked-size, VARIANTCTL_MAX_UNPACKED_SIZE.",
            )
        packed = max(1, sum(info.compress_size for info in archive.infos.values()))
        if self.ratio and total > _HARMLESS and total > packed * self.ratio:
            raise archive.error(
                f"it unpacks to {total / packed:,.0f} times its size, more than the limit of {self.ratio:g}",
                hint="If you trust it, raise the limit: --max-unpacked-ratio, VARIANTCTL_MAX_UNPACKED_RATIO.",
            )


def parse_size(text: str) -> int:
    """Bytes in ``500000``, ``20GB`` (powers of 1000) or ``20GiB`` (powers of 1024).

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(_SIZE, text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no size, such as 20GB")
    number, unit, binary = found.groups()
    size = float(number) * (1024 if binary else 1000) ** _POWERS.get((unit or "").upper(), 0)
    if size >= _ENDLESS:
        raise ValueError(f"{text[:40]!r} is more than any disk has")
    return int(size)


def parse_ratio(text: str) -> float:
    """A number that is not negative.

    Raises:
        ValueError: it is not.
    """
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{text!r} is no ratio, such as 200")
    return number


def limits_of(
    size: int | None,
    ratio: float | None,
    *,
    environ: Mapping[str, str] = os.environ,
    configured: Mapping[str, object] | None = None,
) -> Limits:
    """The limits that the options name, else the environment, else ``[install]`` of the configuration file.

    Raises:
        LimitError: one of them is no size or number.
    """
    configured = configured or {}
    found: dict[str, float] = {}
    for attribute, named, parse in (("size", size, parse_size), ("ratio", ratio, parse_ratio)):
        option = f"max-unpacked-{attribute}"
        variable = f"VARIANTCTL_{option.upper().replace('-', '_')}"
        for origin, value in (
            (f"--{option}", named),
            (variable, environ.get(variable)),
            (f"install.{option} of the configuration file", configured.get(option)),
        ):
            if value is None or value == "":
                continue
            try:
                found[attribute] = parse(str(value))
            except ValueError as error:
                raise LimitError(f"{origin}: {error}") from None
            break
    default = Limits()
    return Limits(int(found.get("size", default.size)), found.get("ratio", default.ratio))
