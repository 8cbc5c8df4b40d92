"""Publishing to a store: a real S3 API on loopback, obstore's own store, and one without conditions."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from obstore.store import MemoryStore, S3Store
from packaging.utils import canonicalize_name
from variant_index import operations
from variant_index import publisher as publisher_module
from variant_index.bucket import Bucket
from variant_index.build import build_index
from variant_index.changes import Add, Remove, Selection
from variant_index.claims import Claims
from variant_index.errors import Conflict, DestinationError, FolderError, IndexStateError
from variant_index.locations import open_destination
from variant_index.operations import IndexAt, add_files, remove_files, yank_files
from variant_index.publisher import Publisher
from variant_index.scan import scan_paths
from variant_index.verify import verify_index

from tests.index.object_store import ObjectStore, object_store
from tests.index.trees import readable, wheel
from variantctl.cli import main


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running


@pytest.fixture
def bucket(server: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A bucket of its own, and the environment to use it."""
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return server.bucket(hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20])


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    files = [("a", "1", None), ("a", "1", "cu126"), ("a", "1", "cu128"), ("b", "1", None)]
    return [wheel(tmp_path / "wheels", name, version, label) for name, version, label in files]


def found(url: str) -> list[str]:
    """What ``index verify`` finds."""
    return [f"{p.where}: {p.message}" for p in verify_index(IndexAt(url).publisher()).problems]


def headers_of(url: str) -> dict[str, str]:
    """The headers with which the server serves an object."""
    import obstore

    _, _, name, path = url.split("/", 3)
    store = open_destination(f"s3://{name}")
    assert isinstance(store, Bucket)
    assert isinstance(store._store, S3Store)
    link = obstore.sign(store._store, "GET", path, timedelta(minutes=1))
    with urllib.request.urlopen(link) as response:
        return {name.lower(): value for name, value in response.headers.items()}


def test_an_index_in_a_bucket(bucket: str, wheels: list[Path]) -> None:
    url = f"{bucket}/some/prefix"
    build_index(wheels[0].parent, url)
    assert found(url) == []
    assert readable(open_destination(url)) == []
    headers = headers_of(f"{url}/simple/a/index.json")
    assert headers["content-type"] == "application/vnd.pypi.simple.v1+json"
    assert headers["cache-control"] == "no-cache"
    assert headers_of(f"{url}/simple/a/index.html")["content-type"] == "text/html; charset=utf-8"
    sha256 = hashlib.sha256(wheels[1].read_bytes()).hexdigest()
    for suffix in ("", ".metadata"):
        headers = headers_of(f"{url}/simple/a/{sha256}/{wheels[1].name}{suffix}")
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert build_index(wheels[0].parent, url).read == 0
    for path in wheels[2:]:
        path.unlink()
    build_index(wheels[0].parent, url)
    assert found(url) == []
    stored = open_destination(url).read("simple/index.json")
    assert stored is not None
    assert [project["name"] for project in json.loads(stored.content)["projects"]] == ["a"]


def test_add_yank_and_remove_in_a_bucket(bucket: str, wheels: list[Path]) -> None:
    index = IndexAt(bucket)
    for path in wheels:
        add_files([path], index)
    assert add_files(wheels, index).unchanged == tuple(sorted(path.name for path in wheels))
    yank_files(["a==1"], index, "bad")
    remove_files([wheels[2].name], index)
    assert found(bucket) == []
    other = wheel(wheels[0].parent.parent / "other", "a", "1", "cu126", text="other")
    with pytest.raises(IndexStateError, match="with other contents"):
        add_files([other], index)
    add_files([other], index, replace=True)
    assert found(bucket) == []
    remove_files(["a"], index, whole=True)
    assert found(bucket) == []
    assert {
        f.path.split("/")[1] for f in open_destination(bucket).list("simple") if f.path.endswith("whl")
    } == {"b"}


