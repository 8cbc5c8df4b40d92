"""What commands print with ``--json``, run one after another in one folder."""

from __future__ import annotations

import json
import shlex
import string
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests import commands
from tests.docs.preparations import PREPARATIONS, ROOT, Ground, environment_of
from tests.docs.scenarios import scenarios

PREPARED = (
    "wheels",
    "the wheel of thing",
    "two builds of thing",
    "a library",
    "a project",
    "indexes for each accelerator",
    "a newer table",
)


def outputs(folder: Path, wheels: Path, index: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each command and the object that it printed.

    Raises:
        AssertionError: it ended with another exit code, or printed anything else.
    """
    work = folder / "work"
    for made in (work, folder / "home"):
        made.mkdir()
    environ = environment_of(folder, index)
    with ExitStack() as stack:
        ground = Ground(work, wheels, stack)
        for name in PREPARED:
            environ.update(PREPARATIONS[name](ground))
        # The index of variants answers for torch.
        del environ["VARIANTCTL_PYTORCH_URL"]
        environ["CLUSTERS"] = str(ROOT / "fixtures" / "clusters")
        (work / "broken.whl").write_bytes(b"no wheel")
        recipe = (ROOT / "docs/release-job.md").read_text(encoding="utf-8").split("```toml\n")[1]
        (work / "variants.toml").write_text(recipe.split("```")[0])
        for command, code in scenarios():
            words = shlex.split(string.Template(command).substitute(environ))
            done = commands.run(*words, "--json", env=environ, cwd=work)
            assert done.returncode == code, (
                f"variantctl {command}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
            try:
                yield command, json.loads(done.stdout)
            except ValueError:
                raise AssertionError(f"variantctl {command} printed\n{done.stdout[-800:]}") from None
