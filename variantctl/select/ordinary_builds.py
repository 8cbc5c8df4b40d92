"""What an ordinary wheel was built for: read from its name, its version and its requirements. Pure.

A wheel without variant metadata still shows what it needs. PyTorch of an ordinary index requires
``nvidia-cudnn-cu13``; a wheel of PyG is ``2.1.2+pt28cu126``; ``cupy-cuda12x`` says it in its name. The two
tables below say which signs count and where each comes from. A sign becomes properties of PEP 825:

==================  ================================================================================
CUDA M.N            ``nvidia :: cuda_version_lower_bound :: M.0``: minor-version compatibility, every
                    CUDA M.x runs on the driver that introduced M (NVIDIA, "CUDA Compatibility")
ROCm M.N            ``amd :: rocm_version :: M.N``
Intel GPUs          ``intel``, without a feature
a release of torch  ``abi_dependency :: torch :: M.N``, where the local version says so
==================  ================================================================================

A namespace without features means that any device of the vendor will do, as far as is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.backends.names import driver_for_cuda
from variantctl.values import dataclass, field
from variantctl.variants.digits import whole_number
from variantctl.variants.properties import ABI_DEPENDENCY, Properties

CPU = "cpu"
"""Stands where a namespace does, for a build that says that it uses no accelerator."""

VENDORS: Mapping[str, str] = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}
"""The namespaces of accelerators -> their vendors."""

Role = Literal["build", "library"]
"""``library``: a vendor's own library, of use only to what needs it; ``build``: anything else."""


@dataclass(frozen=True)
class NameRule:
    """What the name of a distribution shows.

    Attributes:
        pattern: of the whole normalized name; the groups ``cuda`` and ``rocm`` are versions.
        namespace: of the accelerator, or ``cpu``.
        role: what kind of distribution has such a name.
        source: where the rule comes from.
        versioned: the distribution has the version of the toolkit that it is a part of.
        oldest: the first toolkit version of which there are distributions with such a name.
    """

    pattern: str
    namespace: str
    role: Role
    source: str
    versioned: bool = False
    oldest: str | None = None


def _rule(
    pattern: str,
    namespace: str,
    role: Role,
    source: str,
    *,
    versioned: bool = False,
    oldest: str | None = None,
) -> NameRule:
    return NameRule(pattern, namespace, role, source, versioned, oldest)


_NVIDIA = "NVIDIA's packages on PyPI"
_NVIDIA_13 = f"{_NVIDIA}, which have no suffix since CUDA 13"
_AMD = "AMD's ROCm packages for Python (TheRock, RELEASES.md)"
_ONEAPI = "Intel's runtime for SYCL, which PyTorch's builds for Intel GPUs require"

NAME_RULES: tuple[NameRule, ...] = (
    _rule(r"cuda-toolkit", "nvidia", "library", f"{_NVIDIA}: cuda-toolkit", versioned=True),
    _rule(
        r"nvidia-(?:cuda-(?:runtime|nvrtc|cupti|nvcc|cccl)|cublas|nvjitlink|nvtx)",
        "nvidia",
        "library",
        _NVIDIA_13,
        versioned=True,
        oldest="13.0",
    ),
    _rule(
        r"nvidia-(?:cufft|cufile|curand|cusolver|cusparse|npp|nvjpeg|nvfatbin|nvvm)",
        "nvidia",
        "library",
        _NVIDIA_13,
        oldest="13.0",
    ),
    _rule(r"nvidia-.+-cu(?P<cuda>1\d)", "nvidia", "library", f"{_NVIDIA}: the suffix is the CUDA major"),
    _rule(r"cuda-bindings", "nvidia", "library", "cuda-bindings: its version is CUDA's", versioned=True),
    _rule(
        r"jax-cuda(?P<cuda>1\d)-(?:plugin|pjrt)", "nvidia", "build", "JAX's installation page: NVIDIA GPUs"
    ),
    _rule(r"jax-rocm(?P<rocm>\d{1,3})-(?:plugin|pjrt)", "amd", "build", "JAX's installation page: AMD GPUs"),
    _rule(r"cupy-cuda(?P<cuda>\d{2,3})x?", "nvidia", "build", "CuPy's installation page: package names"),
    _rule(r"cupy-rocm-(?P<rocm>\d{1,2}-\d{1,2})", "amd", "build", "CuPy's installation page: package names"),
    _rule(r"onnxruntime(?:-training)?-gpu", "nvidia", "build", "ONNX Runtime's installation page: CUDA"),
    _rule(r"onnxruntime-(?:rocm|migraphx)", "amd", "build", "ONNX Runtime's installation page: AMD"),
    _rule(r"tensorflow-rocm", "amd", "build", "AMD's builds of TensorFlow"),
    _rule(r"tensorflow-gpu|tf-nightly-gpu", "nvidia", "build", "TensorFlow's former name of builds for CUDA"),
    _rule(
        r"(?:tensorflow|tf-nightly|faiss|intel-tensorflow|paddlepaddle)-cpu",
        CPU,
        "build",
        "a name that says cpu",
    ),
    _rule(r"faiss-gpu(?:-cu(?P<cuda>1\d))?", "nvidia", "build", "faiss's wheels: the suffix is CUDA's major"),
    _rule(r"[a-z0-9-]+-cu(?P<cuda>1[1-9])", "nvidia", "build", "RAPIDS' suffix, which others took up: -cu12"),
    _rule(r"(?:pytorch-)?triton-rocm", "amd", "library", "PyTorch's index: Triton for ROCm"),
    _rule(r"rocm|rocm-sdk-(?:core|libraries.*|device.*|devel)", "amd", "library", _AMD, versioned=True),
    _rule(r"(?:pytorch-)?triton-xpu", "intel", "library", "PyTorch's index: Triton for Intel GPUs"),
    _rule(r"intel-sycl-rt|dpcpp-cpp-rt|onemkl-sycl-.+|intel-pti", "intel", "library", _ONEAPI),
)
"""The first that matches counts. What CPUs need, too (``intel-openmp``, ``nvidia-ml-py``), is not here."""

