"""An index of wheels that lie in a bucket: built by a process of its own, and taken away again."""

from __future__ import annotations

import subprocess
import sys

from variant_index.bucket import Bucket


def start(bucket: Bucket, *arguments: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "variantctl",
        "index",
        "build",
        f"{bucket.name}/files",
        "-o",
        bucket.name,
    ]
    return subprocess.Popen(
        [*command, "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def clear(bucket: Bucket) -> None:
    for folder in ("simple", "project", "_static"):
        bucket.delete([found.path for found in bucket.list(folder)])
    bucket.delete([found.path for found in bucket.list("files") if found.path.endswith(".metadata")])
