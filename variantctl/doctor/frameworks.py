"""What installed frameworks say of themselves in their own files; nothing of theirs is run.

Whoever built or repackaged one (PyTorch, conda, a distribution), it keeps this: its own code reads it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from packaging.utils import NormalizedName

from variantctl.select.ordinary_builds import CPU, OrdinaryBuild, Sign, toolkit_properties

_MOST_BYTES = 100_000


def build_from_files(name: NormalizedName, site: Path) -> OrdinaryBuild | None:
    """What a framework's own files say that it was built for; ``None`` where it has none that is known.

    Args:
        name: of the distribution.
        site: the folder that it was installed into.
    """
    known = _READERS.get(name)
    if known is None:
        return None
    module, path, read = known
    try:
        text = (site / module / path).read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
    except OSError:
        return None
    found = read(text)
    if found is None:
        return None
    accelerator, version, says = found
    exact = version if accelerator in ("nvidia", "amd") else None
    sign = Sign(f"{module}/{path} says {says}", accelerator, exact, f"what {module} says of itself")
    return OrdinaryBuild(accelerator, exact, toolkit_properties(accelerator, exact), (sign,))


_Said = tuple[str, str | None, str] | None
"""The namespace (or ``cpu``), the version of the toolkit, and the words that say it."""


def _torch(text: str) -> _Said:
    """torch/version.py, which tools/generate_torch_version.py writes: versions, or None."""
    values = _assigned(text)
    if not {"cuda", "hip"} <= values.keys():
        return None
    for variable, namespace in (("cuda", "nvidia"), ("hip", "amd"), ("xpu", "intel")):
        written = values.get(variable)
        if isinstance(written, str) and written:
            return namespace, _major_minor(written), f"{variable} = {written!r}"
    return CPU, None, "cuda = None, hip = None"


def _onnxruntime(text: str) -> _Said:
    """onnxruntime/capi/build_and_package_info.py, which setup.py writes."""
    values = _assigned(text)
    package = values.get("package_name")
    if not isinstance(package, str):
        return None
    for variable, namespace in (("cuda_version", "nvidia"), ("rocm_version", "amd")):
        written = values.get(variable)
        if isinstance(written, str) and written:
            return namespace, _major_minor(written), f"{variable} = {written!r}"
    return (CPU, None, f"package_name = {package!r}") if package == "onnxruntime" else None


def _tensorflow(text: str) -> _Said:
    """tensorflow/python/platform/build_info.py, which gen_build_info.py writes: pairs in a dictionary."""
    pairs = dict(re.findall(r"""["'](\w+)["']\s*[:,]\s*["']?([\w.]+)["']?""", text))
    if pairs.get("is_cuda_build") == "True":
        return "nvidia", _major_minor(pairs.get("cuda_version", "")), "is_cuda_build: True"
    if pairs.get("is_rocm_build") == "True":
        return "amd", _major_minor(pairs.get("rocm_version", "")), "is_rocm_build: True"
    return (CPU, None, "is_cuda_build: False") if "is_cuda_build" in pairs else None


def _assigned(text: str) -> dict[str, object]:
    """The constants that a module's top level assigns to names; nothing of it is run."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, object] = {}
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets: list[ast.expr] = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        if isinstance(statement.value, ast.Constant):
            found.update({item.id: statement.value.value for item in targets if isinstance(item, ast.Name)})
    return found


def _major_minor(written: str) -> str | None:
    found = re.match(r"(\d+)(?:\.(\d+))?", written)
    return ".".join(part for part in found.groups() if part) if found else None


_ORT = ("onnxruntime", "capi/build_and_package_info.py", _onnxruntime)
_TF = ("tensorflow", "python/platform/build_info.py", _tensorflow)
_READERS: Mapping[str, tuple[str, str, Callable[[str], _Said]]] = {
    "torch": ("torch", "version.py", _torch),
    **dict.fromkeys(("onnxruntime", "onnxruntime-gpu", "onnxruntime-rocm", "onnxruntime-migraphx"), _ORT),
    **dict.fromkeys(("tensorflow", "tensorflow-cpu", "tensorflow-rocm", "intel-tensorflow"), _TF),
}
"""Distribution -> import name, the file below it, and what reads it."""
