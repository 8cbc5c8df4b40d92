"""Texts that are no URLs are an error of their own, whose message has no password in it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from variantctl.net.errors import InvalidUrlError
from variantctl.net.urls import joined_url, parsed_url, scheme_of, split_credentials

ROOT = Path(__file__).parents[2]
SECRET = "Pa55w0rd"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://usr:Pa55w0rd[x@h/simple", "bracket"),
        ("http://usr:Pa55w0rd@[bad/x", "bracket"),
        ("http://[bad/x", "bracket"),
        ("http://[::1]x:1/", "bracket"),
        ("http://[::1]x/", "bracket"),
        ("http://[v1.x]/", "bracket"),
        ("http://usr:Pa55w0rd@h\u2100x/", "no host is called"),
        ("http://h:99999/", "port"),
        ("http://h:x/", "port"),
        ("http://h:-1/", "port"),
        ("ftp://h:x/", "port"),
        ("http://h\x01/", "control"),
        ("http://h/\nx", "control"),
        ("http://h h/", "no host is called"),
        ("http://h\\x/", "no host is called"),
        ("http://%/", "no host is called"),
        ("http://%4/", "no host is called"),
        ("http://a%zz/", "no host is called"),
        ("http:///x", "names no host"),
        ("http://:80/x", "names no host"),
        ("http:usr:Pa55w0rd@h/x", "names no host"),
        ("https://usr:Pa55w0rd@", "names no host"),
        ("https://usr:Pa55w0rd@/x", "names no host"),
    ],
)
def test_what_is_no_url(url: str, why: str) -> None:
    with pytest.raises(InvalidUrlError, match=why) as caught:
        parsed_url(url)
    assert SECRET not in caught.value.message
    assert caught.value.hint and ("%40" in caught.value.hint) == ("@" in url)
    assert scheme_of(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1]:80/x",
        "http://[fe80::1%25eth0]/",
        "http://m\u00fcn.example:1/a b",
        "http://u%:p%2@127.0.0.1:1/x%2",
        "http://u:a b@h/",
        "http://a%20b/",
        "file:///x y",
        "../x",
        "",
        "http://h:/x",
    ],
)
def test_what_is_one(url: str) -> None:
    assert parsed_url(url).geturl() is not None


def test_links_that_cannot_be_joined() -> None:
    assert joined_url("http://h/x/", "../y") == "http://h/y"
    with pytest.raises(InvalidUrlError):
        joined_url("http://h/x/", "//[bad")


@pytest.mark.parametrize(
    "end", ["a@b/c@h/simple", "a@b?c@h", "a@b#c@h", "a@b.example/c@h.example/", "a@b/c@[::1]/"]
)
def test_two_places_for_a_host(end: str) -> None:
    """The request went to ``b``, with what stood before it as the password, and messages had the rest."""
    with pytest.raises(InvalidUrlError, match="two places") as caught:
        split_credentials(f"http://{SECRET}:{end}")
    assert "a@b" not in caught.value.message and "c@" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://u:p@pkgs.example/org/feed@Local/simple", "https://pkgs.example/org/feed@Local/simple"),
        ("https://u:p@h:80/@scope/x", "https://h:80/@scope/x"),
        ("https://t@h/x@b.org", "https://h/x@b.org"),
        ("https://h:8443/x?mail=a@b.org", "https://h:8443/x?mail=a@b.org"),
        ("https://u:p@q@h/x", "https://h/x"),
    ],
)
def test_what_is_after_the_host_is_not_before_it(url: str, bare: str) -> None:
    assert split_credentials(url)[0] == bare


def test_urls_are_taken_apart_in_one_place() -> None:
    """``urlsplit`` raises ``ValueError`` for a bracket, whose text may hold a password: a bug of ours."""
    theirs = {"urlsplit", "urlparse", "urldefrag", "urljoin"}
    found = set()
    for folder in ("variantctl", "index", "plugins", "release"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
                if isinstance(node, ast.Attribute):
                    names = {node.attr}
                if names & theirs:
                    found.add(path.relative_to(ROOT).as_posix())
    assert found == {"variantctl/net/urls.py"}
