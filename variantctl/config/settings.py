"""Which sources to use, and how to reach them."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName

from variantctl.backends.source import BackendSource
from variantctl.cache.folder import Cache
from variantctl.config.backends import BackendChoice, choose_backends
from variantctl.config.families import load_families
from variantctl.config.file import IndexTable, read_configuration
from variantctl.config.pip import PipConfig, pip_default_index, read_pip_config
from variantctl.config.uploads import UploadLimits, first_said, limits_of_variables
from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.net.client import HttpSettings
from variantctl.values import dataclass, field, replace

if TYPE_CHECKING:
    from variantctl.config.project import ProjectSettings

DEFAULT_TIMEOUT = 30.0
FIRST_MATCH = "first-match"
BEST_VERSION = "best-version"
STRATEGIES = (FIRST_MATCH, BEST_VERSION)


@dataclass(frozen=True)
class SourceLayer:
    """The sources that one place names.

    Attributes:
        origin: the place, as a person would say it (``the command line``, the path of a file).
        index_url: the default index.
        extra_index_urls: asked before it.
        find_links: folders, pages and archives whose files are joined.
        no_index: neither its own indexes nor those of the layers below are used.
        backends: sources of kind ``backends``: those that somebody named are asked before the extra indexes,
            those that are asked by default after them.
    """

    origin: str
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    backends: tuple[BackendSource, ...] = ()


@dataclass(frozen=True)
class IndexSettings:
    """Every source, and how they are reached. Constructed directly, it names exactly what is given.

    Attributes:
        index_url: the default index; ``None``: that of the layers below, if any has one.
        extra_index_urls: asked before it, in order.
        find_links: folders, pages and archives whose files are joined with what the indexes have.
        no_index: no index is used at all.
        cert: certificate authorities to trust (pip's ``cert``); ``None``: those of the system.
        client_cert: a PEM file with the client's own certificate and key.
        proxy: a proxy for everything; ``None``: what the environment says.
        trusted_hosts: hosts whose certificates are not checked, and that plain http may go to (pip's
            ``trusted-host``).
        timeout: of a connection and of each read, in seconds.
        offline: only the cache and folders are used.
        refresh: stored pages are asked for again.
        below: the sources that configuration names, nearest first; see ``layers``.
        origin: who named the sources of this object itself.
        backends: sources of kind ``backends``, asked before all of those.
        strategy: ``first-match``: the first index that has a project is the only one asked for it;
            ``best-version``: all are asked, and what they have is one list.
        pins: project -> the only place where it is looked for: the URL of an index, or the name of one of
            the sources of kind ``backends``.
        keyring: whether the command ``keyring`` may be asked for passwords.
        ignore_error_codes: URL of an index, without credentials and slash at the end -> HTTP statuses that
            say that it does not have a project, so that the next index is asked.
        uploads: before when the files of indexes must have been uploaded.
        families: which names count as builds of one project.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT
    offline: bool = False
    refresh: bool = False
    below: tuple[SourceLayer, ...] = ()
    origin: str = "the command line"
    backends: tuple[BackendSource, ...] = ()
    strategy: str = FIRST_MATCH
    pins: Mapping[NormalizedName, str] = field(default_factory=dict)
    keyring: bool = False
    ignore_error_codes: Mapping[str, Collection[int]] = field(default_factory=dict)
    uploads: UploadLimits = field(default_factory=UploadLimits)
    families: Families = NO_FAMILIES

    @property
    def http(self) -> HttpSettings:
        """The part that says how requests are made."""
        return HttpSettings(
            cert=self.cert,
            client_cert=self.client_cert,
            proxy=self.proxy,
            trusted_hosts=self.trusted_hosts,
            timeout=self.timeout,
            offline=self.offline,
            keyring=self.keyring,
        )

    @property
    def layers(self) -> tuple[SourceLayer, ...]:
        """The sources in the order in which they are searched.

        The command line comes first, then each place of configuration. Within one, extra indexes go
        before the default index. A default index that is named replaces those of the layers below, and
        ``no_index`` every index below, as with pip. Other sources below stay, but what a nearer
        layer's index has is never looked for further down.
        """
        own = SourceLayer(
            self.origin,
            self.index_url,
            self.extra_index_urls,
            self.find_links,
            self.no_index,
            self.backends,
        )
        layers: list[SourceLayer] = []
        default_known = indexes_off = False
        for layer in (own, *self.below):
            indexes_off = indexes_off or layer.no_index
            if indexes_off:
                layer = replace(layer, index_url=None, extra_index_urls=(), no_index=True, backends=())
            elif default_known:
                layer = replace(layer, index_url=None)
            default_known = default_known or layer.index_url is not None
            layers.append(layer)
        return tuple(layers)


def load_index_settings(
    *,
    index_url: str | None = None,
    extra_index_urls: Sequence[str] = (),
    find_links: Sequence[str] = (),
    no_index: bool = False,
    cert: str | None = None,
    trusted_hosts: Sequence[str] = (),
    offline: bool = False,
    refresh: bool = False,
    strategy: str | None = None,
    backends: Sequence[str] = (),
    no_backends: bool = False,
    no_families: bool = False,
    pins: Sequence[str] = (),
    uploads: UploadLimits | None = None,
    project: ProjectSettings | None = None,
    environ: Mapping[str, str] = os.environ,
    python: Path | None = None,
    prefix: Path | None = None,
    cache: Cache | None = None,
) -> IndexSettings:
    """The sources that the command line, the environment and configuration files name.

    In this order: the arguments; ``VARIANTCTL_INDEX_URL`` (with ``VARIANTCTL_EXTRA_INDEX_URL``,
    ``VARIANTCTL_FIND_LINKS`` and ``VARIANTCTL_NO_INDEX``); variantctl's configuration file; pip's variables
    and files. Where none of them names a default index, pip is asked for its own.

    Args:
        index_url, extra_index_urls, find_links, no_index, cert: of the command line.
        trusted_hosts, offline, refresh: of it too.
        strategy, backends, no_backends, pins: of the command line too; see ``choose_backends``.
        uploads: of the command line too: ``--exclude-newer``.
        project: what the project that is worked on says; it goes before the configuration file.
        no_families: of it too: no name counts for another.
        environ: the environment variables.
        python: the interpreter that is installed into; its pip may be asked.
        prefix: of that interpreter (its ``pip.conf`` counts); the running one's where left out.
        cache: remembers pip's answer; the user's cache where left out.

    Raises:
        SettingsError: a configuration file or a variable cannot be understood.
    """
    configuration = read_configuration(environ)
    table = configuration.index if configuration else None
    pip = read_pip_config(environ, prefix or Path(sys.prefix))
    ours = _table_layer(project.index) if project else None
    layers = [layer for layer in (_variables(environ), ours, _table_layer(table), _pip_layer(pip)) if layer]
    own = IndexSettings(
        index_url,
        tuple(extra_index_urls),
        tuple(find_links),
        no_index,
        offline=offline or _is_set(environ, "VARIANTCTL_OFFLINE"),
        refresh=refresh,
        below=tuple(layer for layer in layers if layer != SourceLayer(layer.origin)),
        strategy=strategy
        or (project and project.index and project.index.strategy)
        or (table and table.strategy)
        or FIRST_MATCH,
        keyring=_keyring(environ, table.keyring_provider if table else None, pip.text("keyring-provider")),
        ignore_error_codes=table.ignore_error_codes if table else {},
        uploads=_uploads(uploads, environ, project, table, pip),
        **_ways(cert, trusted_hosts, environ, table, pip),
    )
    choice = choose_backends(
        named=backends,
        off=no_backends or _is_set(environ, "VARIANTCTL_NO_BACKENDS"),
        pins=pins,
        replaced=index_url is not None,
        configuration=configuration,
        project=project.sources if project else {},
        environ=environ,
    )
    default_named = any(layer.index_url is not None or layer.no_index for layer in own.layers)
    families = load_families(environ, configuration, off=no_families, elsewhere=not default_named)
    own = replace(own, families=families)
    if not default_named:
        default = pip_default_index(environ, cache=cache or Cache.open(environ=environ), python=python)
        own = _with_default(own, default, layers[-1], choice)
    if choice.configured:
        own = replace(own, below=(SourceLayer("configuration", backends=choice.configured), *own.below))
    return replace(own, backends=choice.command_line, pins=choice.pins or {})


def _ways(
    cert: str | None,
    trusted_hosts: Sequence[str],
    environ: Mapping[str, str],
    table: IndexTable | None,
    pip: PipConfig,
) -> dict[str, Any]:
    """How sources are reached: the command line, variantctl's configuration, then pip's."""
    return {
        "cert": cert or (table and table.cert) or pip.text("cert"),
        "client_cert": (table and table.client_cert) or pip.text("client-cert"),
        "proxy": (table and table.proxy) or pip.text("proxy"),
        "trusted_hosts": (
            *trusted_hosts,
            *environ.get("VARIANTCTL_TRUSTED_HOST", "").split(),
            *(table.trusted_hosts if table else ()),
            *pip.words("trusted-host"),
        ),
        "timeout": (table and table.timeout) or pip.seconds("timeout", "default-timeout") or DEFAULT_TIMEOUT,
    }


def _uploads(
    named: UploadLimits | None,
    environ: Mapping[str, str],
    project: ProjectSettings | None,
    table: IndexTable | None,
    pip: PipConfig,
) -> UploadLimits:
    """The command line, the variable, the project, our configuration, then pip's."""
    said = [named or UploadLimits(), limits_of_variables(environ)]
    said += [project.uploads] if project else []
    said += [table.uploads] if table else []
    if (text := pip.text("uploaded-prior-to")) is not None:
        from variantctl.config.moments import parse_moment

        origin = f"{pip.origin('uploaded-prior-to')}: uploaded-prior-to"
        said.append(UploadLimits(parse_moment(text, origin, whole_day=False)))
    return first_said(said)


def _with_default(
    own: IndexSettings, default: str | None, pips: SourceLayer, choice: BackendChoice
) -> IndexSettings:
    """The settings with the index that pip uses by itself, beside pip's configuration."""
    if default is None:
        return own
    others = [layer for layer in own.below if layer != pips]
    return replace(own, below=(*others, replace(pips, index_url=default, backends=choice.by_default)))


def _keyring(environ: Mapping[str, str], configured: str | None, pips: str | None) -> bool:
    """Whether the command may be asked: only where somebody says so, since it may open a dialog."""
    return (environ.get("VARIANTCTL_KEYRING_PROVIDER") or configured or pips) == "subprocess"


def _variables(environ: Mapping[str, str]) -> SourceLayer:
    return SourceLayer(
        "VARIANTCTL_INDEX_URL and the like",
        environ.get("VARIANTCTL_INDEX_URL") or None,
        tuple(environ.get("VARIANTCTL_EXTRA_INDEX_URL", "").split()),
        tuple(environ.get("VARIANTCTL_FIND_LINKS", "").split()),
        _is_set(environ, "VARIANTCTL_NO_INDEX"),
    )


def _table_layer(table: IndexTable | None) -> SourceLayer | None:
    if table is None:
        return None
    return SourceLayer(
        table.origin, table.index_url, table.extra_index_urls, table.find_links, table.no_index
    )


def _pip_layer(pip: PipConfig) -> SourceLayer:
    names = ("index-url", "extra-index-url", "find-links", "no-index")
    return SourceLayer(
        f"pip's configuration ({pip.origin(*names)})",
        pip.text("index-url"),
        pip.words("extra-index-url"),
        pip.words("find-links"),
        pip.flag("no-index"),
    )


def _is_set(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").strip().lower() not in {"", "0", "false", "no", "off"}
