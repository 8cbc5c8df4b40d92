"""Profiles: machines written down. A TOML file of facts, from which the supported properties follow."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

from variantctl.filesystem.bounded import read_bounded
from variantctl.providers.errors import ProfileError, UnknownProfileError
from variantctl.providers.machine_platform import PLATFORM_KEYS, PlatformFacts, check_platform_fact
from variantctl.providers.plugins import our_plugins
from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.properties import ABI_DEPENDENCY, VariantProperty
from variantctl.variants.suggestions import did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORMAT = 1
_DATA = Path(__file__).parent / "data"
_TOP_KEYS = ("format", "name", "title", "description", "sources", "platform", "properties")


@dataclass(frozen=True)
class Profile:
    """A machine written down.

    Attributes:
        name: what it is called.
        platform: its operating system, processor, C library and Python; ``None`` means this interpreter's.
        namespaces: namespace of ours -> its facts (``{"cuda_driver": "12.8", ...}``), in the file's order.
        properties: any other namespace -> feature -> values, both best first, as PEP 850's static lists.
        sources: where the facts come from.
        title: what people call the machine; ``""`` where it does not say.
        description: the same in a sentence, or ``""``.
    """

    name: str
    platform: PlatformFacts | None = None
    namespaces: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    properties: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    title: str = ""
    description: str = ""

    def supported(self) -> dict[str, dict[str, list[str]]]:
        """Namespace -> feature -> values, best first: all that this machine supports.

        A namespace whose facts support nothing (a driver outside the known range) is left out.
        """
        supported: dict[str, dict[str, list[str]]] = {}
        for namespace, facts in self.namespaces.items():
            configs = our_plugins()[namespace].configs_from_facts(facts)
            if configs:
                supported[namespace] = {config.name: list(config.values) for config in configs}
        for namespace, features in self.properties.items():
            supported[namespace] = {feature: list(values) for feature, values in features.items()}
        return supported

    def notes(self) -> dict[str, list[str]]:
        """Namespace -> what a person should know about its facts."""
        notes = {name: our_plugins()[name].notes_from_facts(facts) for name, facts in self.namespaces.items()}
        return {name: messages for name, messages in notes.items() if messages}


def shipped_profiles() -> list[str]:
    """The names of the profiles that come with variantctl, sorted."""
    return sorted(path.stem for path in _DATA.glob("*.toml"))


def load_profile(name_or_path: str) -> Profile:
    """Load a shipped profile by its name, or a profile file by its path.

    Raises:
        UnknownProfileError: there is neither.
        ProfileError: the file cannot be read or understood.
    """
    path = _DATA / f"{name_or_path}.toml"
    # A path separator or a suffix can only mean a file; a bare word means a shipped profile first.
    is_path = name_or_path.endswith(".toml") or Path(name_or_path).name != name_or_path
    if is_path or not path.is_file():
        path = Path(name_or_path)
        if not path.is_file():
            raise UnknownProfileError(_unknown(name_or_path, is_path), hint=_close_names(name_or_path))
    try:
        data = read_bounded(path)
    except OSError as error:
        raise ProfileError(f"cannot be read: {error.strerror}", source=str(path)) from error
    return parse_profile(data, source=str(path), default_name=path.stem)


def parse_profile(data: bytes, *, source: str, default_name: str = "profile") -> Profile:
    """Read a profile from the bytes of its TOML file.

    Raises:
        ProfileError: naming the file, the key, and what is allowed there.
    """
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"not valid TOML: {error}", source=source) from error
    if table.get("format") != FORMAT or isinstance(table.get("format"), bool):
        problem = f"this variantctl reads format {FORMAT}, not {table.get('format', 'none')!r}"
        raise ProfileError(problem, source=source, key="format", hint=f"The file must say: format = {FORMAT}")
    plugins = our_plugins()
    for key in table:
        if key not in (*_TOP_KEYS, *plugins):
            raise _unknown_key(key, (*_TOP_KEYS, *plugins), source)
    name = table.get("name", default_name)
    if not isinstance(name, str) or not name:
        raise ProfileError(
            f"{name!r} is not a name", source=source, key="name", hint='Write, for example, name = "h100".'
        )
    return Profile(
        name=name,
        platform=_platform(table, source),
        namespaces={key: _facts(table, key, source) for key in table if key in plugins},
        properties=_properties(table, source),
        sources=_sources(table, source),
        title=_text(table, "title", source),
        description=_text(table, "description", source),
    )


def dump_profile(
    name: str,
    *,
    platform: PlatformFacts | None,
    namespaces: Mapping[str, Mapping[str, object]],
    properties: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    sources: tuple[str, ...] = (),
    title: str = "",
    description: str = "",
) -> str:
    """The TOML text of a profile, which :func:`parse_profile` reads back to the same facts."""
    import tomli_w

    table: dict[str, object] = {"format": FORMAT, "name": name}
    table |= {key: text for key, text in (("title", title), ("description", description)) if text}
    if sources:
        table["sources"] = list(sources)
    if platform is not None:
        table["platform"] = {key: value for key, value in platform.as_json().items() if value is not None}
    table.update({namespace: dict(facts) for namespace, facts in namespaces.items()})
    if properties:
        table["properties"] = {
            namespace: {feature: list(values) for feature, values in features.items()}
            for namespace, features in properties.items()
        }
    return tomli_w.dumps(table)


def _platform(table: Mapping[str, object], source: str) -> PlatformFacts | None:
    if "platform" not in table:
        return None
    facts = _table(table, "platform", source)
    for key, value in facts.items():
        if key not in PLATFORM_KEYS:
            raise _unknown_key(key, PLATFORM_KEYS, source, "platform.")
        allowed = check_platform_fact(key, value)
        if allowed is not None:
            problem = f"{value!r} is not understood"
            raise ProfileError(problem, source=source, key=f"platform.{key}", hint=f"Allowed: {allowed}.")
    return PlatformFacts(**{key: str(value) for key, value in facts.items()})


def _facts(table: Mapping[str, object], namespace: str, source: str) -> Mapping[str, object]:
    facts = _table(table, namespace, source)
    try:
        our_plugins()[namespace].configs_from_facts(facts)
    except ValueError as error:
        # The plugin's own FactsError, whose class is behind an entry point, has these attributes.
        key = f"{namespace}.{getattr(error, 'key', '')}".rstrip(".")
        problem, allowed = getattr(error, "problem", str(error)), getattr(error, "allowed", None)
        choices = getattr(error, "choices", ())
        close = [
            word for bad in _words(facts, error) for word in difflib.get_close_matches(bad, choices, n=1)
        ]
        hint = f"did you mean {close[0]!r}?" if close else allowed
        raise ProfileError(problem, source=source, key=key, hint=hint) from error
    return facts


def _words(facts: Mapping[str, object], error: ValueError) -> list[str]:
    """The offending words of a table: those of the key's value that are no choice, else the key itself."""
    key, choices = str(getattr(error, "key", "")), getattr(error, "choices", ())
    value = facts.get(key)
    bad = (
        [word for word in value if isinstance(word, str) and word not in choices]
        if isinstance(value, list)
        else []
    )
    return bad or [key]


