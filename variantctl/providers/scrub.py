"""Taking what is private out of a text: what identifies a person, a machine or a device."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

_HEX = "[0-9a-fA-F]"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_SERIAL = r"[^:=\n]*\b(?:serial(?:[ _-]?(?:number|no))?|uuid|udid)\b[^:=\n]*"
_HOST = r"kern\.(?:hostname|uuid|bootsessionuuid|bootuuid|nisdomainname)[^:=\n]*"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # UUIDs, with NVIDIA's prefix or none; AMD's GPU ids are 16 digits.
    (re.compile(rf"\b{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\b"), "(uuid)"),
    (re.compile(rf"\b(GPU|MIG)-{_HEX}{{8,}}\b"), r"\1-(uuid)"),
    # Lines that say whose number or name they give: cpuinfo's, rocminfo's, sysctl's; then KFD's.
    (re.compile(rf"(?im)^({_SERIAL}[:=])[^\n]*$"), r"\1 (removed)"),
    (re.compile(rf"(?im)^({_HOST}[:=])[^\n]*$"), r"\1 (removed)"),
    (re.compile(r"(?im)^(unique_id)\s+[^\n]*$"), r"\1 0"),
    # MAC addresses, then IPv6 and IPv4 ones.
    (re.compile(rf"(?<![\w:.-])(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}(?![\w:-])"), "(mac)"),
    (re.compile(rf"(?<![\w:.])(?:{_HEX}{{0,4}}:){{3,7}}{_HEX}{{1,4}}(?![\w:])"), "(ip)"),
    (re.compile(rf"(?<![\w.])(?:{_BYTE}\.){{3}}{_BYTE}(?![\w.])"), "(ip)"),
    # Home folders, whoever's they are.
    (re.compile(r"((?:/|\b)home/|/Users/|\b[A-Za-z]:[\\/]Users[\\/])[^/\\\s:;,'\"]+"), r"\1user"),
)
_HARMLESS = frozenset({"root", "user", "localhost", "localdomain", "home", "nobody", "linux", "(none)"})
_SHORTEST = 3


class Scrubber:
    """Replaces private things by words that say what was there.

    Args:
        names: names of this machine and its user, which are taken out wherever they stand as whole words.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        known = {name for name in names if len(name) >= _SHORTEST and name.lower() not in _HARMLESS}
        longest_first = sorted(known, key=lambda name: (-len(name), name))
        self._names = [re.compile(rf"(?i)(?<![\w]){re.escape(name)}(?![\w])") for name in longest_first]

    def text(self, text: str) -> str:
        """The text without UUIDs, serial numbers, MAC and IP addresses, home folders, and the names."""
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        for pattern in self._names:
            text = pattern.sub("(name)", text)
        return text

    def value(self, value: object) -> object:
        """A JSON-able value with every string in it scrubbed."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value


def local_names() -> set[str]:
    """The names of this machine and of whoever runs us."""
    import socket

    host = socket.gethostname()
    names = {host, host.partition(".")[0], Path.home().name}
    names.update(os.environ.get(variable, "") for variable in ("USER", "LOGNAME", "USERNAME", "HOSTNAME"))
    return names
