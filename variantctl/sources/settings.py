"""Which sources to use, and how to reach them."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class SourceLayer:
    """The sources that one place names.

    Attributes:
        origin: the place, as a person would say it (``the command line``, the path of a file).
        index_url: the default index.
        extra_index_urls: asked before it.
        find_links: folders, pages and archives whose files are joined.
        no_index: neither its own indexes nor those of the layers below are used.
    """

    origin: str
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False


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
        trusted_hosts: hosts whose certificates are not checked (pip's ``trusted-host``).
        timeout: of a connection and of each read, in seconds.
        offline: only the cache and folders are used.
        refresh: stored pages are asked for again.
        below: the sources that configuration names, nearest first; see ``layers``.
        origin: who named the sources of this object itself.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    timeout: float = 30.0
    offline: bool = False
    refresh: bool = False
    below: tuple[SourceLayer, ...] = ()
    origin: str = "the command line"

    @property
    def layers(self) -> tuple[SourceLayer, ...]:
        """The sources in the order in which they are searched.

        The command line comes first, then each place of configuration. Within one, extra indexes go
        before the default index. A default index that is named replaces those of the layers below, and
        ``no_index`` every index below, as with pip. Other sources below stay, but what a nearer
        layer's index has is never looked for further down.
        """
        own = SourceLayer(self.origin, self.index_url, self.extra_index_urls, self.find_links, self.no_index)
        layers: list[SourceLayer] = []
        default_known = indexes_off = False
        for layer in (own, *self.below):
            indexes_off = indexes_off or layer.no_index
            if indexes_off:
                layer = replace(layer, index_url=None, extra_index_urls=(), no_index=True)
            elif default_known:
                layer = replace(layer, index_url=None)
            default_known = default_known or layer.index_url is not None
            layers.append(layer)
        return tuple(layers)
