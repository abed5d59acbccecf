"""A PostgreSQL server of a test's own, in a folder of its own. Not a test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

TOOLS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
"""Where Debian keeps what it does not put on the PATH."""
OWNER = "postgres"
"""Whom the server runs as where root runs the tests: it refuses to be root's."""


def tool(name: str) -> str | None:
    """The path of one of PostgreSQL's programs; None where it is not installed."""
    found = next(
        (str(folder / name) for folder in reversed(TOOLS) if (folder / name).exists()), None
    )
    return found or shutil.which(name)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that can be stopped and started again."""

    folder: Path
    port: int

    @classmethod
    def create(cls) -> Server:
        """Make a database in a new folder and start its server."""
        folder = Path(tempfile.mkdtemp(prefix="nas-postgresql-"))
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = cls(folder, port)
        server._run("initdb", "--username=nas", "--auth=trust", "--no-sync")
        server.start()
        return server

    @property
    def url(self) -> str:
        """For `--storage`."""
        return f"postgresql+psycopg://nas@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -F"
        self._run(
            "pg_ctl", "start", "-w", "-t", "120", "-l", str(self.folder / "log"), "-o", options
        )

    def stop(self) -> None:
        """Stop it at once: all connections break, as in a crash."""
        self._run("pg_ctl", "stop", "-w", "-t", "120", "-m", "immediate")

    def remove(self) -> None:
        """Stop it if it runs, and take its folder away."""
        if (self.folder / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def _run(self, name: str, *arguments: str) -> None:
        program = tool(name)
        assert program is not None
        subprocess.run(
            [program, "-D", str(self.folder), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=OWNER if os.geteuid() == 0 else None,
            cwd=self.folder,
        )