def _properties(table: Mapping[str, object], source: str) -> dict[str, dict[str, tuple[str, ...]]]:
    properties: dict[str, dict[str, tuple[str, ...]]] = {}
    namespaces = _table(table, "properties", source) if "properties" in table else {}
    for namespace in namespaces:
        key = f"properties.{namespace}"
        if namespace in our_plugins() or namespace == ABI_DEPENDENCY:
            problem = "this namespace is not a list of properties"
            hint = (
                f"Write its facts under [{namespace}]." if namespace != ABI_DEPENDENCY else "It is reserved."
            )
            raise ProfileError(problem, source=source, key=key, hint=hint)
        features = _table(namespaces, namespace, source, "properties.")
        properties[namespace] = {
            feature: _values(namespace, feature, values, source) for feature, values in features.items()
        }
    return properties


def _values(namespace: str, feature: str, values: object, source: str) -> tuple[str, ...]:
    key = f"properties.{namespace}.{feature}"
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        problem = f"{values!r} is not a list of strings"
        raise ProfileError(
            problem, source=source, key=key, hint='Write, for example, ["910b"]; the best goes first.'
        )
    try:
        for value in values:
            VariantProperty(namespace, feature, value)
    except InvalidVariantError as error:
        raise ProfileError(error.rule, source=source, key=key) from error
    return tuple(dict.fromkeys(values))


def _sources(table: Mapping[str, object], source: str) -> tuple[str, ...]:
    sources = table.get("sources", [])
    if not isinstance(sources, list) or not all(isinstance(item, str) for item in sources):
        raise ProfileError("not a list of strings", source=source, key="sources")
    return tuple(sources)


def _text(table: Mapping[str, object], key: str, source: str) -> str:
    text = table.get(key, "")
    if not isinstance(text, str):
        raise ProfileError(f"{text!r} is not a text", source=source, key=key)
    return text


def _table(table: Mapping[str, object], key: str, source: str, prefix: str = "") -> dict[str, object]:
    value = table[key]
    if not isinstance(value, dict):
        raise ProfileError(
            f"{value!r} is not a table", source=source, key=prefix + key, hint=f"Write [{prefix}{key}]."
        )
    return value


def _unknown_key(key: str, allowed: tuple[str, ...], source: str, prefix: str = "") -> ProfileError:
    close = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    if not prefix and not close:
        hint = f"another namespace's lists go under [properties.{key}]; "
    return ProfileError(
        "unknown key", source=source, key=prefix + key, hint=hint + "allowed: " + ", ".join(allowed)
    )


def _unknown(name: str, is_path: bool) -> str:
    return (
        f"{name}: no such profile file"
        if is_path
        else f"there is no profile {name!r}, and no file of that name"
    )


def _close_names(name: str) -> str:
    names = shipped_profiles()
    near = did_you_mean(Path(name).stem.lower(), names, cutoff=0.5)
    return near or f"shipped profiles: {', '.join(names)}"
