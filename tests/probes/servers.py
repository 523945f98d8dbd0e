"""Database servers for the probes, started in a temporary folder and stopped again.

The programs are those of Debian's packages `postgresql`, `mariadb-server` and `redis-server`; where one is not there,
what needs it is skipped with that as the reason. Nothing outside of the temporary folder is touched.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

WAIT = 30
FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")


@dataclass(frozen=True)
class Server:
    """A server that runs: where it listens, and who may do anything there without a password."""

    port: int
    user: str = ""
    database: str = ""

    def url(self, scheme: str) -> str:
        return f"{scheme}://{self.user}@127.0.0.1:{self.port}/{self.database}"


def find_program(name: str) -> Path | None:
    """Return a program on PATH, or where Debian keeps the servers."""
    versioned = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS, *map(str, versioned)]))
    return Path(found) if found else None


def need(package: str, *names: str) -> list[str]:
    """Return the programs, or skip the test that asks for them."""
    found = [find_program(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not found: install Debian's package {package}")
    return [str(path) for path in found]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something listens; what the server said is in its log, beside its data."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail("the server does not listen")


@contextlib.contextmanager
def running(arguments: list[str], port: int, folder: Path, user: str | None = None) -> Iterator[None]:
    """Run a server as long as the block lasts."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=log, user=user)
        try:
            wait_for(port, process)
            yield
        finally:
            process.terminate()
            try:
                process.wait(WAIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def unprivileged(folder: Path) -> str | None:
    """Return a user to run a server as that refuses to be root, and let that one have the folder."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    for parent in folder.parents:
        if parent.owner() == "root" and parent != Path("/tmp") and parent.is_relative_to("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return user


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    initdb, postgres = need("postgresql", "initdb", "postgres")
    user, port = unprivileged(folder), free_port()
    data = folder / "data"
    subprocess.run(
        [initdb, "-D", data, "-U", "root", "-A", "trust", "-N", "--no-instructions"],
        check=True, cwd=folder, stdout=subprocess.DEVNULL, user=user,
    )  # fmt: skip
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with running([postgres, "-D", str(data), *settings], port, folder, user):
        is_ready = need("postgresql-client", "pg_isready")[0]
        for _ in range(WAIT):
            if subprocess.run([is_ready, "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 0:
                break
            time.sleep(0.5)
        yield Server(port, "root", "postgres")


@contextlib.contextmanager
def mariadb(folder: Path) -> Iterator[Server]:
    install, server = need("mariadb-server", "mariadb-install-db", "mariadbd")
    port, data = free_port(), folder / "data"
    base = Path(install).parent.parent
    common = ["--no-defaults", f"--datadir={data}", f"--basedir={base}"]
    common += ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    # One statement in a line.
    (folder / "init.sql").write_text("create database test;\ncreate user app@'%';\ngrant all on test.* to app@'%';\n")
    options = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
    options += [f"--init-file={folder / 'init.sql'}", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]
    with running([server, *common, *options], port, folder):
        yield Server(port, "app", "test")


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[Server]:
    (server,) = need("redis-server", "redis-server")
    port = free_port()
    with running(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)], port, folder
    ):
        yield Server(port)


SERVERS = {"postgresql": postgresql, "mariadb": mariadb, "redis": redis}
