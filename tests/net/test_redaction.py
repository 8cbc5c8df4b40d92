"""Passwords without a scheme, and texts that are megabytes long: each is passed over once."""

from __future__ import annotations

import time

import pytest

from variantctl.net.redaction import bare_text, redact, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user:pw@host", "user:****@host"),
        ("a user:p:w@x@host/x b", "a user:****@host/x b"),
        ("(user:pw@host)", "(user:****@host)"),
        ("/+user:pw@host", "/+user:****@host"),
        ("a.b+c~d:pw@[::1]", "a.b+c~d:****@[::1]"),
        ("<user:pw@host>", "<user:****@host>"),
        ("user:@host", "user:@host"),
        ("user://pw@host", "****@host".join(("user://", ""))),
        ("file:/x@host", "file:/x@host"),
        ("C:\\x@host", "C:\\x@host"),
        ("C:pw@host", "C:****@host"),
        ("x/user:pw@host", "x/user:****@host"),
        ("./user:pw@host/a.whl", "./user:****@host/a.whl"),
        ("/a/b/user:pw@127.0.0.1:1/f", "/a/b/user:****@127.0.0.1:1/f"),
        ("one@user:pw@host/a.whl", "one@user:****@host/a.whl"),
        ("//user:pw@host/simple", "//user:****@host/simple"),
        ("//user:p:w@x/y@host/simple", "//user:****@host/simple"),
        ("user:wr@ng:a/b@h", "user:****@h"),
        ("user:wr<a>ng@h", "user:****@h"),
        ("file:user:pw@host/x", "file:user:****@host/x"),
        ("file:/user:pw@host/x", "file:/user:****@host/x"),
        ("file://user:pw@host/x", "file://user:****@host/x"),
        ("file:///user:pw@host/x", "file:///user:****@host/x"),
        ("file:////user%3Apw%40host/x", "file:////user%3A****%40host/x"),
        ("/x/user%3apw%40host", "/x/user%3a****%40host"),
        (":pw@host", ":****@host"),
        ("./:pw@host", "./:****@host"),
        ("/bin:/opt/me@work/bin", "/bin:/opt/me@work/bin"),
        ("git@host.example/x", "git@host.example/x"),
        ("%2", "%2"),
        ("https://host/x/a:b@c", "https://host/x/a:b@c"),
        ("https://host/%40scope/a%3Ab", "https://host/%40scope/a%3Ab"),
        ("user:pw@-", "user:pw@-"),
    ],
)
def test_without_a_scheme(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:a@b/c@host/simple", "http://user:****@host/simple"),
        ("http://user:a@b?c@host/simple", "http://user:****@host/simple"),
        ("http://user:a@b#c@host/simple", "http://user:****@host/simple"),
        ("http://user:a@b/c@127.0.0.1:1/simple", "http://user:****@127.0.0.1:1/simple"),
        ("http://user:a@b.c/d@host.example/", "http://user:****@host.example/"),
        ("http://user:a@[::1]:80/d@x/", "http://user:****@[::1]:80/d@x/"),
        ("http://user:a/b@host", "http://user:****@host"),
        ("http://user:a:1/b@host", "http://user:****@host"),
        ("http://user:se[ret@host/x", "http://user:****@host/x"),
        ("http://user:se\\ret@host/x", "http://user:****@host/x"),
        ("http://user:a<b>c@host/x", "http://user:****@host/x"),
        ("http://user:a b@host/x", "http://user:****@host/x"),
        ("no http://user:a b c@host/x, d", "no http://user:****@host/x, d"),
        ("http://user:pw://a@host/x", "http://user:****@host/x"),
        ("http://a.example:80,http://user:pw@host/", "http://a.example:****@host/"),
        ("http://a.example,http://user:pw@host/", "http://a.example,http://user:****@host/"),
        ('["http://a/b","http://user:pw@host/"]', '["http://a/b","http://user:****@host/"]'),
        ("http://user:pw@a.example/,http://b:pw@host/", "http://user:****@a.example/,http://b:****@host/"),
        ("http:user:pw@host", "http:****@host"),
        ("http:/user:pw@host", "http:****@host"),
        # What stands after the host is no password.
        (
            "https://user:pw@host.example/feed@Local/simple",
            "https://user:****@host.example/feed@Local/simple",
        ),
        ("https://user:pw@host:80/@scope/x", "https://user:****@host:80/@scope/x"),
        ("git+https://user:pw@host/x.git@v1", "git+https://user:****@host/x.git@v1"),
        ("git+https://user:pw@host/x@v1", "git+https://user:****@host/x@v1"),
        ("git+https://user:pw@host.example/x.git@a.b", "git+https://user:****@host.example/x.git@a.b"),
        ("https://host:8080/simple and a@host.example", "https://host:8080/simple and a@host.example"),
    ],
)
def test_passwords_that_end_a_host(text: str, shown: str) -> None:
    """``/``, ``?``, ``#``, ``@``, a bracket or a blank in a password hid a part of it alone."""
    assert redact(text) == shown
    assert redact(shown) == shown


UNITS = (
    "a",
    "a+",
    "a~",
    ",a:",
    "x:",
    "@",
    "a@",
    " a:b@c",
    "://",
    "x://",
    "a:@",
    "?a=b&",
    "?",
    ".a",
    "-",
    "x://a:b ",
    "%40",
    "u%3A",
    "/a:/",
    "@x/",
)


@pytest.mark.parametrize("unit", UNITS)
def test_long_texts_take_as_long_as_they_are(unit: str) -> None:
    """30,000 letters and an '@' took 9 s, a hundred times as many a day."""
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    for tail in ("", "@x.test", "://@x.test", "://u:p@x.test", "="):
        for work in (redact, bare_text, without_secrets):
            work(text + tail)
    assert time.process_time() - began < 20
