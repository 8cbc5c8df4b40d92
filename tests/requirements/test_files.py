"""Requirements files, and what pip's own parser makes of the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from variantctl.requirements.errors import RequirementFileError
from variantctl.requirements.files import RequirementFile, RequirementFileReader, _decode, _logical_lines

DIGEST = "ab" * 32


def read(path: Path, *, environ: dict[str, str] | None = None, constraints: bool = False) -> RequirementFile:
    reader = RequirementFileReader(environ=environ or {})
    reader.read(str(path), constraints=constraints)
    return reader.result


def write(folder: Path, text: str | bytes, name: str = "requirements.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_lines_comments_continuations_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"""\
# a comment
torch>=2  # another
numpy \\
    >=1,<2 \\
    --hash=sha256:{DIGEST} \\
    --hash sha512:{"cd" * 64}
name#not-a-comment @ https://h.invalid/a-1-py3-none-any.whl
"""
    text = text.replace("name#not-a-comment @", "a @")
    text += "-i https://h.invalid/simple\n--extra-index-url=https://x.invalid/\n--extra-index-url https://y.invalid/\n"
    text += "--no-index --pre\n"
    text += "-fhttps://links.invalid/\n--require-hashes\n--prefer-binary\n--trusted-host h.invalid\n"
    result = read(write(tmp_path, text))
    assert [(str(r), r.origin) for r in result.requirements] == [
        ("torch>=2", "requirements.txt:2"),
        ("numpy     >=1,<2", "requirements.txt:3"),
        ("a @ https://h.invalid/a-1-py3-none-any.whl", "requirements.txt:7"),
    ]
    assert result.requirements[1].hashes == {"sha256": frozenset({DIGEST}), "sha512": frozenset({"cd" * 64})}
    assert result.index_url == "https://h.invalid/simple"
    assert result.extra_index_urls == ["https://x.invalid/", "https://y.invalid/"]
    assert result.find_links == ["https://links.invalid/"]
    assert result.no_index and result.pre and result.require_hashes
    assert result.prefer_binary and result.trusted_hosts == [("h.invalid", "requirements.txt:15")]
    assert result.ignored == []


def test_options_of_pip_that_change_nothing_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = read(write(tmp_path, "--use-feature=fast-deps\n--no-require-hashes\n--all-releases :all:\n"))
    assert [text.partition(":")[2] for text in result.ignored] == [
        "1: --use-feature fast-deps changes nothing here: it is about pip itself",
        "2: --no-require-hashes changes nothing here: "
        "hashes are required only where --require-hashes says so",
    ]
    assert result.pre and not result.require_hashes


@pytest.mark.parametrize("line", ["--all-releases torch", "--only-final=:all:", "--only-final torch"])
def test_options_of_pip_that_cannot_be_had_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(RequirementFileError, match=r"requirements.txt:1: '--.* cannot be had") as caught:
        read(write(tmp_path, f"{line}\n"))
    assert "--pre" in (caught.value.hint or "")


def test_every_option_that_pip_knows_is_answered(tmp_path: Path) -> None:
    """Asked of pip itself: none is an unknown one."""
    from pip._internal.req.req_file import SUPPORTED_OPTIONS

    write(tmp_path, "", "other.txt")
    values = {
        "--use-feature": "x",
        "--requirement": "other.txt",
        "--constraint": "other.txt",
        "--editable": ".",
    }
    for make in SUPPORTED_OPTIONS:
        option = make() if callable(make) else make
        name = str(option.get_opt_string())
        value = f"={values.get(name, ':all:')}" if option.takes_value() else ""
        try:
            read(write(tmp_path, f"{name}{value}\n"))
        except RequirementFileError as error:
            assert "cannot be had here" in error.message, error.message


def test_nested_files_are_relative_to_the_file(tmp_path: Path) -> None:
    write(tmp_path, "-r sub/more.txt\n-c limits.txt\n--constraint=sub/limits.txt\nroot\n")
    write(tmp_path, "-r../requirements.txt\nmore\n./a-1-py3-none-any.whl\n-f links\n", "sub/more.txt")
    write(tmp_path, "numpy<2\n", "limits.txt")
    write(tmp_path, "-r deeper.txt\nscipy<2\n", "sub/limits.txt")
    write(tmp_path, "deep<1\n", "sub/deeper.txt")
    write(tmp_path, b"", "sub/a-1-py3-none-any.whl")
    (tmp_path / "sub" / "links").mkdir()
    result = read(tmp_path / "requirements.txt")
    assert [r.name for r in result.requirements] == ["more", "a", "root"]
    assert [str(r) for r in result.constraints] == ["numpy<2", "deep<1", "scipy<2"]
    assert result.find_links == [str(tmp_path / "sub" / "links")]


def test_variables(tmp_path: Path) -> None:
    path = write(tmp_path, "-i https://${USER}:${TOKEN}@h.invalid/\na==${VERSION}\n# ${NOTHING}\n")
    result = read(path, environ={"USER": "me", "TOKEN": "secret", "VERSION": "2"})
    assert result.index_url == "https://me:secret@h.invalid/" and str(result.requirements[0]) == "a==2"
    assert (
        read(write(tmp_path, "-i https://${UNSET}.invalid/${lower}\n")).index_url
        == "https://${UNSET}.invalid/${lower}"
    )


@pytest.mark.parametrize(
    "content",
    [
        "naive-comment>=1  # é\n".encode(),
        b"\xef\xbb\xbf" + "naive-comment>=1 # é\n".encode(),
        "naive-comment>=1 # é\n".encode("utf-16"),
        b"# -*- coding: latin-1 -*-\nnaive-comment>=1 # \xe9\n",
        b"naive-comment>=1 # windows\r\n",
    ],
)
def test_encodings(tmp_path: Path, content: bytes) -> None:
    (requirement,) = read(write(tmp_path, content)).requirements
    assert str(requirement) == "naive-comment>=1"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--nonsense", "unknown option '--nonsense'"),
        ("-e nowhere", "there is no folder"),
        ("-e git+https://h.invalid/x", "only a folder on this machine can be editable"),
        ("-r", "'-r' needs a value"),
        ("torch --global-option=x", "unknown option '--global-option=x' of a requirement"),
        ("torch --hash=md5:ab", "is no hash of a file"),
        ("torch --hash", "unknown option '--hash'"),
        ("torch >>> 2", "cannot be read as a requirement"),
        ("./missing.whl", "there is no file"),
        ('-i "unclosed', "No closing quotation"),
    ],
)
def test_errors_name_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, f"ok\n\n{line}\n")
    with pytest.raises(RequirementFileError) as caught:
        read(tmp_path / "requirements.txt")
    assert caught.value.message.startswith("requirements.txt:3: ") and why in caught.value.message
    assert caught.value.message.count("requirements.txt:3") == 1


def test_missing_files_name_who_asked(tmp_path: Path) -> None:
    with pytest.raises(RequirementFileError, match=r"there is no file .*gone\.txt"):
        read(tmp_path / "gone.txt")
    write(tmp_path, "-r gone.txt\n")
    with pytest.raises(RequirementFileError, match=r"gone\.txt \(named at .*requirements\.txt:1\)"):
        read(tmp_path / "requirements.txt")
    write(tmp_path, b"a\n\xff\xfe\x00bad \x81\n")
    with pytest.raises(RequirementFileError, match=r"requirements\.txt"):
        read(tmp_path / "requirements.txt")


def test_constraints_have_no_extras(tmp_path: Path) -> None:
    with pytest.raises(RequirementFileError, match="a constraint cannot have extras"):
        read(write(tmp_path, "a[b]<1\n"), constraints=True)


def test_files_from_a_server(tmp_path: Path) -> None:
    pages = {"https://h.invalid/r/a.txt": b"-r b.txt\none\n", "https://h.invalid/r/b.txt": b"two\n"}
    reader = RequirementFileReader(read_url=pages.__getitem__, environ={})
    reader.read("https://h.invalid/r/a.txt")
    assert [str(r) for r in reader.result.requirements] == ["two", "one"]
    with pytest.raises(RequirementFileError, match="not fetched here"):
        RequirementFileReader(environ={}).read("https://h.invalid/r/a.txt")


LINES = st.lists(
    st.text(st.sampled_from("ab#\\ \t-=<1;'"), max_size=12)
    | st.sampled_from(["a==1 \\", "# c \\", "  # c", "b # x", "\\", "a\\", "--hash=sha256:ab \\"]),
    max_size=8,
)


@settings(deadline=None)
@given(LINES)
def test_lines_are_joined_as_pip_joins_them(lines: list[str]) -> None:
    from pip._internal.req.req_file import ignore_comments, join_lines

    text = "\n".join(lines)
    pips = list(ignore_comments(join_lines(enumerate(text.splitlines(), start=1))))
    assert [line for _, line in _logical_lines(text)] == [line for _, line in pips]


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        _decode(content, "file")
    except RequirementFileError as error:
        assert error.message.startswith("file")