@pytest.mark.parametrize("digest", ["streamed", "sha256", "checksum-sha256", "base64", "beside"])
def test_wheels_that_lie_in_the_bucket_are_indexed_where_they_are(
    digest: str, bucket: str, wheels: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore

    destination = open_destination(bucket)
    assert isinstance(destination, Bucket)
    big = wheel(wheels[0].parent, "a", "2", "cu126", text=random.Random(1).randbytes(1_000_000).hex())
    for path in (*wheels, big):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        attributes = {digest: sha256} if "sha256" in digest else {}
        if digest == "base64":
            attributes = {"checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode()}
        obstore.put(destination._store, f"files/{path.name}", path, attributes=attributes)
        if digest == "beside":
            destination.write(f"files/{path.name}.sha256", f"{sha256}  {path.name}\n".encode())
    fetched: list[int] = []
    original = Bucket.read_range

    def counting(self: Bucket, path: str, start: int, end: int) -> bytes:
        fetched.append(end - start)
        return original(self, path, start, end)

    monkeypatch.setattr(Bucket, "read_range", counting)
    summary = add_files([f"{bucket}/files"], IndexAt(bucket))
    assert len(summary.files) == 5
    assert any("streamed" in note for note in summary.notes) == (digest == "streamed")
    if digest != "streamed":
        assert sum(fetched) < big.stat().st_size / 4
    assert found(bucket) == []
    page = json.loads(destination.read("simple/a/index.json").content)  # type: ignore[union-attr]
    assert [file["url"] for file in page["files"] if file["filename"] == big.name] == [
        f"../../files/{big.name}"
    ]
    fetched.clear()
    assert len(add_files([f"{bucket}/files/"], IndexAt(bucket)).unchanged) == 5
    assert fetched == []
    remove_files(["a"], IndexAt(bucket), whole=True)
    assert destination.read(f"files/{big.name}") is not None
    with pytest.raises(FolderError, match="is not below"):
        add_files(["s3://elsewhere/files"], IndexAt(bucket))


class Loud(Bucket):
    """A store that reports each write, and lets a test step in before it."""

    def __init__(self, store: Any, before: Any) -> None:
        super().__init__(store, "memory://")
        self._before = before

    def _put(
        self, path: str, content: Any, mode: object = "overwrite", extra: Any = MappingProxyType({})
    ) -> None:
        self._before(self, path)
        super()._put(path, content, mode, extra)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._before(self, path)
            super().delete([path])


def commit(destination: Bucket, paths: list[Path], replace: bool = False) -> None:
    """What ``index add`` does, with a store of our own."""
    publisher = Publisher(destination)
    files = scan_paths(paths).files
    with destination.exclusive():
        publisher.begin()
        for name in sorted({file.name for file in files}):
            mine = tuple(file for file in files if file.name == name)
            publisher.commit(name, Add(mine, by_hash=True, replace=replace), mine)
            publisher.register([name])


def test_at_each_write_a_reader_finds_all_that_the_pages_name(wheels: list[Path], tmp_path: Path) -> None:
    writes: list[str] = []

    def check(store: Bucket, path: str) -> None:
        writes.append(path)
        assert readable(store) == []

    store = Loud(MemoryStore(), check)
    commit(store, wheels[:2])
    commit(store, wheels)
    commit(store, [wheel(tmp_path / "other", "a", "1", "cu126", text="other")], replace=True)
    publisher = Publisher(store)
    publisher.commit(scan_paths(wheels).files[0].name, Remove(Selection(scan_paths(wheels).files[0].name)))
    assert readable(store) == []
    assert len(writes) > 30


def test_a_run_cut_short_at_any_write_leaves_a_readable_index_that_the_next_completes(
    wheels: list[Path], tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    whole = Loud(MemoryStore(), lambda _store, _path: None)
    commit(whole, wheels[:2])
    commit(whole, wheels[2:])
    expected = {f.path for f in whole.list("") if not f.path.endswith("-variants.json")}
    steps = 0
    while True:
        steps += 1
        left = [steps]

        def stop(_store: Bucket, _path: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        store = Loud(MemoryStore(), lambda _store, _path: None)
        commit(store, wheels[:2])
        store._before = stop
        try:
            commit(store, wheels[2:])
            break
        except Killed:
            assert readable(store) == []
            store._before = lambda _store, _path: None
            commit(store, wheels[2:])
            assert {f.path for f in store.list("") if not f.path.endswith("-variants.json")} == expected
            assert verify_index(Publisher(store)).problems == ()
    assert steps > 8


def test_a_page_that_another_wrote_first_is_merged_with(wheels: list[Path]) -> None:
    memory = MemoryStore()
    pending = [wheels[2], wheels[1], wheels[0]]

    def interfere(_store: Bucket, path: str) -> None:
        # Just before our page is written, another publisher writes it.
        if pending and path == "simple/a/index.json":
            commit(Bucket(memory, "memory://"), [pending.pop()])

    commit(Loud(memory, interfere), [wheels[3], wheel(wheels[0].parent, "a", "2", "cu128")])
    store = Bucket(memory, "memory://")
    page = json.loads(store.read("simple/a/index.json").content)  # type: ignore[union-attr]
    assert len(page["files"]) == 4 + 2
    assert verify_index(Publisher(store)).problems == ()


class Unconditional(Bucket):
    """A store that ignores If-Match and If-None-Match, as some do."""

    def _put(
        self, path: str, content: Any, mode: object = "overwrite", extra: Any = MappingProxyType({})
    ) -> None:
        super()._put(path, content, extra=extra)


def test_where_the_store_ignores_conditions_publishers_take_turns(tmp_path: Path) -> None:
    memory = MemoryStore()
    files = [wheel(tmp_path, "a", str(n), "cu126") for n in range(6)]
    threads = [
        threading.Thread(target=commit, args=(Unconditional(memory, "memory://"), [path])) for path in files
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Unconditional(memory, "memory://")
    page = json.loads(store.read("simple/a/index.json").content)  # type: ignore[union-attr]
    assert len(page["files"]) == 2 * len(files)
    assert verify_index(Publisher(store)).problems == ()
    assert not list(store.list("simple/.claims"))


def test_the_claim_of_a_killed_publisher_expires() -> None:
    store = Unconditional(MemoryStore(), "memory://")
    store.write("simple/.claims/dead", b"")
    waited: list[bool] = []
    with Claims(store, "simple/.claims", lambda: waited.append(True), expiry=0.5).held():
        assert waited == [True]
        assert "simple/.claims/dead" not in {found.path for found in store.list("simple/.claims")}


def test_conditional_writes(bucket: str) -> None:
    store = open_destination(bucket)
    store.replace("x", b"1", None)
    with pytest.raises(Conflict):
        store.replace("x", b"2", None)
    first = store.read("x")
    assert first is not None
    store.replace("x", b"2", first.version)
    with pytest.raises(Conflict):
        store.replace("x", b"3", first.version)
    with pytest.raises(Conflict):
        store.replace("y", b"3", first.version)
    assert store.read("y") is None


def test_what_goes_wrong_is_said_in_words(
    bucket: str, wheels: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for url, says in (("ftp://host/x", "no object store"), ("s3://no-such-bucket-here", "cannot")):
        assert main(["index", "add", str(wheels[0]), "--index", url]) == 1
        err = capsys.readouterr().err
        assert says in err
        assert "hint: " in err
        assert "Traceback" not in err
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(DestinationError, match="need the package obstore") as caught:
        open_destination(bucket)
    assert "-m pip install obstore" in (caught.value.hint or "")


def remove_all(destination: Bucket, name: str) -> None:
    """What ``index remove --all`` does, with a store of our own."""
    publisher = Publisher(destination)
    with destination.exclusive():
        selection = Selection(canonicalize_name(name))
        publisher.commit(selection.name, Remove(selection))
        operations._drop_if_empty(publisher, selection.name)


def pages(destination: Bucket) -> set[str]:
    return {found.path for found in destination.list("simple/a") if "variants.json" not in found.path}


def test_a_removed_project_leaves_no_page(bucket: str, wheels: list[Path]) -> None:
    """An empty one would say that the project is here and has no files: nobody would ask another index."""
    add_files(wheels, IndexAt(bucket))
    remove_files(["a"], IndexAt(bucket), whole=True)
    destination = open_destination(bucket)
    assert isinstance(destination, Bucket)
    assert pages(destination) == set()
    assert found(bucket) == []
    add_files(wheels, IndexAt(bucket))
    assert found(bucket) == []
    # The last file, too, by its name.
    for path in wheels[:3]:
        remove_files([path.name], IndexAt(bucket))
    assert pages(destination) == set()


@pytest.mark.parametrize("at", range(1, 12))
def test_who_publishes_while_a_project_is_removed_loses_nothing(at: int, wheels: list[Path]) -> None:
    memory = MemoryStore()
    commit(Bucket(memory, "memory://"), wheels[:2])
    writes = 0
    publishing: list[threading.Thread] = []

    def interfere(_store: Bucket, path: str) -> None:
        nonlocal writes
        writes += 1
        if writes == at:
            other = threading.Thread(target=commit, args=(Bucket(memory, "memory://"), [wheels[2]]))
            other.start()
            publishing.append(other)
            # It has to wait where the page is marked; else it is done before we go on.
            other.join(0.5)

    remove_all(Loud(memory, interfere), "a")
    for other in publishing:
        other.join(20)
        assert not other.is_alive()
    store = Bucket(memory, "memory://")
    assert verify_index(Publisher(store)).problems == ()
    assert readable(store) == []
    page = store.read("simple/a/index.json")
    assert (page is not None) == ("a" in (Publisher(store).names() or []))
    # Published before the removal was carried out, it went with the rest.
    if publishing and at > 2:
        assert page is not None
    if page is not None:
        assert wheels[2].name in [file["filename"] for file in json.loads(page.content)["files"]]
    else:
        assert pages(store) == set()


def test_a_removal_that_was_killed_is_finished(wheels: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    monkeypatch.setattr(publisher_module, "_WITHDRAWN_WITHIN", 0.2)
    memory = MemoryStore()
    commit(Bucket(memory, "memory://"), wheels[:2])

    def stop(store: Bucket, path: str) -> None:
        page = Bucket.read(store, "simple/a/index.json")
        if page is not None and b"_variantctl_withdrawn" in page.content:
            raise Killed

    with pytest.raises(Killed):
        remove_all(Loud(memory, stop), "a")
    store = Bucket(memory, "memory://")
    assert readable(store) == []
    commit(store, [wheels[2]])
    assert verify_index(Publisher(store)).problems == ()
    assert Publisher(store).state(canonicalize_name("a")).files


class Refusing(BaseHTTPRequestHandler):
    """A store that lets nobody write, and says why."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = (
            b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code>"
            b"<Message>User me is not authorized\n to perform: s3:PutObject</Message></Error>"
        )
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.mark.parametrize("prefix", ["p", "p" * 600])
def test_a_store_s_reason_is_not_cut_off(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    with pytest.raises(DestinationError) as caught:
        open_destination(f"s3://bucket/{prefix}").write("simple/x", b"")
    server.shutdown()
    server.server_close()
    said = caught.value.message
    assert said.endswith("AccessDenied: User me is not authorized to perform: s3:PutObject")
    assert "403" in said and "\n" not in said and len(said) < 2000


def test_azure_s_urls_begin_with_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    for url in ("az://container/some/prefix", "abfs://container@account.dfs.core.windows.net/some/prefix"):
        destination = open_destination(url)
        assert isinstance(destination, Bucket)
        store: Any = destination._store
        assert (store.config["container_name"], store.prefix) == ("container", "some/prefix")
    documented = (Path(__file__).parents[2] / "docs/publishing.md").read_text()
    assert "az://container/prefix" in documented and "az://account" not in documented
