"""A Python file as text: read, decoded the way Python itself decodes it, and split into lines.

Whatever keeps a file from being read becomes a `FileProblem` that names the place and the cure; nothing here raises
for a bad file. The text keeps its line ends, so that positions and later rewrites fit the bytes on disk.
"""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lintdb.finding import FileProblem

_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_END_BYTES = re.compile(rb"\r\n|\r|\n")
# The grammar of PEP 263: only the first two lines count, and the first must hold nothing but a comment for the second.
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK_OR_COMMENT = re.compile(rb"[ \t\f]*(?:#.*)?$")
_UTF8_NAMES = frozenset({"utf-8", "utf-8-sig"})
_OTHER_BOMS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

_NOTEBOOK = (
    'this is a notebook, which lintdb does not read: check it with `nbqa "lintdb check" FILE`, or export it with '
    "`jupytext --to py` or `jupyter nbconvert --to script` and check that"
)
_PYTHON_NAMES = (".py", ".pyi", ".pyw")
_SHEBANG = re.compile(r"#!.*\bpython")
_LONGEST_SHEBANG = 256
NO_SUCH_PATH = "no such file or folder"
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/", os.devnull)
"""What a shell passes for its own pipes: these end, and are read."""


@dataclass(frozen=True)
class SourceFile:
    """The text of one file; `path` is as the user shall see it.

    `text` holds no byte order mark. `encoding` and `has_bom` are what is needed to write the file back unchanged.
    """

    path: str
    text: str
    encoding: str = "utf-8"
    has_bom: bool = False

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends, split where Python splits them: form feeds and U+2028 end no line."""
        lines = _LINE_END.split(self.text) if "\r" in self.text else self.text.split("\n")
        if lines[-1] == "":
            lines.pop()
        return tuple(lines)


def read_source(path: str) -> SourceFile | FileProblem:
    """Return the decoded file at *path*, or why it cannot be read."""
    if odd := _odd_file(path):
        return FileProblem(path, odd)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        return FileProblem(path, describe_os_error(path, error))
    return decode_source(path, data)


def _odd_file(path: str) -> str | None:
    """Return what keeps something from being read as a file: a named pipe waits for ever, a device may never end."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        # To read it says why.
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or os.path.abspath(path).startswith(_STREAMS):  # noqa: PTH100
        return None
    if stat.S_ISFIFO(mode):
        return f"this is a named pipe, not a file: `lintdb check - < {path}` reads what is written to it"
    return "this is a socket or a device, not a file: leave it out"


def decode_source(path: str, data: bytes) -> SourceFile | FileProblem:
    """Return *data* decoded by byte order mark, coding cookie or the default UTF-8, or why that fails."""
    for bom, name in _OTHER_BOMS:
        if data.startswith(bom):
            return FileProblem(path, f"the file is {name}, which Python cannot read: save it as UTF-8", 1, 1)
    if path.endswith(".ipynb") and data.lstrip()[:1] in (b"{", b""):
        return FileProblem(path, _NOTEBOOK)
    has_bom = data.startswith(codecs.BOM_UTF8)
    if has_bom:
        data = data[len(codecs.BOM_UTF8) :]
    nul = data.find(b"\0")
    if nul >= 0:
        line, column = _position_of(data, nul)
        return FileProblem(path, "the file holds a NUL byte: it is not Python source, or it is damaged", line, column)

    cookie = _find_cookie(data)
    encoding = "utf-8"
    if cookie is not None:
        try:
            encoding = codecs.lookup(_without_line_end_suffix(cookie.name)).name
        except LookupError:
            cure = "correct its name, or save the file as UTF-8"
            return FileProblem(path, f"unknown encoding {cookie.name!r} in the coding cookie: {cure}", cookie.line, 1)
        if has_bom and encoding not in _UTF8_NAMES:
            message = (
                f"the coding cookie says {cookie.name!r} but the file starts with a UTF-8 mark: remove one of them"
            )
            return FileProblem(path, message, cookie.line, 1)
    return _decode(path, data, encoding, cookie, has_bom)