_IN_NAMES = ("-cu1", "cuda", "nvidia", "rocm", "migraphx", "gpu", "cpu", "xpu", "sycl", "dpcpp", "intel-pti")
"""Every name that a rule matches has one of these in it."""
_NAME = re.compile(r"\s*([A-Za-z0-9._-]+)")


@dataclass(frozen=True)
class LocalRule:
    """What a local version shows, such as ``cu12torch2.8cxx11abitrue``.

    Attributes:
        pattern: searched for; its group is the version.
        namespace: of the accelerator, ``cpu``, or ``abi_dependency``.
        source: where such versions are met.
    """

    pattern: str
    namespace: str
    source: str


# A part begins where no letter is before it; in pt28cu126 a number is.
LOCAL_RULES: tuple[LocalRule, ...] = (
    LocalRule(
        r"(?<![a-z])cu(?:da)?\.?(?P<cuda>\d{1,4}(?!\d)(?:\.\d{1,3}(?!\d))?)",
        "nvidia",
        "local versions of PyTorch, PyG, flash-attn, Transformer Engine",
    ),
    LocalRule(
        r"(?<![a-z])rocm(?:sdk)?\.?(?P<rocm>\d{1,8}(?!\d)(?:\.\d{1,3}(?!\d))?)",
        "amd",
        "local versions of PyTorch, TheRock, vLLM",
    ),
    LocalRule(r"(?<![a-z])xpu(?![a-z])", "intel", "local versions of PyTorch"),
    LocalRule(r"(?<![a-z])cpu(?![a-z])", CPU, "local versions of PyTorch, PyG"),
    LocalRule(
        r"(?<![a-z])(?:torch\.?(?P<torch>\d{1,3}\.\d{1,3})(?!\d)|pt(?P<pt>\d{2,3})(?!\d))",
        ABI_DEPENDENCY,
        "local versions of PyG (pt28), flash-attn (torch2.8), Transformer Engine (torch.2.11)",
    ),
)


@dataclass(frozen=True)
class Sign:
    """One thing that shows what a wheel was built for.

    Attributes:
        evidence: where it is seen: ``requires nvidia-cudnn-cu13==9.24.0.43``, ``is version 2.10.0+cu128``.
        namespace: of the accelerator, ``cpu``, or ``abi_dependency``.
        version: of the toolkit (``13``, ``12.8``, ``7.1``) or of torch; ``None`` where it does not show.
        rule: the rule that it follows from.
    """

    evidence: str
    namespace: str
    version: str | None
    rule: str


