"""AMD's tools, for where KFD's topology cannot be seen: ``rocm_agent_enumerator``, ``rocminfo``, ``amd-smi``.

Source: the tools' own sources (ROCm/rocm-systems ``projects/rocminfo``, ROCm/amdsmi ``amdsmi_cli``).
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from variant_providers.amd.rocm import ROCM_PATH
from variant_providers.probing.child import ask_command, time_limit
from variant_providers.probing.text import printable

_MOST_GPUS = 256
_SMALLEST_LIMIT_S = 0.1
# The processor is gfx000 to the enumerator; features such as ":xnack-" are not part of a target's name.
_ARCH = re.compile(r"gfx(?!0+\b)[0-9a-f]{3,6}(?![0-9a-z-])")
_FIELD = re.compile(r"\s+([A-Za-z][A-Za-z ._]{0,40}):\s*(.*)")
_SMI_FIELD = re.compile(r"\s*(MARKET_NAME|TARGET_GRAPHICS_VERSION)\s*:\s*(.*)")


@dataclass(frozen=True)
class ToolGpu:
    """A GPU as a tool names it: its target, and its name where the tool says one."""

    arch: str
    name: str = ""


@dataclass(frozen=True)
class ToolAnswer:
    """What the tools said.

    Attributes:
        tool: the tool that answered, ``""`` when none did.
        gpus: every GPU it named, in its order.
        overridden: whether it takes ``HSA_OVERRIDE_GFX_VERSION`` into account itself.
        filtered: whether it takes ``ROCR_VISIBLE_DEVICES`` into account itself.
        troubles: what went wrong with which tool, in words.
    """

    tool: str = ""
    gpus: tuple[ToolGpu, ...] = ()
    overridden: bool = False
    filtered: bool = False
    troubles: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Tool:
    name: str
    arguments: tuple[str, ...]
    parse: Callable[[str], list[ToolGpu]]
    overridden: bool
    filtered: bool


def ask_tools(environ: Mapping[str, str], also: Mapping[str, str] | None = None) -> ToolAnswer:
    """Ask one tool after the other until one names a GPU; all of them together have one time limit.

    Args:
        environ: the environment, for where the tools are.
        also: variables that the tools are given besides.
    """
    end = time.monotonic() + time_limit()
    troubles: list[str] = []
    for tool in _TOOLS:
        path = _find(tool.name, environ)
        if path is None:
            continue
        left = end - time.monotonic()
        if left < _SMALLEST_LIMIT_S:
            troubles.append(f"{tool.name} was not asked: the tools before it took all the time")
            continue
        answer = ask_command([path, *tool.arguments], round(left, 2), also)
        if answer.trouble is not None:
            troubles.append(f"{tool.name} {answer.trouble}")
        gpus = tool.parse("\n".join(answer.lines))
        if gpus:
            return ToolAnswer(tool.name, tuple(gpus[:_MOST_GPUS]), tool.overridden, tool.filtered, troubles)
        if answer.trouble is None:
            troubles.append(f"{tool.name} names no GPU")
    return ToolAnswer(troubles=troubles)


def parse_agent_enumerator(text: str) -> list[ToolGpu]:
    """One target a line; ``gfx000`` is the processor."""
    return [ToolGpu(line.strip()) for line in text.splitlines() if _ARCH.fullmatch(line.strip())]


def parse_rocminfo(text: str) -> list[ToolGpu]:
    """Blocks that begin with ``Agent N``, of lines ``Name: value``; only GPUs' ``Name`` is a target."""
    gpus = []
    for block in re.split(r"(?m)^Agent [0-9]+\s*$", text)[1:]:
        fields: dict[str, str] = {}
        for line in block.splitlines():
            found = _FIELD.match(line)
            if found is not None:
                # The same names come again, further in, for caches and instruction sets.
                fields.setdefault(found[1], found[2].strip())
        arch = fields.get("Name", "")
        if _ARCH.fullmatch(arch) and fields.get("Device Type", "GPU") == "GPU":
            gpus.append(ToolGpu(arch, _named(fields.get("Marketing Name", ""))))
    return gpus


def parse_amd_smi(text: str) -> list[ToolGpu]:
    """``amd-smi static --asic --json``, or the same as text (which older versions print with it)."""
    start = min((at for at in (text.find("["), text.find("{")) if at >= 0), default=-1)
    if start >= 0:
        try:
            said, _end = json.JSONDecoder().raw_decode(text[start:])
        except (ValueError, RecursionError):
            return []
        # Newer versions wrap the list: {"gpu_data": [...]}.
        listed = said.get("gpu_data") if isinstance(said, dict) else said
        return [gpu for gpu in map(_smi_gpu, listed if isinstance(listed, list) else []) if gpu is not None]
    gpus: list[ToolGpu] = []
    name = ""
    for line in text.splitlines():
        found = _SMI_FIELD.fullmatch(line)
        if found is None:
            continue
        value = found[2].strip()
        if found[1] == "MARKET_NAME":
            name = _named(value)
        elif _ARCH.fullmatch(value):
            gpus.append(ToolGpu(value, name))
            name = ""
    return gpus


def _smi_gpu(said: object) -> ToolGpu | None:
    asic = said.get("asic") if isinstance(said, dict) else None
    if not isinstance(asic, dict):
        return None
    arch, name = asic.get("target_graphics_version"), asic.get("market_name")
    if not isinstance(arch, str) or not _ARCH.fullmatch(arch):
        return None
    return ToolGpu(arch, _named(name) if isinstance(name, str) else "")


def _find(name: str, environ: Mapping[str, str]) -> str | None:
    """The tool on PATH, else in ROCm's folders."""
    found = shutil.which(name, path=environ.get("PATH"))
    if found is not None:
        return found
    named = environ.get(ROCM_PATH, "")
    folders = [Path(named)] if named else []
    folders += [Path("/opt/rocm"), *sorted(Path("/opt").glob("rocm-*"), reverse=True)]
    path = ":".join(str(folder / "bin") for folder in folders)
    return shutil.which(name, path=path)


def _named(text: str) -> str:
    name = printable(text)
    return "" if name == "N/A" else name


_TOOLS = (
    _Tool("rocm_agent_enumerator", (), parse_agent_enumerator, overridden=True, filtered=False),
    _Tool("rocminfo", (), parse_rocminfo, overridden=True, filtered=True),
    _Tool("amd-smi", ("static", "--asic", "--json"), parse_amd_smi, overridden=False, filtered=False),
)
