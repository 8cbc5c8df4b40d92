"""``variantctl demo``: the whole road on stand-in wheels, in a temporary folder, without a network."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import render
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.explain.matrix import Row

REQUIREMENTS = ("torch", "executorch", "deepspeed", "opacus", "vllm")
_NEXT = """
What you can do next:
  variantctl detect           see what this machine supports
  variantctl explain torch    see which build of the real torch you would get, and why
  variantctl venv             make an environment in ./.venv
  variantctl install torch    install that build into it"""
_OWN = "import sys; sys.path[0] = {!r}; from variantctl.cli import main; sys.exit(main())"
_IMPORT = "import torch; print(torch.__version__, torch.variant)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.epilog = (
        "The wheels are small stand-ins with the names, versions, labels and properties of real ones; "
        "nothing outside a temporary folder changes."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="work in DIR and leave everything there")


def run(args: argparse.Namespace) -> int:
    """Build, publish, detect, explain, install, import; then a table of every shipped profile."""
    started = time.perf_counter()
    with _folder(args.keep) as folder:
        summary = _walk(folder, as_json=args.json)
    summary["seconds"] = round(time.perf_counter() - started, 1)
    if args.json:
        render.print_json(summary)
    else:
        print(f"\nAll of it took {summary['seconds']} s and used no network.")  # noqa: T201
        if args.keep:
            print(f"The wheels, the index and the environment are in {args.keep}.")  # noqa: T201
        print(_NEXT)  # noqa: T201
    return 0


def _walk(folder: Path, *, as_json: bool) -> dict[str, Any]:
    from variant_index.build import build_index

    from variantctl.demo.matrix import matrix
    from variantctl.demo.recipe import build_wheels
    from variantctl.demo.server import serve

    show = not as_json
    wheels = build_wheels(folder / "wheels")
    built = build_index(folder / "wheels", folder / "site")
    environment = folder / "venv"
    with serve(folder / "site") as root:
        url = f"{root}/simple/"
        steps = _Steps(url, folder, show=show)
        steps.title(f"Built {len(wheels)} stand-in wheels and an index of {built.projects} projects at {url}")
        steps.variantctl("detect")
        steps.title("A scratch environment")
        steps.call([sys.executable, "-m", "venv", "--without-pip", str(environment)])
        steps.variantctl("explain", "torch", "-p", str(environment), "-i", url)
        steps.variantctl("install", "torch", "executorch", "-p", str(environment), "-i", url)
        imported = steps.call([_python(environment), "-c", _IMPORT])
        steps.title("What each machine that ships as a profile would get")
        rows = list(matrix(url, REQUIREMENTS))
        if show:
            _print_table(rows)
            _follow_each_other(steps, folder, url)
    return {
        "format": 1,
        "wheels": sorted(wheel.name for wheel in wheels),
        "imported": imported.strip(),
        "matrix": {row.name: {p.name: p.label for p in row.install} for row in rows},
    }


def _follow_each_other(steps: _Steps, folder: Path, url: str) -> None:
    steps.title("A build for one release of torch follows the torch that is chosen, and the other way round")
    there = ("--profile", "h100", "--target", str(folder / "h100"), "-i", url)
    steps.variantctl("install", "--dry-run", "vllm", "torch<2.10", *there)
    steps.variantctl("install", "--dry-run", "vllm", "--variant", "vllm=cuda_torch2.9", *there)


class _Steps:
    """Runs commands as a user would type them, and shows both the command and what it prints."""

    def __init__(self, url: str, folder: Path, *, show: bool) -> None:
        self._show = show
        self._environ = _own_settings_only(folder)

    def title(self, text: str) -> None:
        """Say what comes."""
        if self._show:
            console = render.console()
            console.print(f"\n[bold]{text}[/bold]", highlight=False)

    def variantctl(self, *arguments: str) -> None:
        """Run variantctl itself, in a process of its own."""
        if self._show:
            render.console().print(
                f"\n[bold cyan]$ variantctl {shlex.join(arguments)}[/bold cyan]", soft_wrap=True
            )
        # Not "-m variantctl": where it came as one file, it is in no place where Python looks for modules.
        own = _OWN.format(str(Path(__file__).parents[2]))
        self._run([sys.executable, "-c", own, *arguments], capture=not self._show)

    def call(self, command: Sequence[str]) -> str:
        """Run another program; gives its output, which is shown too."""
        if self._show:
            render.console().print(f"[bold cyan]$ {shlex.join(command)}[/bold cyan]", soft_wrap=True)
        output = self._run(command, capture=True)
        if self._show:
            sys.stdout.write(output)
        return output

    def _run(self, command: Sequence[str], *, capture: bool) -> str:
        sys.stdout.flush()
        done = subprocess.run(
            command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.PIPE if capture else None,
            text=True,
            check=False,
        )
        if done.returncode:
            detail = f": {done.stderr.strip()}" if done.stderr else ""
            raise VariantctlError(
                f"the demo's step '{shlex.join(command)}' ended with exit code {done.returncode}{detail}",
                hint="Run it again with --keep DIR to look at what it left.",
            )
        return done.stdout or ""


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="variantctl-demo-") as name:
            yield Path(name)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise VariantctlError(f"{keep} is not an empty folder", hint="Name a folder that is new or empty.")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.resolve()


def _own_settings_only(folder: Path) -> dict[str, str]:
    """This environment without what pip or variantctl are configured to use: the demo has its own index."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "VARIANTCTL_"))
    }
    nothing = folder / "empty.toml"
    nothing.touch()
    return {
        **environ,
        "PIP_CONFIG_FILE": os.devnull,
        "VARIANTCTL_CONFIG_FILE": str(nothing),
        "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
    }


def _python(environment: Path) -> str:
    return str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def _print_table(rows: Sequence[Row]) -> None:
    from variantctl.cli.styling import StackedTable

    table = StackedTable("profile", REQUIREMENTS[0], "needs", *REQUIREMENTS[1:])
    for row in rows:
        planned = {p.name: p for p in row.install}
        tritons = [str(name) for name in planned if name.startswith("triton")]
        cells = [planned[name].label or "ordinary" for name in REQUIREMENTS]  # type: ignore[index]
        table.add_row(row.name, cells[0], ", ".join(tritons) or "-", *cells[1:])
    render.console().print(table)