def looks_like_python(source: SourceFile | FileProblem) -> bool:
    """Whether a file that has been named may be meant as Python: by its name, its first line, or what stands in it.

    Of one that cannot be decoded only its name and its first line tell.
    """
    if source.path.endswith(_PYTHON_NAMES) or _SHEBANG.match(_beginning_of(source)):
        return True
    if isinstance(source, FileProblem):
        return False
    # Most runs are handed nothing else, and start faster without it.
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in it
            body = ast.parse(source.text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # A line such as `[project]` begins a table of TOML or a section of other settings; the lines below it may do for
    # assignments.
    if any(isinstance(each, ast.Expr) and isinstance(each.value, ast.List) for each in body):
        return False
    # A word or two of prose may be an expression, too.
    return any(not isinstance(each, ast.Expr) or isinstance(each.value, ast.Call) for each in body)


def _beginning_of(source: SourceFile | FileProblem) -> str:
    if isinstance(source, SourceFile):
        return source.text
    try:
        with Path(source.path).open("rb") as file:
            return file.read(_LONGEST_SHEBANG).decode("latin-1")
    except OSError:
        return ""


def describe_os_error(path: str, error: OSError) -> str:
    """Return what *error*, met while opening *path*, means to a user."""
    if error.errno == errno.ENOENT and Path(path).is_symlink():
        target = str(Path(path).readlink())
        return f"dangling link: it points to {target!r}, which does not exist: mend the link, or take it away"
    if error.errno == errno.ENOENT:
        return "no such file"
    if error.errno == errno.ELOOP:
        return "link loop: the link leads back to itself: mend the link, or take it away"
    if error.errno == errno.EACCES:
        return "no permission to read the file: grant it, or leave the file out with `extend-exclude`"
    if error.errno == errno.EISDIR:
        return "this is a folder, not a file"
    return f"cannot read the file: {error.strerror or error}"


class _Cookie(NamedTuple):
    name: str
    line: int


def _decode(path: str, data: bytes, encoding: str, cookie: _Cookie | None, has_bom: bool) -> SourceFile | FileProblem:
    name, cookie_line = cookie or (encoding, 0)
    try:
        text = data.decode(encoding)
        if encoding not in _UTF8_NAMES:
            # UTF-7 and its like can yield lone surrogates, which no later step could encode.
            text.encode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _position_of(data, error.start)
        cure = "add a coding cookie or save as UTF-8"
        if cookie is not None:
            cure = f"the coding cookie says {name!r}; correct it or save as UTF-8"
        return FileProblem(path, f"byte 0x{data[error.start]:02x} is not valid {encoding}: {cure}", line, column)
    except (LookupError, ValueError):
        # Codecs such as `hex` and `undefined` exist but turn no bytes into text.
        message = f"the encoding {name!r} in the coding cookie cannot decode this file: save it as UTF-8"
        return FileProblem(path, message, cookie_line, 1)
    return SourceFile(path, text, encoding, has_bom)


def _find_cookie(data: bytes) -> _Cookie | None:
    for number, line in enumerate(_LINE_END_BYTES.split(data[:4096], maxsplit=2)[:2], start=1):
        if found := _COOKIE.match(line):
            return _Cookie(found[1].decode("ascii"), number)
        if not _BLANK_OR_COMMENT.match(line):
            break
    return None


def _without_line_end_suffix(cookie: str) -> str:
    """Return *cookie* without what editors append to it, as in `utf-8-unix`; Python ignores the same."""
    name = cookie.lower().replace("_", "-")
    for known in ("utf-8", "latin-1", "iso-8859-1", "iso-latin-1"):
        if name.startswith(known + "-"):
            return known
    return cookie


def _position_of(data: bytes, offset: int) -> tuple[int, int]:
    """Return line and column, both from 1, of the byte at *offset*; columns count characters if the line is UTF-8."""
    before = _LINE_END_BYTES.split(data[:offset])
    return len(before), len(before[-1].decode("utf-8", "replace")) + 1