@dataclass(frozen=True)
class OrdinaryBuild:
    """What an ordinary wheel was built for.

    Attributes:
        accelerator: ``nvidia``, ``amd``, ``intel``, ``cpu`` where it says so; ``None`` where nothing shows.
        version: of CUDA or ROCm, as far as it shows.
        properties: what the machine must offer; a namespace without features: any device of the vendor.
        signs: what that follows from, the one that decides first.
        library: it is a vendor's own library, to be judged with what needs it.
    """

    accelerator: str | None = None
    version: str | None = None
    properties: Properties = field(default_factory=dict)
    signs: tuple[Sign, ...] = ()
    library: bool = False

    @property
    def built_for(self) -> str:
        """``CUDA 13.0``, ``ROCm 7.1``, ``Intel GPUs``, ``CPUs`` or ``""``."""
        return built_for(self.accelerator, self.version)


def built_for(accelerator: str | None, version: str | None = None) -> str:
    """What a build is for, in words: ``CUDA 13.0``, ``AMD GPUs`` where the version is not known."""
    if accelerator is None:
        return ""
    if accelerator == CPU:
        return "CPUs"
    toolkit = {"nvidia": "CUDA", "amd": "ROCm"}.get(accelerator)
    return f"{toolkit} {version}" if toolkit and version else f"{VENDORS.get(accelerator, accelerator)} GPUs"


@lru_cache(maxsize=4096)
def ordinary_build(
    name: str, version: str, requires: tuple[str, ...] = (), optional: tuple[str, ...] = ()
) -> OrdinaryBuild:
    """What a wheel without variant metadata was built for.

    The local version decides, then what is required, then the name.

    Args:
        name: of the project, normalized or not.
        version: with its local part, if any.
        requires: its requirements that apply to the platform; their markers are not looked at, and what
            cannot be read is passed over.
        optional: those of its extras. They show the CUDA of a build whose name says only that it is for CUDA.
    """
    own_name = _of_name(canonicalize_name(name), f"is named {name}")
    local = list(_of_local(version))
    needed = [sign for text in requires for sign in _of_requirement(text)]
    named = [own_name[0]] if own_name else []
    accelerators = [sign for sign in local if sign.namespace != ABI_DEPENDENCY] or needed or named
    if not accelerators:
        return OrdinaryBuild(properties=_abi(local), signs=tuple(local))
    deciding = _most_exact(accelerators)
    if deciding.version is None and deciding.namespace == "nvidia":
        deciding = _by_extras(deciding, optional)
    number = toolkit_version(deciding.namespace, deciding.version)
    others = [sign for sign in (*local, *needed, *named) if sign != deciding]
    return OrdinaryBuild(
        deciding.namespace,
        number,
        {**toolkit_properties(deciding.namespace, number), **_abi(local)},
        (deciding, *others),
        library=own_name is not None and own_name[1] == "library",
    )


def may_tell(name: str) -> bool:
    """Whether a project's normalized name may show what a build that needs it is for; most show nothing."""
    return any(word in name for word in _IN_NAMES)


def cuda_majors(requires: Iterable[str]) -> set[str]:
    """The majors of CUDA that some requirements name."""
    signs = (sign for text in requires for sign in _of_requirement(text) if sign.namespace == "nvidia")
    versions = (toolkit_version("nvidia", sign.version) for sign in signs)
    return {version.partition(".")[0] for version in versions if version}


def optional_requirements(requires_dist: Iterable[str]) -> tuple[str, ...]:
    """Those of a wheel's requirements that only an extra asks for."""
    return tuple(text for text in requires_dist if re.search(r"\bextra\b", text.partition(";")[2]))


def toolkit_properties(namespace: str, version: str | None) -> Properties:
    """The properties that a build for a toolkit needs (the table at the top of this module).

    Args:
        namespace: ``nvidia``, ``amd``, ``intel``, or ``cpu``, which needs nothing.
        version: of CUDA or ROCm: ``12``, ``12.8``, ``7.14``; ``None``: not known.
    """
    if namespace == CPU:
        return {}
    if version is None:
        return {namespace: {}}
    major, _, minor = version.partition(".")
    if namespace == "nvidia" and (len(major) < 2 or major == "10"):
        return {"nvidia": {}}  # older than what drivers are compared by: each of them runs it
    if namespace == "nvidia":
        bound = driver_for_cuda(int(major), whole_number(minor) or 0)
        return {"nvidia": {"cuda_version_lower_bound": (bound,)}}
    if namespace == "amd" and minor:
        return {"amd": {"rocm_version": (version,)}}
    return {namespace: {}}


