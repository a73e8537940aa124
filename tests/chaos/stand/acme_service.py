"""The other side of the made-up provider: real HTTP, a ledger on disk, and a script.

    python -m tests.chaos.stand.acme_service FOLDER

It prints its port. `POST /<account>` takes a message: one line in FOLDER/ledger.jsonl, synced
before the answer. Every call, taken or not, is a line in FOLDER/calls.jsonl. `POST
/control/<account>` replaces how an account behaves:

    {"delay": 0.02, "idempotent": false, "rules": [{"do": "answer", "status": 503, "next": 10}]}

`delay`: seconds a call takes, half of them before the message is taken. `rules` are asked in
order, the first that applies decides; a rule applies to the `next` so many calls, or to every
`every`-th, or always. What it can `do`: `answer` with a `status` (2xx takes the message) and a
`retry_after`; `silence`: take the message, never answer; `trickle`: take it and answer one byte a
second; `reset`: take it and break the connection. `idempotent` folds repeats of an
Idempotency-Key: they are answered as the first was, and make no second line in the ledger.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST = 24 * 3600.0


@dataclass(slots=True)
class Behaviour:
    """What an account is told to do."""

    delay: float = 0.0
    idempotent: bool = False
    rules: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    seen: dict[str, str] = field(default_factory=dict)

    def rule(self) -> dict[str, Any]:
        """The rule of this call."""
        self.calls += 1
        for rule in self.rules:
            if "every" in rule and self.calls % rule["every"]:
                continue
            if "next" in rule:
                if rule["next"] <= 0:
                    continue
                rule["next"] -= 1
            return rule
        return {"do": "answer", "status": 202}


class Journal:
    """A file of JSON lines; whoever writes waits until the disk has them, many at a time."""

    def __init__(self, path: Path, *, synced: bool) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._synced = synced
        self._waiting: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def write(self, entry: dict[str, Any]) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((json.dumps(entry).encode() + b"\n", done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, deque()
            await asyncio.to_thread(self._put, b"".join(line for line, _ in batch))
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    def _put(self, lines: bytes) -> None:
        while lines:
            lines = lines[os.write(self._file, lines) :]
        if self._synced:
            os.fsync(self._file)


class Service:
    """Takes calls for any number of accounts."""

    def __init__(self, folder: Path) -> None:
        self._ledger = Journal(folder / "ledger.jsonl", synced=True)
        self._calls = Journal(folder / "calls.jsonl", synced=False)
        self._accounts: dict[str, Behaviour] = {}
        self._numbers = itertools.count(1)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open over its calls."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._call(reader, writer):
                pass
        writer.close()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1].strip("/")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:])
        }
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        if path.startswith("control/"):
            return await self._told(path.removeprefix("control/"), body, writer)
        return await self._message(path, body, headers.get("idempotency-key", ""), writer)

    async def _told(self, account: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        seen = self._behaviour(account).seen
        self._accounts[account] = Behaviour(**body, seen=seen)
        return await _answer(writer, 200, {})

    async def _message(
        self, account: str, body: dict[str, Any], key: str, writer: asyncio.StreamWriter
    ) -> bool:
        behaviour = self._behaviour(account)
        rule = behaviour.rule()
        status = rule.get("status", 202)
        entry = {"account": account, "at": time.time(), "key": key, "did": rule["do"]}
        entry |= {name: body.get(name) for name in ("reference", "channel", "to")}
        await asyncio.sleep(behaviour.delay / 2)
        takes = rule["do"] != "answer" or status < 300
        folded = takes and behaviour.idempotent and key in behaviour.seen
        number = behaviour.seen[key] if folded else f"{account}-{next(self._numbers)}"
        if takes and not folded:
            behaviour.seen[key] = number
            await self._ledger.write({"id": number, **entry})
        await self._calls.write({**entry, "status": status, "folded": folded})
        await asyncio.sleep(behaviour.delay / 2)
        return await self._finish(rule, status, {"id": number}, writer)

    async def _finish(
        self, rule: dict[str, Any], status: int, body: Any, writer: asyncio.StreamWriter
    ) -> bool:
        if rule["do"] == "silence":
            await asyncio.sleep(LONGEST)
        if rule["do"] == "reset":
            writer.transport.abort()
            return False
        headers = {"Retry-After": str(rule["retry_after"])} if "retry_after" in rule else {}
        pace = 1.0 if rule["do"] == "trickle" else 0.0
        return await _answer(writer, status, body, headers=headers, pace=pace)

    def _behaviour(self, account: str) -> Behaviour:
        return self._accounts.setdefault(account, Behaviour())


async def _answer(
    writer: asyncio.StreamWriter,
    status: int,
    body: Any,
    *,
    headers: dict[str, str] | None = None,
    pace: float = 0.0,
) -> bool:
    text = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(text)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    answer = "\r\n".join([*lines, "", ""]).encode() + text
    for start in range(0, len(answer), 1 if pace else len(answer)):
        writer.write(answer[start : start + 1] if pace else answer)
        await writer.drain()
        await asyncio.sleep(pace)
    return True


async def _serve(folder: Path) -> None:
    service = Service(folder)
    server = await asyncio.start_server(service.talk, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
