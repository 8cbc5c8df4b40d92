"""What pip's and uv's commands and options are called here, for those whose fingers know the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

COMMANDS: Mapping[str, str] = {
    "audit": "doctor",
    "compile": "export --output requirements.txt",
    "hash": "lock",
    "debug": "detect",
    "env": "venv",
    "info": "show",
    "inspect": "list --json",
    "outdated": "list --outdated",
    "pip": "install",
    "pipdeptree": "tree",
    "publish": "index add",
    "python": "venv",
    "rm": "uninstall",
    "search": "versions",
    "self": "help",
    "update": "install --upgrade",
    "upgrade": "install --upgrade",
    "virtualenv": "venv",
    "uv": "install",
    "which": "explain",
    "why": "tree --invert",
}
"""A command of pip, uv, conda or npm -> ours."""

ACTIONS: Mapping[str, str] = {
    "cache purge": "cache clean",
    "cache remove": "cache clean",
    "config debug": "config check",
    "config edit": "config check",
    "config get": "config check",
    "config list": "config check",
    "config set": "config check",
    "index versions": "versions",
    "wheel check": "wheel validate",
    "wheel info": "wheel inspect",
    "wheel list": "wheel inspect",
    "wheel show": "wheel inspect",
    "wheel verify": "wheel validate",
    "provider add": "provider trust",
    "provider remove": "provider untrust",
}
"""A command and an action of pip or uv -> ours."""

TOOLS = ("conda", "mamba", "pdm", "pip", "pip3", "pixi", "poetry", "uv")
"""What people type before a command of theirs: ``variantctl uv pip install x``."""

OPTIONS: Mapping[str, str] = {
    "--abi": "`install --target`, `download`, `lock` have it; this is about what is installed",
    "--algorithm": "hashes here are sha256",
    "--all-extras": "a lock has the extras that it was made with: `variantctl lock --all-extras`",
    "--all-releases": "--pre takes pre-releases",
    "--allow-insecure-host": "--trusted-host is the name here",
    "--annotation-style": "who needs a package is in `variantctl explain --plan`",
    "--bash": "name the shell: `variantctl completion bash`",
    "--build-constraint": "there is nothing like it yet; --no-build-isolation builds with what is there",
    "--build-constraints": "there is nothing like it yet; --no-build-isolation builds with what is there",
    "--cache-dir": "it stands after an action: `variantctl cache info --cache-dir DIR`",
    "--cert": "this command asks no index",
    "--check": "--dry-run says what would change; `variantctl lock --check` fails where a lock would",
    "--check-build-dependencies": "there is nothing like it; without isolation the backend itself complains",
    "--client-cert": "the configuration names it (client-cert), ours or pip's",
    "--color": "NO_COLOR=1 switches colours off; off a terminal there are none",
    "--config-file": "VARIANTCTL_CONFIG_FILE names the configuration",
    "--config-setting": "this command builds nothing; `install`, `download` and others do",
    "--config-settings": "this command builds nothing; `install`, `download` and others do",
    "--config-settings-package": "-C KEY=VALUE is told to every build",
    "--constraint": "files are for `install`, `lock`, `download`, `matrix` and `export`",
    "--constraints": "files are for `install`, `lock`, `download`, `matrix` and `export`",
    "--custom-compile-command": "an export names `variantctl export`",
    "--debug": "--verbose shows a traceback",
    "--default-index": "--index-url is the name here",
    "--directory": "change the folder first",
    "--editable": "`variantctl install` and `variantctl lock` put a project into an environment as it lies",
    "--editor": "open the file that VARIANTCTL_CONFIG_FILE names",
    "--emit-build-options": "an export has URLs, so it needs no options",
    "--emit-find-links": "an export has URLs, so it needs no options",
    "--emit-index-annotation": "an export has URLs",
    "--emit-index-url": "an export has URLs, so it needs no index",
    "--exact": "`variantctl sync` makes an environment exactly what a lock has",
    "--exclude-newer": "this command chooses nothing; `install`, `lock` and others have it",
    "--exclude-newer-package": "this command chooses nothing; `install`, `lock` and others have it",
    "--excludes": "there is nothing like it yet",
    "--exists-action": "a folder of source code is read where it lies, so that nothing is in the way",
    "--fish": "name the shell: `variantctl completion fish`",
    "--fork-strategy": "a lock for several machines is `variantctl lock --profile A --profile B`",
    "--format": "--json is the name here; `variantctl list --format` takes pip's",
    "--generate-hashes": "an export has them anyway",
    "--global": "VARIANTCTL_CONFIG_FILE names the one configuration",
    "--ignore-installed": "--reinstall installs what is there already; --target DIR leaves the rest alone",
    "--ignore-requires-python": "not ours: what does not say that it supports this Python is not installed",
    "--implementation": "`install --target`, `download`, `lock` have it; this is about what is installed",
    "--index": "--extra-index-url adds an index, --index-url replaces the default one",
    "--isolated": "VARIANTCTL_CONFIG_FILE and PIP_CONFIG_FILE set to /dev/null leave configuration out",
    "--keyring-provider": "pip's configuration says it (keyring-provider), and its word counts here",
    "--link-mode": "only `install` and `sync` write files into an environment",
    "--local": "only the environment itself is ever listed",
    "--log": "2> FILE keeps what is said; --verbose says more",
    "--managed-python": "interpreters are found, never installed",
    "--no-allow-empty-requirements": "an empty lock is no error",
    "--no-annotate": "an export has a comment for variants alone",
    "--no-binary": "this command builds nothing; `install`, `download` and others do",
    "--no-cache": "--no-cache is written out here, and this command may have no cache to leave alone",
    "--no-build": "this command builds nothing; `install`, `download` and others do",
    "--no-build-isolation": "this command builds nothing; `install`, `download` and others do",
    "--no-build-isolation-package": "--no-build-isolation is for every build",
    "--no-cache-dir": "this command keeps nothing in the cache",
    "--no-clean": "folders of builds are always removed",
    "--no-color": "NO_COLOR=1 switches colours off; off a terminal there are none",
    "--no-compile": "nothing is compiled, unless --compile-bytecode says so",
    "--no-config": "VARIANTCTL_CONFIG_FILE and PIP_CONFIG_FILE set to /dev/null leave configuration out",
    "--no-dedupe": "a package is shown with its dependencies once; (*) marks the other places",
    "--no-editable": "`variantctl sync` has it; elsewhere leave -e out",
    "--no-editable-package": "leave -e out for this one",
    "--no-emit-package": "leave lines out of the export",
    "--no-header": "leave the first line of the export out",
    "--no-managed-python": "interpreters are found, never installed",
    "--no-proxy-env": "unset HTTP_PROXY and HTTPS_PROXY",
    "--no-require-hashes": "hashes are required only where --require-hashes says so",
    "--no-sources": "[tool.uv.sources] is not read",
    "--no-sources-package": "[tool.uv.sources] is not read",
    "--no-strip-extras": "an export lists each wheel, without extras",
    "--no-strip-markers": "an export is for one machine, and has no markers",
    "--no-verify": "what is built is always checked",
    "--no-verify-hashes": "known hashes are always checked",
    "--not-required": "`variantctl tree` shows at its left edge what nothing needs",
    "--only-binary": "this command builds nothing; `install`, `download` and others do",
    "--only-deps": "only `variantctl install` has it",
    "--only-final": "pre-releases are taken only where a specifier names one, or --pre says so",
    "--outdated": "`variantctl list --outdated` shows it",
    "--output-file": "--output is the name here",
    "--output-format": "--json is the name here",
    "--override": "files are for `install`, `lock`, `download`, `matrix` and `export`",
    "--overrides": "files are for `install`, `lock`, `download`, `matrix` and `export`",
    "--package": "name the package: `variantctl tree NAME`",
    "--path": "--target DIR names a folder",
    "--platform": "`install --target`, `download`, `lock` have it; this is about what is installed",
    "--powershell": "there is no script for PowerShell: bash, zsh, tcsh and fish have one",
    "--prerelease": "--pre takes pre-releases",
    "--prerelease-package": "a specifier that names a pre-release (x>=2.0rc1) takes them of that package",
    "--project": "change the folder first",
    "--proxy": "the variables HTTPS_PROXY and HTTP_PROXY name a proxy, and pip's configuration does",
    "--prune": "name what is wanted: `variantctl tree NAME`",
    "--python": "this command is about no environment",
    "--python-platform": "`install --target`, `download`, `lock` have it; this is about what is installed",
    "--python-version": "`install --target`, `download`, `lock` have it; this is about what is installed",
    "--refresh-package": "--refresh is for every page",
    "--reinstall-package": "name it alone: `variantctl install --reinstall NAME`",
    "--require-build-hashes": "there is nothing like it yet; --no-build builds nothing",
    "--require-hashes": "known hashes are always checked; `variantctl lock --require-hashes` asks for them",
    "--require-virtualenv": "nothing is installed by this command",
    "--requirement": "files are for `install`, `lock`, `download`, `matrix`, `export` and `uninstall`",
    "--requirements": "files are for `install`, `lock`, `download`, `matrix` and `export`",
    "--requirements-from-script": "-r SCRIPT.py is for `install`, `lock`, `download`, `matrix` and `export`",
    "--resolution": "there is nothing like it; pin versions with -c FILE",
    "--resume-retries": "downloads that are cut off are resumed anyway",
    "--retries": "requests are repeated anyway",
    "--root": "--prefix DIR and --target DIR install into a folder",
    "--show-sizes": "`variantctl list --json` and `variantctl matrix` have sizes",
    "--show-version-specifiers": "`variantctl show NAME` lists what it needs",
    "--site": "VARIANTCTL_CONFIG_FILE names the one configuration",
    "--src": "clones are temporary, since none is editable",
    "--strict": "`variantctl check` says what is missing",
    "--system-certs": "--cert and SSL_CERT_FILE name certificates",
    "--timeout": "pip's configuration says it (PIP_DEFAULT_TIMEOUT), and its word counts here",
    "--torch-backend": "--variant torch=LABEL takes one build, --profile NAME the best for another machine; "
    "for this machine the best is chosen by itself",
    "--trusted-host": "this command asks no index",
    "--universal": "`variantctl lock --all-variants` locks for any machine",
    "--upgrade": "the newest is taken anyway; `variantctl lock` keeps what its file has",
    "--upgrade-group": "--upgrade-package NAME is for a package",
    "--upgrade-package": "the newest is taken anyway; `variantctl lock` keeps what its file has",
    "--uploaded-prior-to": "this command chooses nothing; `install`, `lock` and others have it",
    "--uptodate": "`variantctl list --outdated` shows the others",
    "--use-deprecated": "there is no older behaviour to ask for",
    "--user": "VARIANTCTL_CONFIG_FILE names the one configuration",
    "--wheel-dir": "--dest is the name here; wheels of a project are made by `python -m build`",
    "--zsh": "name the shell: `variantctl completion zsh`",
}
"""An option of pip or uv -> what to say here."""

SHORT: Mapping[str, str] = {
    "-I": "--ignore-installed",
    "-P": "--upgrade-package",
    "-U": "--upgrade",
    "-a": "--algorithm",
    "-b": "--build-constraints",
    "-c": "--constraints",
    "-e": "--editable",
    "-l": "--local",
    "-n": "--no-cache",
    "-r": "--requirements",
    "-u": "--uptodate",
    "-w": "--wheel-dir",
}
"""A short option of pip or uv -> the long one whose answer is its own."""

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
    "--use-feature": 1,
    "--no-python-downloads": 0,
    "--no-break-system-packages": 0,
    "--include-editable": 0,
    "--allow-empty-requirements": 0,
}
"""Options of pip and uv that ask for what happens here anyway -> how many values each takes."""


LOCAL_COMMANDS = ("check", "freeze", "show", "tree", "uninstall")
"""Commands that ask no index: what is said of indexes and the cache changes nothing there."""

IGNORED_BY_LOCAL: Mapping[str, int] = {
    "-f": 1,
    "-i": 1,
    "-n": 0,
    "--cache-dir": 1,
    "--cert": 1,
    "--extra-index-url": 1,
    "--find-links": 1,
    "--index-strategy": 1,
    "--index-url": 1,
    "--no-cache": 0,
    "--no-cache-dir": 0,
    "--no-index": 0,
    "--offline": 0,
    "--trusted-host": 1,
}
"""Options that ``LOCAL_COMMANDS`` take and ignore -> how many values each takes."""


def of_command(wrong: str, known: Iterable[str], words: Sequence[str] = ()) -> str | None:
    """What may have been meant by a command that there is not; None where nothing is near.

    Args:
        wrong: the command.
        known: the commands that there are.
        words: the whole command line: after ``pip`` or ``uv`` the next word says more.
    """
    from variantctl.variants.suggestions import did_you_mean

    if wrong in TOOLS and (said := _without_tool(words, known)) is not None:
        return said
    ours = COMMANDS.get(wrong)
    if ours is not None:
        return f"did you mean 'variantctl {ours}'?"
    return did_you_mean(wrong, known)


def of_action(command: str, wrong: str, known: Iterable[str]) -> str | None:
    """What may have been meant by an action that a command does not have; None where nothing is near."""
    from variantctl.variants.suggestions import did_you_mean

    ours = ACTIONS.get(f"{command} {wrong}")
    if ours is None and command == "wheel" and not did_you_mean(wrong, known):
        # "pip wheel torch": what follows is a requirement.
        ours = "download"
    return f"did you mean 'variantctl {ours}'?" if ours is not None else did_you_mean(wrong, known)


def of_option(word: str, known: Iterable[str]) -> str | None:
    """What to write in place of an option that a command does not have."""
    from variantctl.variants.suggestions import did_you_mean

    name = word.partition("=")[0] if word.startswith("--") else word[:2]
    said = OPTIONS.get(SHORT.get(name, name))
    return f"{name}: {said}" if said is not None else did_you_mean(name, known)


def not_installed(name: str, place: str, known: Iterable[str]) -> str:
    """That a package is not in an environment, with what may have been meant of what is."""
    from variantctl.indexes.project_names import meant

    near = meant(name, known)
    return f"{name} is not installed in {place}{f': {near}' if near is not None else ''}"


def _without_tool(words: Sequence[str], known: Iterable[str]) -> str | None:
    """``uv pip compile`` is what ``compile`` is; where no word follows, nothing is known."""
    rest = [word for word in words if not word.startswith("-") and word not in TOOLS][:1]
    if not rest:
        return None
    return f"did you mean 'variantctl {rest[0]}'?" if rest[0] in known else of_command(rest[0], known)
