"""No secret in what is shown or kept: user names and passwords in URLs, tokens in their queries.

Names of parameters that hold secrets: GitLab (``private_token``, ``job_token``), signed URLs of Amazon S3 and
CloudFront, Google Cloud Storage and Azure (``X-Amz-Signature``, ``Signature``, ``sig``), OAuth 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "****"
_NO_SECRETS = (("ssh", "git"), ("git+ssh", "git"))
# What is redacted may be anybody's and megabytes long: each pattern passes over it once. A scheme without
# an end would be begun at each of its letters.
_URL = r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)([^\s<>]+)"
_SPACES = r"([\s<>]+)"
_USER = r"[\w.%+~-]+"
_BEFORE_HOST = r"@(?=[A-Za-z0-9\[])"
_FILE = r"file:|[A-Za-z]:\\"
_QUERY = r"(?<=[?&;])([^=&;#\s\"'?]+)=([^&;#\s\"'<>]+)"
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw|pwd|auth|signature|credential|session|jwt|cookie|policy|"
    r"\A(?:.*[_-])?(?:key|sig|pass|code|pat|apikey|accesskey|awsaccesskeyid|googleaccessid)\Z|key[_-]?pair"
)
_RANDOM = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_.~%+/=-]{20,}\Z")
_HOST = re.compile(
    r"(?:localhost|\[[0-9a-fA-F:]+\]|[\w-]+(?:\.[\w-]+)*\.[A-Za-z][\w-]*|\d+(?:\.\d+){3})(?::\d+)?(?=[/?#\"':,;)]|\Z)"
)
_HOST_AND_PORT = re.compile(r"[^:/?#@]*(?::\d*)?(?=[/?#]|\Z)")


def redact(text: str) -> str:
    """*text* with the secrets of every URL in it hidden: ``user:****@host``, ``****@host``, ``?token=****``.

    Credentials count without a scheme too (``user:pass@host``), and where a password has characters that end
    the host of a URL (``/``, ``?``, ``#``, ``@``).
    """
    if "@" in text:
        text = re.sub(_URL, lambda match: match[1] + _without_userinfo(match[2]), text)
        words = re.split(_SPACES, text)
        text = "".join(_without_password(word) if "@" in word else word for word in words)
    return re.sub(_QUERY, _hidden_value, text) if "=" in text else text


def redacted(value: object) -> object:
    """The same for every text in a JSON value."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: redacted(item) for name, item in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list | tuple) else value


def without_secrets(url: str) -> str:
    """*url* for writing down: no user name, no password, no parameter that holds a secret.

    PEP 610 asks for it in ``direct_url.json`` ("Specification"). The user name ``git`` of ssh stays, as it
    has it: everybody's is the same, and nothing could be cloned without it.
    """
    scheme, separator, rest = url.partition("://")
    end = _end_of_userinfo(rest) if separator else None
    if end is not None and (scheme.lower(), rest[:end]) not in _NO_SECRETS:
        url = f"{scheme}://{rest[end + 1 :]}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return redact(url)
    kept = [pair for pair in parts.query.split("&") if not _is_secret(*pair.partition("=")[::2])]
    whole = len(kept) == parts.query.count("&") + 1
    return url if whole else urlunsplit(parts._replace(query="&".join(kept)))


def bare_text(text: str) -> str:
    """*text* with every URL in it as ``without_secrets`` has it; a requirement stays one."""
    return re.sub(_URL, lambda match: without_secrets(match[0]), text)


def _without_password(word: str) -> str:
    """``user:pass@host`` without a scheme as ``user:****@host``: from the first user to the last host."""
    end = max((found.start() for found in re.finditer(_BEFORE_HOST, word)), default=0)
    for user in re.finditer(_USER, word[:end]):
        colon = user.end()
        if word[colon : colon + 1] == ":" and colon + 1 < end and not word.startswith("//", colon + 1):
            for start in _starts(word, user):
                if not re.match(_FILE, word[start : colon + 2]):
                    return f"{word[:colon]}:{HIDDEN}{word[end:]}"
    return word


def _starts(word: str, user: re.Match[str]) -> Iterator[int]:
    """Where a user's name may begin in a run of its characters: not in the middle of a path or a number."""
    if user.start() == 0 or word[user.start() - 1] not in ":/@*":
        yield user.start()
    yield from (place + 1 for place in range(user.start(), user.end() - 1) if word[place] in "+~")


def _without_userinfo(rest: str) -> str:
    """What follows ``://``, with what comes before the host hidden."""
    end = _end_of_userinfo(rest)
    if end is None:
        return rest
    user, separator, password = rest[:end].partition(":")
    shown = separator and password not in ("", "x-oauth-basic", "x-access-token") and not _RANDOM.match(user)
    return f"{user}:{HIDDEN}{rest[end:]}" if shown else f"{HIDDEN}{rest[end:]}"


def _end_of_userinfo(rest: str) -> int | None:
    """Where the ``@`` is that ends the credentials; ``None`` where there are none."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return authority.rindex("@")
    if ":" not in authority:
        return None
    # "user:pa/ss@host": what looks like a host is the user, and what looks like a port is no number, or the
    # host has no dot and a real one follows the "@".
    last = max((place for place in _places(rest, "@") if _HOST.match(rest, place + 1)), default=None)
    is_host = _HOST_AND_PORT.fullmatch(authority) and ("." in authority or "localhost" in authority)
    return None if is_host else last


def _places(text: str, character: str) -> list[int]:
    return [place for place, found in enumerate(text) if found == character]


def _hidden_value(match: re.Match[str]) -> str:
    return f"{match[1]}={HIDDEN}" if _is_secret(match[1], match[2]) else match[0]


def _is_secret(name: str, value: str) -> bool:
    return bool(_SECRET_NAME.search(name) or _RANDOM.match(value))
