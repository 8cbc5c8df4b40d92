"""No secret in what is shown or kept: user names and passwords in URLs, tokens in their queries.

Names of parameters that hold secrets: GitLab (``private_token``, ``job_token``), signed URLs of Amazon S3 and
CloudFront, Google Cloud Storage and Azure (``X-Amz-Signature``, ``Signature``, ``sig``), OAuth 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

HIDDEN = "****"
_NO_SECRETS = (("ssh", "git"), ("git+ssh", "git"))
# What is redacted may be anybody's and megabytes long: each pattern passes over it once. A scheme without
# an end would be begun at each of its letters.
_SCHEME = r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)"
_URL = _SCHEME + r"\S+"
_URL_IN_PROSE = _SCHEME + r"[^\s<>]+"
# "http://user:pass word@host": no port follows the colon, so what follows up to the "@" is a password.
_WITH_SPACES = (
    _SCHEME
    + r"([^\s/?#:@]{0,200}):(?!\d*(?:[/?#,;:)\"'\s]|\Z))[^@\s]{1,200}[^\S\n][^@\n]{0,200}@(?=[A-Za-z0-9\[])"
)
_USER = r"(?:[\w.+~-]|%(?!3[Aa]|40))+"
_COLON = r":|%3[Aa]"
_BEFORE_HOST = r"(?:@|%40)(?=[A-Za-z0-9\[])"
_NO_PASSWORD = r"(?://|%2[Ff]%2[Ff])"
_FILE = r"file(?::|%3[Aa])|[A-Za-z]:\\"
_QUERY = r"(?<=[?&;])([^=&;#\s\"'?]+)=([^&;#\s\"'<>]+)"
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw|pwd|auth|signature|credential|session|jwt|cookie|policy|"
    r"\A(?:.*[_-])?(?:key|sig|pass|code|pat|apikey|accesskey|awsaccesskeyid|googleaccessid)\Z|key[_-]?pair"
)
_RANDOM = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_.~%+/=-]{20,}\Z")
_HOST = (
    r"(?:localhost|\[[0-9a-fA-F:]+\]|[\w-]+(?:\.[\w-]+)*\.[A-Za-z][\w-]*|\d+(?:\.\d+){3})(?::\d+)?"
    r"(?=[/?#\"':,;)]|\Z)"
)
_ANY_HOST = r"[A-Za-z0-9\[]"
_HOST_AND_PORT = r"(?:\[[^\]/?#@]*\]|[^:/?#@\[\]]*)(?::\d*)?(?=[/?#]|\Z)"
_FULL_HOST = r"localhost|\[|[^:]*[.:]"


def redact(text: str) -> str:
    """*text* with the secrets of every URL in it hidden: ``user:****@host``, ``****@host``, ``?token=****``.

    Credentials count without a scheme too (``user:pass@host``), inside the path of a file
    (``/folder/user:pass@host``), as a ``file:`` URL quotes them (``user%3Apass%40host``), and where a
    password has characters that end the host of a URL (``/``, ``?``, ``#``, ``@``). At least as much is
    hidden as curl, httpx and urllib would send: all that stands before the last ``@`` of the authority.
    """
    if "@" in text or "%40" in text:
        text = re.sub(_WITH_SPACES, rf"\1\2:{HIDDEN}@", text)
        text = re.sub(_URL, lambda match: _without_userinfo(match[0]), text)
        words = re.split(r"(\s+)", text)
        text = "".join(_without_password(word) for word in words)
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
    end = end_of_userinfo(url)
    scheme = url.partition("://")[0]
    if end is not None and (scheme.lower(), url[len(scheme) + 3 : end]) not in _NO_SECRETS:
        url = f"{scheme}://{url[end + 1 :]}"
    address, number_sign, fragment = url.partition("#")
    path, _, query = address.partition("?")
    kept = [pair for pair in query.split("&") if not _is_secret(*pair.partition("=")[::2])]
    if len(kept) == query.count("&") + 1:
        return url
    return path + ("?" + "&".join(kept) if kept else "") + number_sign + fragment


def bare_text(text: str) -> str:
    """*text* with every URL in it as ``without_secrets`` has it; a requirement stays one."""
    return re.sub(_URL_IN_PROSE, lambda match: without_secrets(match[0]), text)


def end_of_userinfo(url: str) -> int | None:
    """Where the ``@`` is that ends the credentials of *url*; ``None`` where it has none.

    It may come after the authority (RFC 3986, 3.2): in ``http://user:pa/ss@host`` a slash is not quoted.
    """
    scheme, separator, _ = url.partition("://")
    return _end(scheme, url, len(scheme) + len(separator), {}) if separator else None


def _without_password(word: str) -> str:
    """``user:pass@host`` without a scheme as ``user:****@host``: from the first user to the last host."""
    end = max((found.start() for found in re.finditer(_BEFORE_HOST, word)), default=0)
    url = re.search(r"(?<!file)://", word)
    for user in re.finditer(_USER, word[:end]):
        colon = re.compile(_COLON).match(word, user.end())
        if colon is None or colon.end() >= end or re.compile(_NO_PASSWORD).match(word, colon.end()):
            continue
        in_url = url is not None and url.start() < user.start()
        starts = _starts(word, user, colon.end(), in_url=in_url)
        if any(not re.compile(_FILE).match(word, start) for start in starts):
            return word[: colon.end()] + HIDDEN + word[end:]
    nobody = re.search(r"(?:\A|[/@\"'])(?::|%3[Aa])(?!/)", word[:end])
    if nobody and url is None and nobody.end() < end:
        return word[: nobody.end()] + HIDDEN + word[end:]
    return word


def _starts(word: str, user: re.Match[str], password: int, *, in_url: bool) -> Iterator[int]:
    """Where a user's name may begin in a run of its characters.

    In the path of a URL it is not the name of a folder; there ``_without_userinfo`` has judged what precedes
    it. In the path of a file it may be one, unless a list of paths goes on after the colon (``/bin:/opt``).
    """
    before = word[max(0, user.start() - 5) : user.start()]
    is_list = before.endswith("/") and word.startswith("/", password)
    no_start = ("/", "@", ":", "*") if in_url else ("*@", "*", "://")
    follows_colon = before.endswith(":") and before.lower() != "file:"
    if not before.endswith(no_start) and not is_list and not follows_colon:
        yield user.start()
    yield from (place + 1 for place in range(user.start(), user.end() - 1) if word[place] in "+~")


def _without_userinfo(word: str) -> str:
    """A word with a URL in it, with what comes before the host hidden."""
    shown, done, places = "", 0, dict[str, int]()
    for found in re.finditer(_SCHEME, word):
        start = found.end()
        end = _end(found[1], word, start, places) if start >= done else None
        if end is not None:
            user, separator, password = word[start:end].partition(":")
            is_name = separator and password not in ("", "x-oauth-basic", "x-access-token")
            hidden = f"{user}:{HIDDEN}" if is_name and not _RANDOM.match(user) else HIDDEN
            shown, done = shown + word[done:start] + hidden, end
    return shown + word[done:]


def _end(scheme: str, text: str, start: int, places: dict[str, int]) -> int | None:
    """Where the ``@`` is that ends the credentials of the URL whose authority begins at *start*.

    What follows the authority belongs to them where a real host follows a later ``@``: always where the
    authority has a password and no full name of a host, or no number for a port. *places* has the last ``@``
    before a host, by pattern, once it was looked for: a text is looked through once for all URLs in it.
    """
    authority = text[start : re.compile(r"[^/?#]*").match(text, start).end()]  # type: ignore[union-attr]
    user, separator, host = authority.rpartition("@")
    end = start + len(user) if separator else None
    if ":" not in (user if separator else authority):
        return end
    is_host = re.fullmatch(_HOST_AND_PORT, host) is not None
    name = host if separator else host.partition(":")[0]
    has_full_name = is_host and re.match(_FULL_HOST, name) is not None
    if not separator and has_full_name:
        return None
    is_strict = has_full_name or (is_host and not separator) or scheme.lower().startswith("git+")
    pattern = _HOST if is_strict else _ANY_HOST
    if pattern not in places:
        found = (match.start() for match in re.finditer(f"@(?={pattern})", text))
        places[pattern] = max((place for place in found if not text.endswith(".git", 0, place)), default=-1)
    return places[pattern] if places[pattern] >= start + len(authority) else end


def _hidden_value(match: re.Match[str]) -> str:
    return f"{match[1]}={HIDDEN}" if _is_secret(match[1], match[2]) else match[0]


def _is_secret(name: str, value: str) -> bool:
    return bool(_SECRET_NAME.search(name) or _RANDOM.match(value))
