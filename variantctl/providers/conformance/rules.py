"""The rules of the kit as data: what each asks for, who says so, and what to do where it is broken."""

from __future__ import annotations

from variantctl.values import dataclass

ERROR, WARNING = "error", "warning"
"""``error``: the PEP forbids it, or a tool fails or chooses wrongly. ``warning``: it costs time or trust."""

_API = "PEP 850, plugin API"
_VARIANTLIB = "variantlib 0.2"


@dataclass(frozen=True)
class Rule:
    """One thing that is looked at.

    Attributes:
        name: its name, for ``--json`` and for talking about it.
        level: ``error`` or ``warning``.
        asks: what is asked for, a sentence.
        source: who asks: a section of a PEP, or a tool and what it does otherwise.
        remedy: what to do where it is not so.
    """

    name: str
    level: str
    asks: str
    source: str
    remedy: str


def _rule(name: str, level: str, asks: str, source: str, remedy: str) -> Rule:
    return Rule(name, level, asks, source, remedy)


RULES = {
    rule.name: rule
    for rule in (
        _rule(
            "installable",
            ERROR,
            "The package has a wheel that can be installed here.",
            "PEP 850, providers: installers put plugins into an isolated environment",
            "publish a wheel; py3-none-any fits every machine",
        ),
        _rule(
            "entry-point",
            WARNING,
            "The package names its plugin under the entry point group variant_plugins.",
            "PEP 817, API endpoint: recommended, so that tools find plugins that are installed",
            'add [project.entry-points.variant_plugins] with  NAMESPACE = "MODULE:CLASS"',
        ),
        _rule(
            "pinned-dependencies",
            WARNING,
            "Dependencies are not pinned to one version.",
            "PEP 817, providers: plugin packages must not narrowly pin what they need",
            "ask for a lower bound instead of == in dependencies",
        ),
        _rule(
            "import",
            ERROR,
            "The endpoint can be imported, with or without the hardware.",
            f"{_API}: the endpoint is module[:object]",
            "import driver libraries inside get_supported_configs(), and catch what that raises",
        ),
        _rule(
            "import-cost",
            WARNING,
            "The import takes less than half a second.",
            "variantctl: an install waits for it",
            "import what is slow inside the functions that use it",
        ),
        _rule(
            "methods",
            ERROR,
            "There are get_all_configs() and get_supported_configs().",
            f"{_API}; {_VARIANTLIB} refuses a plugin without either",
            "add the method; get_all_configs() lists every valid feature and value",
        ),
        _rule(
            "no-arguments",
            ERROR,
            "Both are called on the endpoint itself, without arguments.",
            f"{_API}: module functions, class methods or static methods; {_VARIANTLIB} calls them so",
            "make it a classmethod or staticmethod, and give extra arguments a default",
        ),
        _rule(
            "namespace",
            WARNING,
            "The attribute namespace says the plugin's namespace.",
            "PEP 817, plugin interface: required there; later drafts take it from the metadata",
            'add  namespace = "..."  to the class, or to the module that is the endpoint',
        ),
        _rule(
            "namespace-grammar",
            ERROR,
            "A namespace has 0-9, a-z and _ only, and is not the reserved abi_dependency.",
            "PEP 825, variant properties",
            "choose a name of these characters that belongs to your project",
        ),
        _rule(
            "fixed",
            ERROR,
            "A plugin that says that it is fixed supports all that is valid, and has no multi-value feature.",
            "PEP 817, is_aot_plugin; variantlib 0.2, all_properties_compatible",
            "take the attribute away, or let get_supported_configs() return get_all_configs()",
        ),
        _rule(
            "returns-list",
            ERROR,
            "Both return a list.",
            f"{_API}: list[VariantFeatureConfigType]; {_VARIANTLIB} refuses tuples and generators",
            "return a list",
        ),
        _rule(
            "config-attributes",
            ERROR,
            "Each feature config has the attributes name, values and multi_value.",
            f"{_API}, variant feature config; {_VARIANTLIB} refuses others, dicts too",
            "return objects of a dataclass with name, values and multi_value: bool",
        ),
        _rule(
            "values-list",
            ERROR,
            "values is a list, whose order is the preference.",
            f"{_API}, variant feature config: list[str]",
            "make it a list, best value first",
        ),
        _rule(
            "grammar",
            ERROR,
            "Feature names have 0-9, a-z and _ only; values may have . as well; both are strings.",
            "PEP 825, variant properties",
            "write them in lower case, with _ for spaces and dashes",
        ),
        _rule(
            "empty-values",
            ERROR,
            "A feature that is listed has a value.",
            f"{_VARIANTLIB} refuses a feature without values",
            "leave the feature out where nothing of it is supported",
        ),
        _rule(
            "duplicates",
            ERROR,
            "No feature is listed twice, and no value of a feature.",
            f"{_VARIANTLIB} refuses either",
            "count devices that are alike once: list(dict.fromkeys(values))",
        ),
        _rule(
            "all-not-empty",
            ERROR,
            "get_all_configs() lists at least one feature.",
            f"{_VARIANTLIB} refuses a plugin that knows nothing",
            "list what is valid at all, also on machines without the hardware",
        ),
        _rule(
            "subset",
            ERROR,
            "What is supported is valid: get_supported_configs() is part of get_all_configs().",
            "PEP 817, plugin interface: it must be a subset",
            "add the missing features or values to get_all_configs(), with the same multi_value",
        ),
        _rule(
            "deterministic-all",
            ERROR,
            "get_all_configs() is the same in every process, whatever the environment.",
            "PEP 817, plugin interface: a version must always return the same value",
            "take it from a table, and not from the machine or the environment",
        ),
        _rule(
            "deterministic-supported",
            ERROR,
            "get_supported_configs() is the same in every process on one machine, in the same order.",
            f"{_API}: the order is the preference that wheels are chosen by",
            "sort, or keep a table's order; the order of a set changes from process to process",
        ),
        _rule(
            "raises",
            ERROR,
            "No method raises, or ends the process, on a machine without the hardware.",
            f"{_API}: no support is an empty list; {_VARIANTLIB} stops at an exception",
            "catch it, and return []",
        ),
        _rule(
            "crash",
            ERROR,
            "The process that asks lives on.",
            "variantctl and variantlib ask in a child process; its answer is lost",
            "ask the driver library in a child process of your own, and return [] where that dies",
        ),
        _rule(
            "time-limit",
            ERROR,
            "An answer takes less than 5 seconds.",
            "variantctl stops waiting then; variantlib waits for ever",
            "give every driver call and program a time limit",
        ),
        _rule(
            "slow",
            WARNING,
            "An answer takes less than a second.",
            "variantctl: an install waits for it",
            "ask the kernel's files before programs, and programs before drivers",
        ),
        _rule(
            "ends",
            ERROR,
            "The process ends when it has answered.",
            f"{_VARIANTLIB} waits for the process to end",
            "make threads daemons, and end the processes that you start",
        ),
        _rule(
            "stdout",
            ERROR,
            "Nothing is written to standard output.",
            f"{_VARIANTLIB} reads its answer from there, and fails",
            "log with the logging module; capture the output of programs that you run",
        ),
        _rule(
            "stderr",
            WARNING,
            "Nothing is written to standard error.",
            "variantctl: people see it amidst an install",
            "log with the logging module, at a level below WARNING",
        ),
        _rule(
            "network",
            WARNING,
            "No network connection is opened.",
            "variantctl: installs work offline, and a plugin must not tell others who installs what",
            "find the facts on the machine itself",
        ),
        _rule(
            "writes",
            WARNING,
            "No files are written.",
            "variantctl: a plugin is asked, and changes nothing",
            "use tempfile where a program needs a file, or keep it in memory",
        ),
    )
}
"""Name -> rule, in the order in which findings are shown."""
