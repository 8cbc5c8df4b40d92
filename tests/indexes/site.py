"""A small Simple index in a folder, of wheels made on the spot, for the tests of this room."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.variants.write import metadata_bytes
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.build import build_wheel

CUDA = VariantMetadata(
    schema=PEP_850_SCHEMA,
    namespaces=("nvidia",),
    providers={"nvidia": ProviderInfo(requires=("nvidia-variant-provider",))},
    variants={
        "cu128": {"nvidia": {"cuda_version_lower_bound": ("12.8",)}},
        "cu130": {"nvidia": {"cuda_version_lower_bound": ("13.0",)}},
        "null": {},
    },
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Site:
    """A folder with ``files/`` and ``simple/{project}/``; call ``publish`` after adding files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        *,
        label: str | None = None,
        requires: tuple[str, ...] = (),
        padding: int = 0,
        tag: str = "py3-none-any",
    ) -> Path:
        """A wheel in ``files/``; *padding* incompressible bytes make it larger."""
        noise = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(padding // 32))
        return build_wheel(
            self.files,
            name=name,
            version=version,
            tag=tag,
            files={f"{name.replace('-', '_')}/data.bin": noise or b"\n"},
            requires=requires,
            label=label,
            metadata=CUDA if label is not None else None,
        )

    def variants_json(self, name: str, version: str = "1.0", content: bytes | None = None) -> Path:
        path = self.files / f"{name}-{version}-variants.json"
        path.write_bytes(metadata_bytes(CUDA) if content is None else content)
        return path

    def publish(
        self,
        project: str,
        *,
        hashes: bool = True,
        sidecars: bool = False,
        attributes: Mapping[str, Mapping[str, str]] | None = None,
        pages: Iterable[str] = ("html", "json"),
    ) -> Path:
        """Write the pages of *project*, of every file in ``files/`` that is named after it."""
        prefix = project.replace("-", "_")
        files = sorted(path for path in self.files.iterdir() if path.name.startswith(f"{prefix}-"))
        files = [path for path in files if not path.name.endswith(".metadata")]
        page = self.folder / "simple" / project
        page.mkdir(parents=True, exist_ok=True)
        anchors: list[str] = []
        entries: list[dict[str, object]] = []
        for path in files:
            data = path.read_bytes()
            digest = sha256(data)
            extra = dict((attributes or {}).get(path.name, {}))
            entry: dict[str, object] = {"filename": path.name, "url": f"../../files/{path.name}"}
            entry |= {"hashes": {"sha256": digest} if hashes else {}, "size": len(data)}
            if sidecars and path.suffix == ".whl":
                with WheelArchive.open(path) as archive:
                    metadata = archive.metadata_bytes()
                path.with_name(path.name + ".metadata").write_bytes(metadata)
                extra["data-core-metadata"] = f"sha256={sha256(metadata)}"
                entry["core-metadata"] = {"sha256": sha256(metadata)}
            text = "".join(f' {name}="{html.escape(value)}"' for name, value in extra.items())
            fragment = f"#sha256={digest}" if hashes else ""
            anchors.append(f'<a href="../../files/{path.name}{fragment}"{text}>{path.name}</a><br>')
            entries.append(entry)
        if "html" in pages:
            (page / "index.html").write_text("<!DOCTYPE html>\n" + "\n".join(anchors), encoding="utf-8")
        if "json" in pages:
            body = {"meta": {"api-version": "1.1"}, "name": project, "files": entries}
            (page / "index.json").write_text(json.dumps(body), encoding="utf-8")
        return page
