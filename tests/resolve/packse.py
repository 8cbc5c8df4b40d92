"""The scenarios of packse (fixtures/packse), as indexes on loopback, asked of variantctl and of uv."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests import commands
from tests.campaigns.hard_sets import pins_said
from tests.campaigns.packages import Pins
from tests.campaigns.resolvers import environ
from tests.indexes.server import JSON_TYPE, LoopbackServer

_PATH = Path(__file__).parents[2] / "fixtures" / "packse" / "scenarios.json"
SCENARIOS: Mapping[str, dict[str, Any]] = json.loads(_PATH.read_text("utf-8"))["scenarios"]
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
"""What scenarios for all platforms at once are asked for, in turn."""


@dataclass(frozen=True)
class Question:
    """A scenario on one platform.

    Attributes:
        name: of the scenario.
        platform: by uv's name; ``None``: this one.
    """

    name: str
    platform: str | None = None

    def __str__(self) -> str:
        return f"{self.name}-{self.platform.split('-')[2]}" if self.platform else self.name

    @property
    def scenario(self) -> dict[str, Any]:
        """What packse says of it."""
        return SCENARIOS[self.name]

    @property
    def expected(self) -> Pins | None:
        """The versions that packse expects; ``None``: that there are none."""
        expected = self.scenario["expected"]
        return dict(expected.get("packages", {})) if expected["satisfiable"] else None

    def options(self) -> list[str]:
        """What both tools are told."""
        told = self.scenario.get("resolver_options", {})
        python = told.get("python") or self.scenario.get("environment", {}).get("python") or "3.12"
        found = ["--python-version", python]
        if platform := told.get("python_platform") or self.platform:
            found += ["--python-platform", platform]
        for option in ("no_build", "no_binary"):
            for name in told.get(option, ()):
                found += ["--only-binary" if option == "no_build" else "--no-binary", name]
        return found

    @property
    def pre(self) -> bool:
        """Whether pre-releases are asked for."""
        return bool(self.scenario.get("resolver_options", {}).get("prereleases"))


def questions() -> list[Question]:
    """Each scenario; those for all platforms at once on one of them, each on another one."""
    platforms = cycle(PLATFORMS)
    return [
        Question(name, next(platforms) if scenario.get("resolver_options", {}).get("universal") else None)
        for name, scenario in SCENARIOS.items()
    ]


def publish(server: LoopbackServer) -> None:
    """Have all scenarios served, each as an index of its own."""
    for name, scenario in SCENARIOS.items():
        for project, package in scenario["packages"].items():
            files = []
            for version, told in package["versions"].items():
                for filename, content in _files(project, version, told):
                    path = f"/{name}/{filename}"
                    files.append(_entry(filename, path, told))
                    for each in {path, quote(path)}:  # a "+" as it is, and as "%2B"
                        server.rule(each, body=content)
                        server.rule(f"{each}.metadata", body=_metadata(project, version, told))
            page = {"meta": {"api-version": "1.0"}, "name": project, "files": files}
            body = json.dumps(page).encode()
            server.rule(f"/{name}/simple/{project}/", body=body, headers={"Content-Type": JSON_TYPE})


def ours(question: Question, server: LoopbackServer, folder: Path) -> tuple[Pins | None, str]:
    """Our pins, and what is said where there are none."""
    options = [*question.options(), *(["--pre"] if question.pre else [])]
    done = commands.run(
        *("install", "--dry-run", "--json", "--target", str(folder / "target"), "--no-backends"),
        *("--no-families", "--index-url", f"{server.url}/{question.name}/simple/", "--no-cache"),
        *(*options, *question.scenario["root"]["requires"]),
        env={**environ(), "PIP_CONFIG_FILE": os.devnull},
    )
    assert done.returncode in (0, 1), done.stderr
    return (pins_said(done.stdout) if done.returncode == 0 else None), done.stdout + done.stderr


def uvs(question: Question, server: LoopbackServer) -> tuple[Pins | None, str]:
    """uv's pins, and what is said where there are none."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-", "--quiet", "--no-header"]
    options = [*question.options(), *(["--prerelease", "allow"] if question.pre else [])]
    places = ["--index-url", f"{server.url}/{question.name}/simple/", "--no-cache", "--no-annotate"]
    done = subprocess.run(
        [*uv, *places, *options, "--python", sys.executable],
        input="\n".join(question.scenario["root"]["requires"]),
        capture_output=True,
        text=True,
        env={**environ(), "UV_NO_CONFIG": "1"},
        timeout=60,
        check=False,
    )
    return (pins_said(done.stdout) if done.returncode == 0 else None), done.stderr


def _files(project: str, version: str, told: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    name = project.replace("-", "_")
    for tag in (told.get("wheel_tags") or ["py3-none-any"]) if told.get("wheel", True) else ():
        yield f"{name}-{version}-{tag}.whl", b"nothing but METADATA is asked for"
    if told.get("sdist", True):
        yield f"{name}-{version}.tar.gz", _sdist(f"{name}-{version}", _metadata(project, version, told))


def _entry(filename: str, path: str, told: Mapping[str, Any]) -> dict[str, object]:
    return {
        "filename": filename,
        "url": path,
        "hashes": {},
        "requires-python": told.get("requires_python", ">=3.12"),
        "yanked": bool(told.get("yanked")),
        "core-metadata": filename.endswith(".whl"),
    }


def _metadata(project: str, version: str, told: Mapping[str, Any]) -> bytes:
    lines = ["Metadata-Version: 2.3", f"Name: {project}", f"Version: {version}"]
    lines.append(f"Requires-Python: {told.get('requires_python', '>=3.12')}")
    lines += [f"Requires-Dist: {text}" for text in told.get("requires", ())]
    for extra, texts in told.get("extras", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for text in texts:
            wanted, _, marker = text.partition(";")
            condition = f"({marker.strip()}) and " if marker else ""
            lines.append(f'Requires-Dist: {wanted.strip()} ; {condition}extra == "{extra}"')
    return ("\n".join(lines) + "\n").encode()


def _sdist(stem: str, pkg_info: bytes) -> bytes:
    """Source code that says what it needs, as hatchling writes it."""
    project = b'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in (("PKG-INFO", pkg_info), ("pyproject.toml", project)):
            member = tarfile.TarInfo(f"{stem}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()
