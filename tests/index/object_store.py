"""A real S3 API on the loopback interface (moto's server), for publishers in this process and in others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.error import HTTPError, URLError


@dataclass(frozen=True)
class ObjectStore:
    """A running server.

    Attributes:
        endpoint: its URL.
    """

    endpoint: str

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs in its environment to use it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self, name: str) -> str:
        """Make a bucket; gives its URL."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")):
            return f"s3://{name}"


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Start a server, and stop it in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    store = ObjectStore(f"http://127.0.0.1:{port}")
    try:
        _wait(store.endpoint, process)
        yield store
    finally:
        process.kill()
        process.wait()


def _wait(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"moto's server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(endpoint, timeout=5):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("moto's server did not start")


def clean_environ(store: ObjectStore) -> dict[str, str]:
    """This process's environment, for a publisher that uses the store."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **store.environ}