def toolkit_version(namespace: str, written: str | None) -> str | None:
    """A version as names and local versions write it, with a point: ``126`` is CUDA 12.6, ``700`` ROCm 7.0.

    CUDA's majors have had two figures since 10: ``cu12`` is a major, ``cu92`` a major and a minor.
    """
    if written is None or namespace not in ("nvidia", "amd"):
        return None
    if not (written.isascii() and written.isdigit()):
        return written.replace("-", ".")
    if namespace == "amd":
        # Six and more figures are a date: rocmsdk20250901.
        return (f"{written[0]}.{written[1]}" if len(written) > 1 else written) if len(written) < 6 else None
    if len(written) == 1 or (len(written) == 2 and written[0] == "1"):
        return written
    return f"{written[:2]}.{written[2:]}" if len(written) > 2 else f"{written[0]}.{written[1]}"


def _of_name(name: str, evidence: str, specifier: SpecifierSet | None = None) -> tuple[Sign, Role] | None:
    # Most names have nothing to do with accelerators: patterns are compiled for those that may.
    for rule in NAME_RULES if may_tell(name) else ():
        if (found := re.fullmatch(rule.pattern, name)) is not None:
            groups = found.groupdict()
            version = groups.get("cuda") or groups.get("rocm")
            if version is None and rule.versioned and specifier is not None:
                version = _lowest(specifier)
            return Sign(evidence, rule.namespace, version or rule.oldest, rule.source), rule.role
    return None


def _of_requirement(text: str) -> Iterator[Sign]:
    name = _NAME.match(text)
    if name is None or not may_tell(canonicalize_name(name[1])):
        return
    try:
        requirement = Requirement(text)
    except ValueError:
        return
    evidence = f"requires {text.partition(';')[0].strip()}"
    found = _of_name(canonicalize_name(requirement.name), evidence, requirement.specifier)
    if found is not None:
        yield found[0]
    elif requirement.name.startswith("nvidia"):
        for extra in sorted(requirement.extras):
            if re.fullmatch(r"cu1\d", extra):
                yield Sign(evidence, "nvidia", extra[2:], f"{_NVIDIA}: the extra is the CUDA major")


def _of_local(version: str) -> Iterator[Sign]:
    try:
        local = Version(version).local
    except ValueError:
        return
    if local is None:
        return
    for rule in LOCAL_RULES:
        if (found := re.search(rule.pattern, local)) is not None:
            yield Sign(f"is version {version}", rule.namespace, _version_of(rule, found), rule.source)


def _version_of(rule: LocalRule, found: re.Match[str]) -> str | None:
    groups = found.groupdict()
    if rule.namespace == ABI_DEPENDENCY:
        digits = groups["pt"]
        return groups["torch"] or f"{digits[0]}.{digits[1:]}"
    written = groups.get("cuda") or groups.get("rocm")
    # cu128.2 and cu.13.0: only after a bare major the next number is the minor.
    if written and "." in written and len(written.partition(".")[0]) > 2:
        return written.partition(".")[0]
    return written


_LEADING = r"\d{1,4}(?!\d)(?:\.\d{1,4}(?!\d))?"


def _lowest(specifier: SpecifierSet) -> str | None:
    """``M.N`` of the lowest version that a specifier names: of ``==13.0.*``, ``~=13.0``, ``>=13.0.3,<14``."""
    for item in sorted(specifier, key=lambda item: item.operator):
        if item.operator in ("==", "~=", ">=", "===") and (found := re.match(_LEADING, item.version)):
            return found[0]
    return None


def _most_exact(signs: Sequence[Sign]) -> Sign:
    """The sign with the highest and most exact version; of equal ones the first."""
    return max(signs, key=lambda sign: _rank(toolkit_version(sign.namespace, sign.version)))


def _rank(version: str | None) -> tuple[int, ...]:
    return (
        tuple(map(int, version.split(".")))
        if version and re.fullmatch(r"\d{1,8}(\.\d{1,8})*", version)
        else ()
    )


def _by_extras(sign: Sign, optional: Iterable[str]) -> Sign:
    """The same with the CUDA of the extras, where they are all of one major."""
    found = [other for text in optional for other in _of_requirement(text) if other.namespace == "nvidia"]
    majors = {(toolkit_version("nvidia", other.version) or "").partition(".")[0] for other in found}
    if len(majors) != 1:
        return sign
    exact = _most_exact(found)
    return Sign(f"{sign.evidence}, and with an extra {exact.evidence}", "nvidia", exact.version, exact.rule)


def _abi(local: Iterable[Sign]) -> Properties:
    versions = tuple(sign.version for sign in local if sign.namespace == ABI_DEPENDENCY and sign.version)
    return {ABI_DEPENDENCY: {"torch": versions}} if versions else {}
