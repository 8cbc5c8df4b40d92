"""Credentials, and the hosts they belong to."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import origin, parsed_url, split_credentials, without_fragment
from variantctl.values import replace

Pair = tuple[str, str]
_KEYRING_PATIENCE = 60.0


class Credentials:
    """User names and passwords by origin (scheme, host and port): from URLs, else from netrc.

    A user name that comes without a password gets it from the command ``keyring``, where that is allowed. An
    origin gets only the credentials that were given for it, so a redirect or a link to another host never
    carries them along. What a link of a page carries counts for that file alone, and only where the user gave
    nothing for its origin; what a direct reference carries counts for its file before anything else.

    A netrc entry names a host without scheme and port. It goes to the sources of that host that the user
    named; where there is none, to the first origin of the host that is asked.

    Args:
        environ: names the netrc file, and the folders that ``keyring`` is looked for in.
        keyring: whether the command may be asked.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, *, keyring: bool = False) -> None:
        self._environ = environ
        self._keyring = keyring
        self._urls: dict[str, str] = {}
        self._from_keyring: dict[tuple[str, str], str | None] = {}
        self._by_origin: dict[str, dict[str, Pair]] = {}
        self._by_file: dict[str, Pair] = {}
        self._references: dict[str, Pair] = {}
        self._named: dict[str, set[str]] = {}
        self._netrc: Mapping[str, Pair] | None = None
        self._lock = Lock()

    def take(self, url: str) -> str:
        """Remember the credentials that the URL of a source carries, for its origin; return it without them.

        Of several that the user gave for one origin, those of the URL that is most like the one asked for
        are used; of equals the first.

        Raises:
            InvalidUrlError: it is no URL.
        """
        bare, pair = split_url(url)
        place = origin(bare)
        with self._lock:
            self._named.setdefault(parsed_url(bare).hostname or "", set()).add(place)
            if pair is not None:
                self._by_origin.setdefault(place, {}).setdefault(bare, pair)
                self._urls.setdefault(place, bare)
        return bare

    def take_file(self, url: str, *, is_reference: bool = False) -> str:
        """Remember the credentials that the URL of a file carries, for it alone; return it without them.

        Args:
            url: of a page's link, or of a direct reference.
            is_reference: the latter: its credentials go before those of an index on the same server.

        Raises:
            InvalidUrlError: it is no URL.
        """
        bare, pair = split_url(url)
        if pair is not None:
            with self._lock:
                (self._references if is_reference else self._by_file)[without_fragment(bare)[0]] = pair
        return bare

    def header(self, url: str) -> str | None:
        """The ``Authorization`` header for *url* (RFC 7617), or ``None``."""
        place = origin(url)
        pair = (
            _of_file(self._references, url)
            or _nearest(self._by_origin.get(place), url)
            or _of_file(self._by_file, url)
            or self._from_netrc(parsed_url(url).hostname or "", place)
        )
        if pair is None:
            return None
        if pair[0] and not pair[1] and self._keyring:
            pair = pair[0], self._asked(place, pair[0]) or ""
        token = base64.b64encode(f"{pair[0]}:{pair[1]}".encode()).decode("ascii")
        return f"Basic {token}"

    def _asked(self, place: str, user: str) -> str | None:
        """The password that the keyring has for a user of an origin: under the URL, else under the host."""
        with self._lock:
            if (place, user) not in self._from_keyring:
                services = (self._urls.get(place, place), parsed_url(place).netloc)
                passwords = (ask_keyring(service, user, self._environ) for service in services)
                self._from_keyring[place, user] = next((found for found in passwords if found), None)
            return self._from_keyring[place, user]

    def _from_netrc(self, host: str, place: str) -> Pair | None:
        with self._lock:
            if self._netrc is None:
                self._netrc = read_netrc(self._environ)
            pair = self._netrc.get(host)
            meant = pair is not None and place in self._named.setdefault(host, {place})
            return pair if meant else None


def split_url(url: str) -> tuple[str, Pair | None]:
    """The URL without credentials, and those.

    Raises:
        InvalidUrlError: it is no URL.
    """
    bare, pair = split_credentials(url)
    parsed_url(bare)
    return bare, pair


def _nearest(pairs: Mapping[str, Pair] | None, url: str) -> Pair | None:
    """The credentials of the source whose URL begins most like *url*."""
    if not pairs:
        return None
    return pairs[max(pairs, key=lambda source: _common(source, url))]


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _of_file(pairs: Mapping[str, Pair], url: str) -> Pair | None:
    """What a file's URL came with: for the file, and for its METADATA beside it (PEP 658)."""
    return (pairs.get(url) or pairs.get(url.removesuffix(".metadata"))) if pairs else None


def own_file(file: RemoteFile, credentials: Credentials) -> RemoteFile:
    """The file with what its URL carries handed to *credentials*, for it alone, and taken out of the URL."""
    if "@" not in file.url or split_url(file.url)[1] is None:
        return file
    return replace(file, url=credentials.take_file(file.url))


def ask_keyring(service: str, user: str, environ: Mapping[str, str]) -> str | None:
    """What ``keyring get`` prints; ``None`` where there is no such command or it has no such password.

    The way pip's and uv's ``subprocess`` provider goes: ``keyring`` may be installed anywhere on the PATH.
    """
    import shutil
    import subprocess

    command = shutil.which("keyring", path=environ.get("PATH"))
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, "get", service, user],
            env={**environ, "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_KEYRING_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").rstrip("\r\n") or None if done.returncode == 0 else None


def read_netrc(environ: Mapping[str, str]) -> Mapping[str, Pair]:
    """Host -> (login, password) of the file ``$NETRC``, else ``~/.netrc``; empty where it cannot be read.

    The ``default`` entry is left out: a password for whichever host is asked is not meant for indexes.
    """
    import netrc

    named = environ.get("NETRC")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    candidates = [Path(named)] if named else [Path(home) / name for name in (".netrc", "_netrc") if home]
    for path in candidates:
        try:
            hosts = netrc.netrc(str(path)).hosts
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
        return {
            host: (login, password or "") for host, (login, _, password) in hosts.items() if host != "default"
        }
    return {}
