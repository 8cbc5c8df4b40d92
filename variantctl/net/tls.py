"""Which certificate authorities are trusted, and the client's own certificate."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.net.errors import SettingsError

if TYPE_CHECKING:
    import ssl

_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def tls_context(environ: Mapping[str, str], cert: str | None, client_cert: str | None) -> ssl.SSLContext:
    """The context for every connection.

    Authorities are read when the first connection by TLS is made: that takes longer than all requests to an
    index on loopback.

    Trusted are: *cert* (pip's ``cert`` setting) where given; else ``SSL_CERT_FILE`` with ``SSL_CERT_DIR``, or
    the bundle that requests and curl are told about, as pip heeds them; else the system's store; else, where
    the system has none, certifi's.

    Args:
        environ: the environment variables.
        cert: a PEM bundle, or a folder of hashed certificates.
        client_cert: a PEM file with the client's key and certificate.

    Raises:
        SettingsError: a file that was named is missing or, at the first use, cannot be read as certificates.
    """
    import ssl
    from threading import Lock

    reading = Lock()
    waiting = [True]

    def trust(context: ssl.SSLContext) -> None:
        with reading:
            if waiting[0]:
                _trust_authorities(context, environ, cert)
            waiting[0] = False

    class Context(ssl.SSLContext):
        def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
            trust(self)
            return super().wrap_socket(*args, **options)

        def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
            trust(self)
            return super().wrap_bio(*args, **options)

    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    if cert and not Path(cert).expanduser().exists():
        _trust(context, cert, "cert")
    if not cert and sys.version_info >= (3, 13):
        # As ssl.create_default_context does.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    if client_cert:
        try:
            context.load_cert_chain(client_cert)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"client-cert {client_cert}: cannot be used: {error}") from None
    return context


def _trust_authorities(context: ssl.SSLContext, environ: Mapping[str, str], cert: str | None) -> None:
    if cert:
        _trust(context, cert, "cert")
        return
    context.load_default_certs()
    if not _trust_environment(context, environ) and not _system_has_authorities(context):
        import certifi

        context.load_verify_locations(cafile=certifi.where())


def _trust_environment(context: ssl.SSLContext, environ: Mapping[str, str]) -> bool:
    """Trust what the variables name; whether one did."""
    for variable in _BUNDLE_VARIABLES:
        value = environ.get(variable)
        if value and Path(value).exists():
            _trust(context, value, variable)
            return True
    folder = environ.get("SSL_CERT_DIR")
    if folder and Path(folder).is_dir():
        _trust(context, folder, "SSL_CERT_DIR")
        return True
    return False


def _trust(context: ssl.SSLContext, location: str, said_by: str) -> None:
    import ssl

    path = Path(location).expanduser()
    try:
        if path.is_dir():
            context.load_verify_locations(capath=str(path))
        else:
            context.load_verify_locations(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"{said_by} {location}: cannot be read as certificates: {error}",
            hint="It must be a PEM file of certificate authorities, or a folder of them.",
        ) from None


def _system_has_authorities(context: ssl.SSLContext) -> bool:
    import ssl

    if context.cert_store_stats()["x509_ca"]:
        return True
    folder = ssl.get_default_verify_paths().capath
    return bool(folder) and any(Path(str(folder)).glob("*.0"))
