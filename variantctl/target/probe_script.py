"""Printed facts of the interpreter that runs this file: ``PYTHON -I -B probe_script.py FOLDER``.

Only the standard library is used, and only syntax that Python 3.6 can parse, so that an old interpreter
says what is wrong instead of raising. FOLDER holds the ``packaging`` distribution: its own ``sys_tags`` runs
inside this very interpreter, as nothing else knows the answer as exactly. The facts are a line of JSON.
"""

import json
import os
import platform
import sys
import sysconfig

MARK = "variantctl-probe:"


def marker_environment() -> "dict[str, str]":
    """The variables that PEP 508 ("Environment markers") defines, but for ``extra``."""
    info = sys.implementation.version
    implementation_version = f"{info.major}.{info.minor}.{info.micro}"
    if info.releaselevel != "final":
        implementation_version += info.releaselevel[0] + str(info.serial)
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": implementation_version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def scheme_paths(is_virtual: bool) -> "dict[str, str]":
    """The folders packages go to now, under the prefix (sysconfig's ``venv`` scheme where it applies)."""
    names = sysconfig.get_scheme_names()
    paths = sysconfig.get_paths("venv") if is_virtual and "venv" in names else sysconfig.get_paths()
    python = "python{}.{}".format(*sys.version_info[:2])
    headers = os.path.join(sys.prefix, "include", "site", python) if is_virtual else paths["include"]
    return {
        "purelib": paths["purelib"],
        "platlib": paths["platlib"],
        "scripts": paths["scripts"],
        "data": paths["data"],
        "headers": headers,
    }


def user_scheme() -> "dict[str, str] | None":
    """The folders of ``--user`` (PEP 370); None in a virtual environment that does not see them."""
    if sys.prefix != sys.base_prefix and not _sees_the_system():
        return None
    framework = sys.platform == "darwin" and sysconfig.get_config_var("PYTHONFRAMEWORK")
    paths = sysconfig.get_paths("osx_framework_user" if framework else f"{os.name}_user")
    names = {name: paths[name] for name in ("purelib", "platlib", "scripts", "data")}
    names["headers"] = paths.get("include", paths["data"])
    return names


def _sees_the_system() -> bool:
    """Whether pyvenv.cfg says so: then the user's packages are seen as well (the module ``site``)."""
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
            lines = [line.partition("=") for line in file]
    except OSError:
        return False
    settings = {key.strip().lower(): value.strip().lower() for key, _, value in lines}
    return settings.get("include-system-site-packages") == "true"


def relative_scheme_paths() -> "dict[str, str]":
    """The same folders relative to any prefix, for ``--prefix``."""
    names = sysconfig.get_scheme_names()
    scheme = "venv" if "venv" in names else "nt" if os.name == "nt" else "posix_prefix"
    base = {"base": "", "platbase": "", "installed_base": "", "installed_platbase": ""}
    paths = sysconfig.get_paths(scheme, vars=base)
    return {
        "purelib": paths["purelib"].lstrip("/\\"),
        "platlib": paths["platlib"].lstrip("/\\"),
        "scripts": paths["scripts"].lstrip("/\\"),
        "data": "",
        "headers": paths["include"].lstrip("/\\"),
    }


def sys_tags(folder: str) -> "list[str] | None":
    """What ``packaging.tags.sys_tags()`` gives in here, best first; None where this Python is too old."""
    sys.path.insert(0, folder)
    try:
        from packaging import tags
    except (ImportError, AttributeError, SyntaxError, TypeError):
        return None
    finally:
        sys.path.remove(folder)
    return [str(tag) for tag in tags.sys_tags()]


def main() -> None:
    """Print the facts."""
    is_virtual = sys.prefix != sys.base_prefix
    site_paths = list(sys.path)
    facts = {
        "executable": sys.executable,
        "version": list(sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "stdlib": sysconfig.get_path("stdlib", sysconfig.get_default_scheme())
        if hasattr(sysconfig, "get_default_scheme")
        else sysconfig.get_path("stdlib"),
        "is_virtual": is_virtual,
        "scheme": scheme_paths(is_virtual),
        "relative_scheme": relative_scheme_paths(),
        "user_scheme": user_scheme(),
        "site_paths": site_paths,
        "platform": sysconfig.get_platform(),
        "soabi": sysconfig.get_config_var("SOABI"),
        "markers": marker_environment(),
        "tags": sys_tags(sys.argv[1]),
    }
    sys.stdout.write("\n" + MARK + json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
