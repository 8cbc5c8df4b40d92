"""What pip's and uv's commands and options are called here, for those whose fingers know the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

COMMANDS: Mapping[str, str] = {
    "add": "install",
    "audit": "doctor",
    "compile": "export --output requirements.txt",
    "config": "help",
    "debug": "detect",
    "env": "venv",
    "info": "show",
    "inspect": "list --json",
    "outdated": "list --outdated",
    "pip": "install",
    "pipdeptree": "tree",
    "python": "venv",
    "remove": "uninstall",
    "rm": "uninstall",
    "search": "versions",
    "self": "help",
    "update": "install --upgrade",
    "upgrade": "install --upgrade",
    "virtualenv": "venv",
    "which": "explain",
    "why": "tree --invert",
}
"""A command of pip, uv, conda or npm -> ours."""

OPTIONS: Mapping[str, str] = {
    "--all-releases": "--pre takes pre-releases",
    "--config-file": "VARIANTCTL_CONFIG_FILE names the configuration",
    "--default-index": "--index-url is the name here",
    "--exclude-newer": "there is nothing like it yet; pin versions with -c FILE",
    "--extra": "name the extra: 'package[extra]'",
    "--index": "--extra-index-url adds an index, --index-url replaces the default one",
    "--override": "-c FILE constrains versions; there are no overrides yet",
    "--platform": "--profile NAME|FILE describes another machine",
    "--prerelease": "--pre takes pre-releases",
    "--proxy": "the variables HTTPS_PROXY and HTTP_PROXY name a proxy, and pip's configuration does",
    "--python-platform": "--profile NAME|FILE describes another machine",
    "--python-version": "--python PYTHON names the interpreter, --profile FILE another machine's",
    "--resolution": "there is nothing like it; pin versions with -c FILE",
    "--root": "--prefix DIR and --target DIR install into a folder",
    "--torch-backend": "--variant torch=LABEL takes one build, --profile NAME the best for another machine; "
    "for this machine the best is chosen by itself",
}
"""An option of pip or uv -> what to say here."""

IGNORED: Mapping[str, int] = {
    "--disable-pip-version-check": 0,
    "--no-input": 0,
    "--no-warn-script-location": 0,
    "--no-warn-conflicts": 0,
    "--no-python-version-warning": 0,
    "--prefer-binary": 0,
    "--root-user-action": 1,
    "--progress-bar": 1,
    "--no-progress": 0,
}
"""Options of pip and uv that ask for what happens here anyway -> how many values each takes."""


def of_command(wrong: str, known: Iterable[str]) -> str | None:
    """What may have been meant by a command that there is not; None where nothing is near."""
    from variantctl.variants.suggestions import did_you_mean

    ours = COMMANDS.get(wrong)
    if ours is not None:
        return f"did you mean 'variantctl {ours}'?"
    return did_you_mean(wrong, known)


def of_option(word: str, known: Iterable[str]) -> str | None:
    """What to write in place of an option that a command does not have."""
    from variantctl.variants.suggestions import did_you_mean

    name = word.partition("=")[0]
    said = OPTIONS.get(name)
    return f"{name}: {said}" if said is not None else did_you_mean(name, known)
