"""The script that asks one plugin: ``python -I isolated_query.py REFERENCE ANSWER_FILE METHOD``.

It runs in a child process, under the Python of an isolated environment, and imports nothing of ours. The
answer is a file, which nothing that the plugin prints can spoil: ``{"configs": [{"name", "values",
"multi_value"}, ...], "namespace": ..., "all_properties_compatible": ...}`` or ``{"error": "..."}``. What JSON
has no word for is written as ``{"a python": "set"}``, so that the reader can say what was wrong.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import os
import sys
from typing import Any

LIMIT = 1024 * 1024
"""Bytes of an answer; more is not written."""

FEATURES = 1001
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

VALUES = 10_001
"""Of any list no more is looked at: the reader refuses as many."""


def main(reference: str, answer_path: str, method_name: str) -> None:
    """Ask, write, and end at once: the plugin's threads, and what it left for exit, are not waited for."""
    asker = os.getpid()
    try:
        answer = ask(reference, method_name)
    except BaseException as error:  # noqa: BLE001 - foreign code: SystemExit and KeyboardInterrupt count too
        answer = {"error": described(error)}
    if os.getpid() != asker:
        # The plugin forked, and this is the copy; only the process that was asked answers.
        os._exit(0)
    data = json.dumps(answer).encode()
    if len(data) > LIMIT:
        data = json.dumps({"error": f"answered more than {LIMIT:,} bytes"}).encode()
    partial = f"{answer_path}.{asker}"
    with open(partial, "wb") as file:  # pathlib is one import more, in every query
        file.write(data)
    os.replace(partial, answer_path)
    os._exit(0)


def ask(reference: str, method_name: str) -> dict[str, Any]:
    """Import the plugin and call its ``get_supported_configs`` or ``get_all_configs``."""
    plugin = instance(load(reference), method_name)
    method = getattr(plugin, method_name, None)
    if not callable(method):
        return {"error": f"{reference} has no method {method_name}()"}
    configs = method(*(None for _ in range(required_arguments(method))))
    if isinstance(configs, (str, bytes, dict)) or not hasattr(configs, "__iter__"):
        return {"configs": plain(configs)}
    return {
        "configs": [config_object(config) for config in itertools.islice(configs, FEATURES)],
        "namespace": plain(getattr(plugin, "namespace", None)),
        "all_properties_compatible": plain(getattr(plugin, "all_properties_compatible", False)),
    }


def load(reference: str) -> Any:
    """The object of ``module[:attribute[.attribute]]``."""
    module, _, path = (part.strip() for part in reference.partition(":"))
    found = importlib.import_module(module)
    for attribute in filter(None, path.split(".")):
        found = getattr(found, attribute)
    return found


def instance(plugin: Any, method_name: str) -> Any:
    """What to ask: a module or an object itself, a class or one of it, or what a factory makes."""
    if not inspect.isclass(plugin):
        is_factory = callable(plugin) and not hasattr(plugin, method_name)
        return plugin() if is_factory else plugin
    method = inspect.getattr_static(plugin, method_name, None)
    # An ordinary method needs an object; class and static methods do not.
    return plugin if method is None or isinstance(method, (classmethod, staticmethod)) else plugin()


def required_arguments(method: Any) -> int:
    """How many arguments it cannot do without: older plugins want ``known_properties`` or ``context``."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return 0
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        parameter.kind in positional and parameter.default is inspect.Parameter.empty
        for parameter in parameters
    )


def config_object(config: Any) -> Any:
    """A feature config as JSON has it; without ``multi_value`` where the plugin's has none."""
    if isinstance(config, dict):
        return {str(key): plain(value) for key, value in itertools.islice(config.items(), 100)}
    names = [name for name in ("name", "values", "multi_value") if hasattr(config, name)]
    return {name: plain(getattr(config, name)) for name in names} if names else plain(config)


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it: lists and tuples become lists, and what has no order or no word is named."""
    if value is None or isinstance(value, (bool, int, float)):
        return value if not isinstance(value, int) or abs(value) < 1 << 53 else {"a python": "large int"}
    if isinstance(value, str):
        # Of an enumeration whose members are strings, the string.
        return str.__str__(value)
    if isinstance(value, (list, tuple)) and depth == 0:
        return [plain(item, 1) for item in itertools.islice(value, VALUES)]
    return {"a python": type(value).__name__}


def described(error: BaseException) -> str:
    """An exception in a line, even if it cannot be turned into words."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - foreign code
        return name
    return f"{name}: {text[:500]}" if text else name


def supervise() -> None:
    """On Linux: go on in a child, and end whatever that left behind when it is over, in whatever session.

    The parent is what orphans below it fall to (prctl(2), PR_SET_CHILD_SUBREAPER), so that none escapes it by
    ``setsid`` or a double fork. Elsewhere, and where that is not to be had, nothing changes.
    """
    if sys.platform != "linux" or not _become_subreaper():
        return
    import signal

    child = os.fork()
    if child == 0:
        return
    status = 0
    try:
        signal.signal(signal.SIGTERM, _stop)
        ended = 0
        while ended != child:
            ended, status = os.wait()
    except (_Stop, ChildProcessError):
        status = signal.SIGKILL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_children()
    if os.WIFSIGNALED(status):
        # As it ended: a crash is told by its signal. No second core file.
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


class _Stop(Exception):  # noqa: N818 - not an error
    """The time is up."""


def _stop(_number: int, _frame: object) -> None:
    raise _Stop


def _become_subreaper() -> bool:
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def _end_children() -> None:
    """Kill all children, and what falls to us when they are gone, for two seconds at most."""
    import signal
    import time

    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        for pid in _children():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        time.sleep(0.005)


def _children() -> list[int]:
    """The processes whose parent is this one (proc(5), /proc/pid/stat)."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == os.getpid():
            found.append(int(name))
    return found


if __name__ == "__main__":
    supervise()
    main(sys.argv[1], sys.argv[2], sys.argv[3])
