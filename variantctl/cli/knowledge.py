"""``variantctl knowledge``: what is known of builds for each accelerator, and newer files of it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options
from variantctl.cli.app import UsageError
from variantctl.cli.render import note, print_json

if TYPE_CHECKING:
    from variantctl.backends.knowledge import Knowledge
    from variantctl.backends.knowledge_files import KnowledgeFile

_SUFFIX = ".sha256"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``knowledge show``, ``update`` and ``reset``."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    show = actions.add_parser("show", help="say which tables are used, how old they are, and what they list")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    update = actions.add_parser(
        "update",
        help="take a newer table from a file or URL",
        description="The file is checked before it is kept: its sha256, which --sha256 gives, or "
        "'#sha256=DIGEST' at the end of the URL, or a file of the same name with '.sha256' behind it; its "
        "version; and everything that it says. Nothing is ever fetched without this command.",
    )
    update.add_argument("place", metavar="FILE|URL")
    update.add_argument("--sha256", metavar="DIGEST", help="what the file's sha256 must be")
    update.add_argument("--allow-older", action="store_true", help="take a file older than what is known")
    update.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_trusted_host(update)
    reset = actions.add_parser("reset", help="go back to the tables that come with variantctl")
    reset.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    from variantctl.backends.knowledge import KnowledgeFolder
    from variantctl.backends.knowledge_files import SHIPPED_ORIGIN
    from variantctl.backends.tables import SHIPPED
    from variantctl.families.knowledge import FamilyKnowledge, is_family_file

    folder = KnowledgeFolder.of_user(os.environ)
    families = FamilyKnowledge(folder.folder)
    if args.action == "update":
        content, sha256 = _fetched(args)
        if is_family_file(content, args.place):
            families.store(content, origin=args.place, sha256=sha256, older=args.allow_older)
        else:
            folder.store(content, origin=args.place, sha256=sha256, older=args.allow_older)
    elif args.action == "reset":
        for name in SHIPPED:
            folder.forget(name)
        families.forget()
    known = [folder.current(name) for name in SHIPPED]
    files = [families.current(name) for name in families.names()]
    if args.json:
        listed = [_family_json(each) for each in files]
        print_json({"format": 1, "knowledge": [_as_json(each) for each in known], "families": listed})
        return 0
    for each in known:
        sys.stdout.write(_line(each))
        if each.problem:
            note(f"{each.problem}; what comes with variantctl is used")
    for file in files:
        if file.problem:
            note(f"{file.problem}; what comes with variantctl is used")
    newer = [f"{file.name} {file.version} ({file.origin})" for file in files if file.origin != SHIPPED_ORIGIN]
    sys.stdout.write(f"families: {len(files)} (`variantctl families` lists them)\n")
    sys.stdout.write("".join(f"  {text}\n" for text in newer))
    return 0


def _family_json(file: KnowledgeFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "version": str(file.version),
        "origin": file.origin,
        "sha256": file.sha256,
        "problem": file.problem,
    }


def _as_json(known: Knowledge) -> dict[str, Any]:
    source = known.source()
    return {
        "name": known.name,
        "version": str(known.version),
        "origin": known.origin,
        "sha256": known.sha256,
        "url": source.url,
        "packages": list(source.packages),
        "variants": [backend.label for backend in source.backends],
        "problem": known.problem,
    }


def _line(known: Knowledge) -> str:
    labels = ", ".join(backend.label for backend in known.source().backends)
    origin = "comes with variantctl" if known.origin == "variantctl" else known.origin
    return f"{known.name} {known.version} ({origin})\n  sha256 {known.sha256}\n  {labels}\n"


def _fetched(args: argparse.Namespace) -> tuple[bytes, str]:
    """The file, and the sha256 that it must have."""
    from variantctl.net.urls import is_url, without_fragment

    if not is_url(args.place):
        path = Path(args.place)
        return _bytes_of(path), args.sha256 or _digest_in(_bytes_of(Path(f"{path}{_SUFFIX}")), args.place)
    url, fragment = without_fragment(args.place)
    named = args.sha256 or (fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None)
    with options.plain_client(args) as client:
        content = client.get(url).content
        return content, named or _digest_in(client.get(f"{url}{_SUFFIX}").content, url)


def _bytes_of(path: Path) -> bytes:
    from variantctl.filesystem.bounded import read_bounded

    try:
        return read_bounded(path)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}",
            hint="A file of knowledge needs its checksum: by --sha256, or beside it in FILE.sha256.",
        ) from None


def _digest_in(content: bytes, place: str) -> str:
    """The digest in a file as ``sha256sum`` writes it."""
    words = content[:1024].decode("ascii", "replace").split()
    if not words:
        raise UsageError(f"{place}{_SUFFIX}: has no checksum")
    return words[0]
