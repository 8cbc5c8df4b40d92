"""Real packages from PyPI, installed, upgraded, removed and taken turns with: one member is left, or none.

``python -m tests.families.for_real [FOLDER]`` needs a network, half an hour at most, and 3 GB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

NEEDS_ONNXRUNTIME = ("rembg[gpu]", "fastembed")
"""One needs ``onnxruntime-gpu``, and the other ``onnxruntime``."""
_NAMES = tuple(text.partition("[")[0] for text in NEEDS_ONNXRUNTIME)

_IMPORT = "import onnxruntime; print(onnxruntime.__version__, *sorted(onnxruntime.get_available_providers()))"


class Place:
    """An environment and the tools that change it; pip is of the tests' own interpreter.

    Args:
        root: an empty folder.
        profile: the machine that is installed for; ``None``: this one.
    """

    def __init__(self, root: Path, profile: str | None) -> None:
        self.root = root
        self.for_machine = ("--profile", profile) if profile is not None else ()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "env"], check=True)
        self.python = root / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, *command: object, fails: bool = False) -> str:
        """What a command prints; it has to end as is expected of it."""
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        print("  $", " ".join(Path(word).name if "/" in word else word for word in words[2:]), flush=True)
        if (done.returncode != 0) != fails:
            raise SystemExit(f"{done.stdout}{done.stderr}\nended with {done.returncode}")
        return done.stdout + done.stderr

    def variantctl(self, command: str, *words: str) -> str:
        machine = self.for_machine if command in ("install", "doctor") else ()
        return self.run(sys.executable, "-m", "variantctl", command, "-p", self.python, *machine, *words)

    def pip(self, *words: str) -> str:
        return self.run(sys.executable, "-m", "pip", "--python", self.python, *words)

    def uv(self, command: str, *words: str) -> str:
        # uv reads no pip.conf: the same index as pip's is named in the environment that this runs in.
        return self.run(sys.executable, "-m", "uv", "pip", command, "-p", self.python, *words)

    def members(self) -> dict[str, str]:
        """Each distribution of ONNX Runtime -> its version, of those that bring files."""
        listed = json.loads(self.variantctl("list", "--json"))["packages"]
        return {
            each["name"]: each["version"]
            for each in listed
            if each["name"].startswith("onnxruntime") and "stands_in_by" not in each
        }

    def is_right(self, *expected: str) -> None:
        """Whether these members are there, import works, and every tool is content."""
        assert tuple(self.members()) == expected, (self.members(), expected)
        self.pip("check")
        self.uv("check")
        if expected:
            print("   ", self.run(self.python, "-c", _IMPORT).strip().splitlines()[-1])
            found = json.loads(self.variantctl("doctor", "--json"))["findings"]
            assert not [each for each in found if each["severity"] == "error"], found


def through_its_life(root: Path, profile: str | None, member: str) -> None:
    """Everything that may happen to a member, in one environment."""
    place = Place(root, profile)
    place.variantctl("install", "onnxruntime<1.25", *NEEDS_ONNXRUNTIME)
    place.is_right(member)
    before = place.members()[member]
    place.variantctl("install", "-U", "onnxruntime")
    place.is_right(member)
    assert place.members()[member] != before
    for tool in ("pip", "uv"):
        # The other tool puts the build for CPUs over it.
        force = ("--force-reinstall", "-q") if tool == "pip" else ("--reinstall-package", "onnxruntime", "-q")
        install = place.pip if tool == "pip" else place.uv
        install("install", *force, "--no-deps", "onnxruntime")
        place.variantctl("install", *NEEDS_ONNXRUNTIME)
        place.is_right(member)
    place.pip("uninstall", "-y", "-q", *_NAMES, member)
    place.is_right()
    place.variantctl("install", *NEEDS_ONNXRUNTIME)
    place.is_right(member)
    place.variantctl("uninstall", "-y", *_NAMES, "onnxruntime")
    place.is_right()


def as_a_target(root: Path, profile: str, member: str) -> None:
    """A folder for another machine, as for an image."""
    target = root / "target"
    place = Place(root, profile)
    command: Sequence[object] = (sys.executable, "-m", "variantctl", "install", "--profile", profile)
    place.run(*command, "--target", target, *NEEDS_ONNXRUNTIME, "insightface")
    names = {path.name.partition("-")[0] for path in target.glob("onnxruntime*.dist-info")}
    # One of the two is the member, and the other says what stands in for it.
    assert names == {"onnxruntime", member.replace("-", "_")}, names
    stand_in = next(target.glob("onnxruntime-*.dist-info"))
    assert member in (stand_in / "METADATA").read_text()
    code = f"import sys; sys.path.insert(0, {str(target)!r}); {_IMPORT}"
    print("   ", place.run(place.python, "-c", code).strip().splitlines()[-1])


def main() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        for number, (profile, member) in enumerate(
            (("h100", "onnxruntime-gpu"), ("x86-64-v3", "onnxruntime"))
        ):
            print(f"{profile}: {member}", flush=True)
            (Path(folder) / str(number)).mkdir()
            through_its_life(Path(folder) / str(number), profile, member)
        print("h100, --target", flush=True)
        (Path(folder) / "image").mkdir()
        as_a_target(Path(folder) / "image", "h100", "onnxruntime-gpu")
    print("All as it should be.")


if __name__ == "__main__":
    main()
