"""Installations that were resolved before for an environment like this one: done again without resolving.

``install`` leaves a note in the cache of the wheels that it installed, where nothing but index pages,
configuration and the environment's interpreter and packages decided them. The same command line, for this
environment or for another one, then needs no parser and no resolver, as long as the pages are fresh and all
of that is the same.

Only what goes well is done here. A wheel that is not in the store any more, a file in the way, another
installation under way: all such is left to the whole command, which begins anew and says what it must.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import nullcontext

from variantctl.cache.buckets import REPEATED
from variantctl.cli import notes
from variantctl.filesystem.file_state import TICK_NS, changed_at, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from variantctl.cache.progress import ProgressEvent
    from variantctl.cache.unchanged import LookAhead
    from variantctl.indexes.finder import Grounds
    from variantctl.resolve.plan import Plan
    from variantctl.target.environment import Environment

_PYTHON = ("-p", "--python")
#: Which environment a shell has activated; what matters of it is in a note's ``situation``.
_ENVIRONMENT = frozenset({"VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"})
_PACKAGE = (".dist-info", ".egg-info", ".egg-link")
#: What of an installed package may have a say in what is installed beside it.
_READ = ("METADATA", "variant.json", "direct_url.json", "REQUESTED")
#: More packages are not read: to resolve is as fast then.
_MOST_PACKAGES = 8
_KINDS = ("virtual", "conda", "system")


class Recipe:
    """What decides which wheels an environment gets, as it is now.

    Make it before any of that is read: what changes afterwards is then noticed.
    """

    def __init__(self, environment: Environment) -> None:
        from pathlib import Path

        from variantctl.config.file import configuration_file
        from variantctl.config.pip import config_files

        files = [configuration_file(os.environ), *config_files(os.environ, Path(sys.prefix), sys.platform)]
        paths = [*notes.ourselves(), *(str(path) for path in files if path is not None)]
        self._situation = _situation(environment)
        self._states = {path: state(path) for path in paths}
        self._before = time.time_ns()

    def remember(self, args: argparse.Namespace, plan: Plan, grounds: Grounds | None, cache: Path) -> None:
        """Keep what was installed, if that is all that decided it and can be had without the network.

        Args:
            args: the command line.
            plan: what was installed.
            grounds: what its sources rest on.
            cache: the folder of caches, which the wheels are in.
        """
        from variantctl.cache.unpacked import UnpackedStore
        from variantctl.cli.summary import rows_of

        place = _place(args.arguments)
        by_hash = all(planned.hashes.get("sha256") and not planned.direct_url for planned in plan.install)
        understood = args.python == notes.value_of(args.arguments, *_PYTHON)
        if place is None or self._situation is None or grounds is None:
            return
        if not by_hash or not understood or plan.remove or args.target or args.prefix or args.user:
            return
        states = {**self._states, **grounds.files}
        if any(changed_at(each) > self._before - TICK_NS for each in states.values()):
            return
        store = UnpackedStore(cache / "install")
        note = {
            "format": 1,
            "situation": self._situation,
            # Pages are never written in place, so that young ones can be relied on.
            "states": states | {path: then for path, (then, _) in grounds.pages.items()},
            "fresh_until": min((until for _, until in grounds.pages.values()), default=None),
            "link_mode": args.link_mode,
            "compile_bytecode": args.compile_bytecode,
            "strict": args.strict,
            "overwrite": args.overwrite,
            "quiet": "quiet" in args,
            "wheels": [
                (each.filename, each.hashes["sha256"].lower(), each.requested) for each in plan.install
            ],
            "slots": [str(store.slot(each.filename, each.hashes["sha256"].lower())) for each in plan.install],
            "rows": rows_of(plan),
        }
        notes.write(place, json.dumps(note))


def repeat(arguments: Sequence[str]) -> str | None:
    """Install what the same command line installed before.

    Returns:
        What there is to say; None where the whole command has to do it.
    """
    started = time.perf_counter()
    note = _read(arguments)
    if note is None:
        return None
    from variantctl.variants.errors import VariantctlError

    try:
        return _install(note, arguments, started)
    except (VariantctlError, OSError):
        # Nothing was changed, and the whole command will find the same, and say it.
        return None


def _read(arguments: Sequence[str]) -> dict[str, Any] | None:
    """The note of a command line, if everything but the environment is as it was."""
    place = _place(arguments)
    text = notes.read(place) if place is not None else None
    try:
        note: dict[str, Any] = json.loads(text or "{}")
        until = note["fresh_until"]
        fresh = note["format"] == 1 and (until is None or time.time() < until)
        return note if fresh and all(state(path) == then for path, then in note["states"].items()) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _install(note: Mapping[str, Any], arguments: Sequence[str], started: float) -> str | None:
    from variantctl.cache.unchanged import look_ahead

    # Before anything else: it goes on while the rest is imported.
    ahead = look_ahead(note["slots"])
    with ahead or nullcontext():
        return _install_stored(note, arguments, started, ahead)


def _install_stored(
    note: Mapping[str, Any], arguments: Sequence[str], started: float, ahead: LookAhead | None
) -> str | None:
    from pathlib import Path

    from variantctl.cache.folder import Cache
    from variantctl.cli import summary
    from variantctl.filesystem.links import LinkMode
    from variantctl.install.apply import Options, apply_plan
    from variantctl.install.stored import StoredPlan, StoredWheel, not_stored
    from variantctl.target.environment import find_environment

    # The interpreter's facts are in the cache that no option names.
    facts = Path(notes.cache_folder((), os.environ) or "").absolute()
    environment = find_environment(notes.value_of(arguments, *_PYTHON), cache=facts)
    if _situation(environment) != note["situation"]:
        return None
    cache = Cache(Path(notes.cache_folder(arguments, os.environ) or "").absolute())
    plan = StoredPlan(tuple(StoredWheel(*wheel) for wheel in note["wheels"]))
    options = Options(
        cache=cache.root / "install",
        link_mode=LinkMode(note["link_mode"]),
        compile_bytecode=note["compile_bytecode"],
        strict=note.get("strict", False),
        overwrite=note.get("overwrite", False),
        ahead=ahead,
        progress=_show,
    )
    with cache.in_use():
        outcome = apply_plan(plan, environment, not_stored, options)
    if note["quiet"]:
        return ""
    for said in outcome.warnings:
        from variantctl.cli import render

        render.warning(said)
    for said in outcome.notes:
        from variantctl.cli import render

        render.note(said)
    return summary.of_rows(note["rows"], environment.prefix, seconds=time.perf_counter() - started)


def _show(event: ProgressEvent) -> None:
    if event.stage == "wait":
        from variantctl.cli.recovery import say_waiting

        say_waiting(event)


def _situation(environment: Environment) -> str | None:
    """What matters of an environment, as a digest; None where that is too much, or amid a change."""
    packages = list(_packages(environment))
    if environment.kind not in _KINDS or len(packages) > _MOST_PACKAGES:
        return None
    if any(os.path.lexists(f"{folder}{os.sep}.variantctl") for folder in environment.site_packages):
        return None
    parts = [environment.kind, environment.implementation, str(environment.version)]
    parts += environment.tag_names
    parts += (f"{name}={value}" for name, value in sorted(environment.markers.items()))
    for folder in packages:
        parts += (os.path.basename(folder), *(_content(f"{folder}{os.sep}{name}") for name in _READ))  # noqa: PTH119
    return notes.digest(parts)


def _packages(environment: Environment) -> Iterator[str]:
    """The folders (files, of old) that say what is installed."""
    for folder in environment.site_packages:
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208
        except OSError:
            continue
        yield from (f"{folder}{os.sep}{name}" for name in names if name.endswith(_PACKAGE))


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return f"+{file.read()}"
    except OSError:
        return "-"


def _place(arguments: Sequence[str]) -> str | None:
    """Where the note of a command line lies, whichever environment it is for; None: there is to be none."""
    root = notes.cache_folder(arguments, os.environ)
    if root is None or "--" in arguments:
        return None
    environ = {name: value for name, value in os.environ.items() if name not in _ENVIRONMENT}
    if active := os.environ.get("VIRTUAL_ENV"):
        folders = environ.get("PATH", "").split(os.pathsep)
        environ["PATH"] = os.pathsep.join(folder for folder in folders if not folder.startswith(active))
    name = notes.request(notes.without(arguments, *_PYTHON), environ)
    return f"{root}{os.sep}{REPEATED}{os.sep}{name}" if name is not None else None
