"""The made-up provider as its own process, told from the test what to do."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from notifysite.stack.processes import Process
from tests.chaos.stand.program import Program, Spawner


class Provider(Program):
    """The service of `acme_service`, with its ledger in a folder of its own."""

    def __init__(self, folder: Path, *, spawner: Spawner, env: Mapping[str, str]) -> None:
        folder.mkdir()
        self.folder, self._port_file = folder, folder / "port"
        module = "tests.chaos.stand.acme_service"
        process = Process(
            name="provider",
            command=(sys.executable, "-m", module, str(folder)),
            stage=2,
            ready=lambda _pid: self._port_file.read_text().strip(),
        )
        super().__init__(process, spawner=spawner, env=env, log=self._port_file)

    def url(self, account: str) -> str:
        """Where an account takes messages."""
        return f"http://127.0.0.1:{self._port_file.read_text().splitlines()[0]}/{account}"

    def tell(self, account: str = "acme", *rules: Mapping[str, Any], **behaviour: Any) -> None:
        """From now on an account behaves so; see `acme_service` for the words."""
        url = self.url(f"control/{account}")
        with httpx.Client(trust_env=False, timeout=10) as client:
            client.post(url, json={"rules": list(rules), **behaviour}).raise_for_status()

    def taken(self) -> list[dict[str, Any]]:
        """The ledger: what was accepted, one entry each, in order."""
        return read_lines(self.folder / "ledger.jsonl")

    def calls(self) -> list[dict[str, Any]]:
        """Every call there was, with its time and the status it got."""
        return read_lines(self.folder / "calls.jsonl")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines; a last one that is still being written is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
