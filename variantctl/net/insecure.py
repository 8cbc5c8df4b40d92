"""Plain http is for this machine: on the way to another one anybody can read and change what comes.

The rule is pip's (its "secure origins"): https anywhere, http to loopback addresses, and whatever host the
user names as trusted, ``name`` or ``name:port``.
"""

from __future__ import annotations

from collections.abc import Collection

from variantctl.net.errors import NetworkError
from variantctl.net.urls import parsed_url


def check_transport(url: str, trusted_hosts: Collection[str], *, has_credentials: bool = False) -> None:
    """Refuse plain http to another machine.

    Args:
        url: without credentials.
        trusted_hosts: as the user named them.
        has_credentials: whether a password would go with the request; said in the message.

    Raises:
        NetworkError: it is refused.
    """
    parts = parsed_url(url)
    host = (parts.hostname or "").lower()
    if parts.scheme.lower() != "http" or is_this_machine(host):
        return
    if is_trusted(host, parts.port or 80, trusted_hosts):
        return
    risk = "change what is installed" + (
        ", and read the password that it asks for" if has_credentials else ""
    )
    raise NetworkError(
        f"{url} is plain http to another machine: whoever is on the way could {risk}",
        url=url,
        hint=f"Use https. If you trust the network as far as {host}, say so: --trusted-host {host}, "
        "or trusted-host in the configuration of variantctl or pip.",
    )


def is_this_machine(host: str) -> bool:
    """Whether a host is a loopback address, or the name of one (RFC 6761, 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_trusted(host: str, port: int, trusted_hosts: Collection[str]) -> bool:
    """Whether one of the names is that of the host, for any port or for this one."""
    named = map(named_host, trusted_hosts)
    return any(each is not None and each[0] == host and each[1] in (None, port) for each in named)


def named_host(named: str) -> tuple[str, int | None] | None:
    """The host that ``name``, ``name:port`` or a URL names, and the port; ``None``: it names none.

    A ``*`` names none, as for pip: httpx would take it, and a name that is empty, for every host.
    """
    try:
        parts = parsed_url(f"//{named.strip().rpartition('://')[2]}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    return (host, port) if host and host.isprintable() and not set(host) & set("* ") else None
