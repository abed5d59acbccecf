"""A Prometheus server of a test's own, with the configuration that docker/ ships. Not a test."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIGURATION = Path(__file__).parents[2] / "docker" / "prometheus" / "prometheus.yml"


def tool(name: str) -> str | None:
    """The path of `prometheus` or `promtool`; None where it is not installed."""
    return shutil.which(name)


class Server:
    """A server that answers at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What the expression gives now: labels and values."""
        words = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{words}", timeout=30) as answer:
            document = json.load(answer)
        assert document["status"] == "success", document
        found: list[dict[str, Any]] = document["data"]["result"]
        return found

    def wait_for(self, expression: str, is_there: Callable[[], bool] = lambda: True) -> Any:
        """The first answer that is not empty; an empty one after two minutes."""
        for _ in range(240):
            assert is_there(), "what was to be watched has ended"
            with suppress(OSError):
                if found := self.query(expression):
                    return found
            time.sleep(0.5)
        return []


@contextmanager
def serving(folder: Path, discovery: Path) -> Iterator[Server]:
    """A server with its files in `folder`, asking those whom the file `discovery` lists."""
    settings = yaml.safe_load(CONFIGURATION.read_text())
    settings["global"] = {"scrape_interval": "1s"}
    settings["scrape_configs"][0]["file_sd_configs"] = [
        {"files": [str(discovery)], "refresh_interval": "1s"}
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    program = tool("prometheus")
    assert program is not None
    words = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        yield Server(f"http://{address}")
    finally:
        process.terminate()
        process.wait(60)
