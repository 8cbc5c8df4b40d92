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
        ("x/user:pw@host", "x/user:pw@host"),
        ("user:pw@-", "user:pw@-"),
    ],
)
def test_without_a_scheme(text: str, shown: str) -> None:
    assert redact(text) == shown


UNITS = ("a", "a+", "a~", ",a:", "x:", "@", "a@", " a:b@c", "://", "x://", "a:@", "?a=b&", "?", ".a", "-")


@pytest.mark.parametrize("unit", UNITS)
def test_long_texts_take_as_long_as_they_are(unit: str) -> None:
    """30,000 letters and an '@' took 9 s, a hundred times as many a day."""
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    for tail in ("", "@x.test", "://@x.test", "://u:p@x.test", "="):
        for work in (redact, bare_text, without_secrets):
            work(text + tail)
    assert time.process_time() - began < 20
