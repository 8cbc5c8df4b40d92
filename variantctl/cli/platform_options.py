"""``--platform``, ``--python-version``, ``--implementation``, ``--abi``: a machine without a name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from variantctl.target.platforms import Platform


def add_platform_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them; pip has them for `install --target` and `download`."""
    group = parser.add_argument_group(
        "another platform",
        "with --platform nothing is detected: accelerators are those of --profile, or none",
    )
    several: dict[str, Any] = {"action": "append", "default": []}
    group.add_argument(
        "--platform",
        metavar="TAG",
        help="choose for this platform: manylinux_2_28_x86_64, win_amd64, ...",
        **several,
    )
    group.add_argument(
        "--python-platform", dest="platform", type=_of_uv, metavar="NAME", action="append",
        help="the same by uv's names: linux, macos, windows, aarch64-unknown-linux-gnu, ...",
    )  # fmt: skip
    group.add_argument(
        "--python-version", metavar="VERSION", help="choose for this Python: 3.12, 3.12.4 or 312"
    )
    group.add_argument(
        "--implementation",
        choices=("cp", "pp", "py"),
        help="choose for CPython, PyPy, or for any Python (py)",
    )
    group.add_argument(
        "--abi", metavar="TAG", help="choose wheels with this ABI: cp312, abi3, none", **several
    )


def is_platform_named(args: argparse.Namespace) -> bool:
    """Whether any of them is given."""
    return bool(args.platform or args.python_version or args.implementation or args.abi)


def platform_named(args: argparse.Namespace, base: Platform | None) -> Platform:
    """The platform that they describe; what they leave open is that of *base*, else this interpreter's.

    Raises:
        UnknownPlatformError: one of them names nothing known.
    """
    from variantctl.target.named_platform import named_platform

    return named_platform(args.platform, args.python_version, args.implementation, args.abi, base)


def described(args: argparse.Namespace) -> str:
    """The words that they are, for messages."""
    words = [*args.platform, *([f"Python {args.python_version}"] if args.python_version else [])]
    words += [args.implementation] if args.implementation else []
    return ", ".join([*words, *args.abi])


def _of_uv(text: str) -> str:
    from variantctl.target.named_platform import tag_of_uvs
    from variantctl.target.platforms import UnknownPlatformError

    try:
        return tag_of_uvs(text)
    except UnknownPlatformError as error:
        raise argparse.ArgumentTypeError(f"{error.message}. {error.hint}") from None
