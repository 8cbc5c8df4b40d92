"""What is known of sources can be replaced by a newer file, checked and never unasked."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.indexes.server import LoopbackServer
from variantctl.backends.knowledge import KnowledgeError, KnowledgeFolder, parse_knowledge, shipped_knowledge
from variantctl.backends.tables import shipped_source, shipped_table
from variantctl.config.backends import known_sources

NEWER = b"""
format = 1
name = "pytorch"
version = "2099.1.1"
url = "https://wheels.example.org/whl"
packages = ["torch", "torchvision"]
namespaces = ["nvidia"]
[variants.cu140]
properties.nvidia.cuda_version_lower_bound = ["14.0"]
[variants.cpu]
"""
DIGEST = hashlib.sha256(NEWER).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> KnowledgeFolder:
    return KnowledgeFolder(tmp_path / "knowledge")


def knowledge(folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    environ = {**os.environ, "VARIANTCTL_KNOWLEDGE_DIR": str(folder), "VARIANTCTL_CONFIG_FILE": ""}
    done = commands.run("knowledge", *arguments, "--json", env=environ)
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_what_is_shipped_is_the_fallback(folder: KnowledgeFolder) -> None:
    shipped = shipped_knowledge("pytorch")
    assert folder.current("pytorch") == shipped
    assert shipped.source() == shipped_source("pytorch")
    assert shipped.sha256 == hashlib.sha256(shipped_table("pytorch")).hexdigest()
    assert KnowledgeFolder(None).current("pytorch") == shipped


def test_a_newer_file_is_used_once_it_is_stored(folder: KnowledgeFolder, tmp_path: Path) -> None:
    stored = folder.store(NEWER, origin="newer.toml", sha256=DIGEST.upper())
    assert [backend.label for backend in stored.source().backends] == ["cu140", "cpu"]
    environ = {"VARIANTCTL_KNOWLEDGE_DIR": str(folder.folder), "VARIANTCTL_CONFIG_FILE": ""}
    source, amd = known_sources(environ)
    assert amd == shipped_source("amd")
    assert source.url == "https://wheels.example.org/whl"
    assert source.discover
    assert folder.forget("pytorch")
    assert known_sources(environ) == [shipped_source("pytorch"), amd]


def test_a_shipped_table_that_is_newer_goes_before_a_stored_one(folder: KnowledgeFolder) -> None:
    old = NEWER.replace(b"2099.1.1", b"2001.1.1")
    digest = hashlib.sha256(old).hexdigest()
    with pytest.raises(KnowledgeError, match="is older than"):
        folder.store(old, origin="old.toml", sha256=digest)
    assert folder.store(old, origin="old.toml", sha256=digest, older=True) == shipped_knowledge("pytorch")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"\xff\xfe", "is no TOML file"),
        (b"format = " + b"9" * 6000, "is no TOML file"),
        (b'format = 1\nname = "pytorch"\nversion = "' + b"9" * 6000 + b'"\n', "version: "),
        (b"format = 2\n", "format must be 1"),
        (NEWER.replace(b'"pytorch"', b'"other"'), "is about 'other'"),
        (NEWER.replace(b"2099.1.1", b"new"), "version"),
        (NEWER.replace(b"[variants.cpu]", b"[variants.'no label']"), "label"),
        (NEWER.replace(b"packages", b"pakcages"), "pakcages"),
        (NEWER + b"#" * (5 << 20), "longer than"),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(
    folder: KnowledgeFolder, content: bytes, rule: str
) -> None:
    with pytest.raises(KnowledgeError, match=rule):
        folder.store(content, origin="bad.toml", sha256=hashlib.sha256(content).hexdigest())
    assert folder.current("pytorch").problem == ""
    with pytest.raises(KnowledgeError, match="its sha256 is"):
        folder.store(NEWER, origin="newer.toml", sha256="0" * 64)


def test_a_damaged_file_is_passed_over_with_a_word(folder: KnowledgeFolder) -> None:
    folder.store(NEWER, origin="newer.toml", sha256=DIGEST)
    assert folder.folder is not None
    (folder.folder / "pytorch.toml").write_bytes(NEWER + b"\n")
    found = folder.current("pytorch")
    assert "was changed since it was stored" in found.problem
    assert found.source() == shipped_source("pytorch")


def test_update_from_a_file_and_show(tmp_path: Path) -> None:
    file, known = tmp_path / "pytorch.toml", tmp_path / "known"
    file.write_bytes(NEWER)
    refused = knowledge(known, "update", str(file), code=2)
    assert "checksum" in refused["error"]["hint"]
    Path(f"{file}.sha256").write_text(f"{DIGEST}  pytorch.toml\n")
    updated, amd = knowledge(known, "update", str(file))["knowledge"]
    assert (amd["name"], amd["origin"]) == ("amd", "variantctl")
    assert (updated["version"], updated["sha256"]) == ("2099.1.1", DIGEST)
    assert knowledge(known, "show")["knowledge"] == [updated, amd]
    reset, _ = knowledge(known, "reset")["knowledge"]
    assert reset["origin"] == "variantctl"


def test_update_from_a_url(tmp_path: Path) -> None:
    site, known = tmp_path / "site", tmp_path / "known"
    site.mkdir()
    (site / "pytorch.toml").write_bytes(NEWER)
    with LoopbackServer(site) as server:
        url = f"{server.url}/pytorch.toml"
        assert knowledge(known, "update", url, code=1)["error"]["kind"] == "network"
        assert knowledge(known, "update", f"{url}#sha256={DIGEST}")["knowledge"][0]["version"] == "2099.1.1"
        wrong = knowledge(known, "update", url, "--sha256", "0" * 64, code=1)
        assert wrong["error"]["kind"] == "knowledge"
        server.clear()
        knowledge(known, "show")
        assert server.paths == []


def test_the_shipped_file_can_be_read_as_a_file_of_knowledge() -> None:
    assert parse_knowledge(shipped_table("pytorch"), "x").version == shipped_knowledge("pytorch").version
