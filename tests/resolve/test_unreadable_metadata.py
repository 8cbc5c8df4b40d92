"""Variant metadata that cannot be read takes no ordinary wheel away (PEP 825, "Backwards compatibility")."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.install.support import new_place
from variantctl.variants import load_metadata
from variantctl.wheels.build import build_wheel

SCHEMA = "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"
GOOD: dict[str, Any] = {
    "$schema": SCHEMA,
    "default-priorities": {"namespace": ["x86_64"]},
    "variants": {"v1": {"x86_64": {"level": ["v1"]}}},
}
NEXT = {
    "next-draft": (json.dumps({**GOOD, "$schema": SCHEMA.replace("0.1.1", "0.9.0")}), "0.9.0"),
    "newer-major": (json.dumps({**GOOD, "$schema": SCHEMA.replace("0.1.1", "2.0.0")}), "2.0.0"),
    "another-schema": (json.dumps({**GOOD, "$schema": "https://elsewhere.example/v1.json"}), "elsewhere"),
    "no-schema": (json.dumps({key: GOOD[key] for key in GOOD if key != "$schema"}), "$schema"),
    "unknown-key": (json.dumps({**GOOD, "tomorrow": 1}), "tomorrow"),
    "broken": ('{"$schema": ', "JSON"),
    "no-object": ("[]", "object"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "not-utf-8": ("\udcff", "UTF-8"),
    "long-number": ('{"$schema": ' + "9" * 10_000 + "}", "JSON"),
    "bad-label": (json.dumps({**GOOD, "variants": {"V 1": {}}}), "V 1"),
}


def explained(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(folder / "cache")}
    done = commands.run(*words, "-i", (folder / "simple").as_uri(), "--json", env=environ)
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer | {"stderr": done.stderr}


def index(folder: Path, content: str, *, ordinary: bool = True, inside: bool = False) -> None:
    """One version with a variant wheel whose metadata is *content*, and an ordinary wheel."""
    simple = folder / "simple/one"
    dist_info = {"variant.json": content.encode("utf-8", "surrogateescape")} if inside else {}
    metadata = load_metadata(GOOD)
    build_wheel(
        simple,
        name="one",
        version="2",
        label="v1",
        metadata=metadata,
        files={"one.py": b""},
        dist_info=dist_info,
    )
    if ordinary:
        build_wheel(simple, name="one", version="2", files={"one.py": b""})
    build_wheel(simple, name="one", version="1", files={"one.py": b""})
    if not inside:
        (simple / "one-2-variants.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    names = [path.name for path in simple.iterdir()]
    (simple / "index.html").write_text("".join(f"<a href='{name}'>x</a>" for name in names))


@pytest.mark.parametrize("name", NEXT)
def test_the_ordinary_wheel_is_taken_with_a_warning(tmp_path: Path, name: str) -> None:
    content, says = NEXT[name]
    index(tmp_path, content)
    place = new_place(tmp_path)
    answer = explained(tmp_path, "install", "one", "--dry-run", "-p", str(place.environment.prefix))
    (planned,) = answer["install"]
    assert (planned["version"], planned["label"]) == ("2", None)
    (note,) = [note for note in answer["notes"] if "its variants are left out" in note]
    assert note.startswith("one 2: ") and says in note
    assert "warning: one 2: its variants are left out" in answer["stderr"]
    answer = explained(tmp_path, "explain", "one")
    assert answer["selected"]["label"] is None
    (variant,) = [wheel for wheel in answer["wheels"] if wheel["label"]]
    assert variant["verdict"] == "incompatible" and says in variant["reasons"][0]["detail"]


@pytest.mark.parametrize("name", ["next-draft", "broken", "unknown-key"])
def test_metadata_in_the_wheel_too(tmp_path: Path, name: str) -> None:
    content, says = NEXT[name]
    index(tmp_path, content, inside=True)
    answer = explained(tmp_path, "lock", "one", "-o", str(tmp_path / "pylock.toml"))
    (planned,) = answer["install"]
    assert (planned["version"], planned["label"]) == ("2", None)
    wheels = explained(tmp_path, "explain", "one")["wheels"]
    reasons = [reason["detail"] for wheel in wheels for reason in wheel["reasons"]]
    assert any(says in reason for reason in reasons)


def test_where_there_is_no_ordinary_wheel_an_older_version_is_taken(tmp_path: Path) -> None:
    content, says = NEXT["newer-major"]
    index(tmp_path, content, ordinary=False)
    place = new_place(tmp_path)
    at = ("-p", str(place.environment.prefix), "--dry-run")
    answer = explained(tmp_path, "install", "one", *at)
    assert answer["install"][0]["version"] == "1"
    assert any(says in note for note in answer["notes"])
    error = explained(tmp_path, "install", "one==2", *at, code=1)["error"]
    assert says in error["message"]
