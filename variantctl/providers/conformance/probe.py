"""The script that watches one plugin: ``python -s -B probe.py REFERENCE ANSWER_FILE METHOD QUERY_SCRIPT``.

It runs in a child process under the Python that the plugin is installed in, and imports nothing of ours but
the file ``QUERY_SCRIPT`` (``isolated_query.py``), which knows how installers call plugins. Unlike that, it
tells what the plugin did, and judges nothing. The answer file is written anew after each stage, so that a
crash leaves what was seen before it::

    {"stage": "import" | "call" | "done", "import_ms": ..., "modules": ..., "attributes": {...},
     "missing": [...], "wants": ..., "ordinary": ..., "calls": [CALL, ...], "events": [[what, detail], ...],
     "left": ..., "error": "..."}
    CALL = {"elapsed_ms": ..., "returned": TYPE, "configs": [CONFIG, ...]}, or with "error" instead of those
    CONFIG = {"type": TYPE, "has": [NAME, ...], "name": ..., "values_type": TYPE, "values": [...],
              "multi_value": ...}
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import json
import os
import sys
import time
from typing import Any

OUTPUT_LIMIT = 16 * 1024 * 1024
"""The most bytes of a file, standard output included, that the plugin may write."""

ATTRIBUTES = ("namespace", "all_properties_compatible", "is_aot_plugin")
METHODS = ("get_all_configs", "get_supported_configs")
CALLS = 2
MOST_EVENTS = 50


def main(reference: str, answer_path: str, method: str, query_path: str) -> None:
    """Import, look at the attributes, and call the method twice."""
    query = _load_file(query_path)
    asker = os.getpid()
    query.supervise()
    _limit_output()
    seen: dict[str, Any] = {"stage": "import", "calls": [], "events": []}
    watching = [True]
    _watch(seen["events"], watching, os.path.dirname(answer_path))
    before = set(sys.modules)
    _write(answer_path, seen)
    start = time.perf_counter()
    plugin = None
    try:
        plugin = query.load(reference)
    except BaseException as error:  # noqa: BLE001 - foreign code: SystemExit and KeyboardInterrupt count too
        seen["error"] = query.described(error)
    seen["import_ms"] = _since(start)
    seen["modules"] = len(set(sys.modules) - before)
    if "error" not in seen:
        seen["stage"] = "call"
        _look(seen, plugin, method, query)
        _write(answer_path, seen)
        for _ in range(CALLS):
            seen["calls"].append(_call(plugin, method, query))
    watching[0] = False
    seen["stage"] = "done"
    seen["left"] = _left_behind(asker)
    _write(answer_path, seen)


def _look(seen: dict[str, Any], plugin: Any, method: str, query: Any) -> None:
    attributes = {}
    for name in ATTRIBUTES:
        try:
            if hasattr(plugin, name):
                attributes[name] = query.plain(getattr(plugin, name))
        except Exception as error:  # noqa: BLE001 - foreign code
            attributes[name] = {"a python": query.described(error)}
    seen["attributes"] = attributes
    seen["missing"] = [name for name in METHODS if not callable(getattr(plugin, name, None))]
    found = getattr(plugin, method, None)
    seen["wants"] = query.required_arguments(found) if callable(found) else 0
    static = inspect.getattr_static(plugin, method, None) if inspect.isclass(plugin) else None
    seen["ordinary"] = inspect.isfunction(static)


def _call(plugin: Any, method: str, query: Any) -> dict[str, Any]:
    """Call as installers do, who help a plugin that asks for more than the PEP gives it."""
    start = time.perf_counter()
    try:
        function = getattr(query.instance(plugin, method), method, None)
        if not callable(function):
            return {"elapsed_ms": _since(start), "error": f"there is no method {method}()"}
        returned = function(*(None for _ in range(query.required_arguments(function))))
        called: dict[str, Any] = {"returned": type(returned).__name__, "configs": []}
        if not isinstance(returned, (str, bytes, dict)) and hasattr(returned, "__iter__"):
            few = itertools.islice(returned, query.FEATURES)
            called["configs"] = [_config(config, query) for config in few]
    except BaseException as error:  # noqa: BLE001 - foreign code
        return {"elapsed_ms": _since(start), "error": query.described(error)}
    return {"elapsed_ms": _since(start), **called}


def _config(config: Any, query: Any) -> dict[str, Any]:
    names = ("name", "values", "multi_value")
    is_mapping = isinstance(config, dict)
    has = [name for name in names if (name in config if is_mapping else hasattr(config, name))]
    seen: dict[str, Any] = {"type": type(config).__name__, "mapping": is_mapping, "has": has}
    for name in has:
        value = config[name] if is_mapping else getattr(config, name)
        if name == "values":
            seen["values_type"] = type(value).__name__
            if isinstance(value, (list, tuple, set, frozenset)):
                value = [query.plain(item) for item in itertools.islice(value, query.VALUES)]
            else:
                value = []
            seen["values"] = value
        else:
            seen[name] = query.plain(value)
    return seen


def _watch(events: list[list[str]], watching: list[bool], own_folder: str) -> None:
    """Note what leaves the process: connections, and files that are written."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching[0] or len(events) >= MOST_EVENTS:
            return
        told = None
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            told = ["network", f"{arguments[1][0]} port {arguments[1][1]}"]
        elif event == "socket.getaddrinfo":
            told = ["network", f"the name {arguments[0]!s}"]
        elif event == "open" and _writes(arguments):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if not path.startswith((own_folder, os.devnull, "/dev/", "/proc/")):
                told = ["write", path]
        if told is not None and told not in events:
            events.append(told)

    sys.addaudithook(hook)


def _writes(arguments: tuple[Any, ...]) -> bool:
    path, mode, flags = (*arguments, None, None, None)[:3]
    if not isinstance(path, (str, bytes)):
        return False
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _left_behind(asker: int) -> int:
    """The processes that still run: children, and orphans of theirs, which fall to our supervisor."""
    if not os.path.isdir("/proc/self"):
        return 0
    parents = {os.getpid()} | ({os.getppid()} if os.getppid() == asker else set())
    count = 0
    for name in os.listdir("/proc"):
        if not (name.isascii() and name.isdigit()) or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        count += fields[0] != b"Z" and int(fields[1]) in parents
    return count


def _limit_output() -> None:
    try:
        import resource
    except ImportError:
        return
    _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = OUTPUT_LIMIT if hard == resource.RLIM_INFINITY else min(OUTPUT_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))


def _load_file(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("variantctl_isolated_query", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _write(path: str, seen: dict[str, Any]) -> None:
    # The plugin may have forked, and this may be the copy: each has a file of its own until it is whole.
    partial = f"{path}.{os.getpid()}"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(seen, file)
    os.replace(partial, path)


def _since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 1)


if __name__ == "__main__":
    # The folder of this script is no place to import from: its modules have names that plugins may have.
    del sys.path[0]
    main(*sys.argv[1:5])
