"""A mail server on a real socket that does as it is told.

    with SmtpServer() as server:
        server.on("RCPT", "550 5.1.1 No such mailbox")   # the next RCPT, once
        server.on(".", HANG)                             # the next final dot is never answered
        ...
        assert server.letters[0].recipient == "ann@example.com"

Steps are the verbs a client says, `CONNECT` for the greeting and `.` for the final dot.
"""

import base64
import socket
import socketserver
import threading
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self


class Trouble:
    """Something a server does in place of an answer."""

    def __init__(self, name: str) -> None:
        self.name = name


DROP = Trouble("close the connection; what was said is taken, if it was the final dot")
HANG = Trouble("never answer")
DRIP = Trouble("answer one byte at a time, without an end")
SLOW = Trouble("answer as usual, after a while")
WHEN_MORE_CAME = Trouble("answer as usual, once the client has said something more")

SLOW_SECONDS = 0.3


@dataclass(frozen=True)
class Letter:
    """A letter this server took, whether or not its answer arrived."""

    session: int
    sender: str
    recipient: str
    options: str
    raw: bytes

    @property
    def parsed(self) -> EmailMessage:
        return message_from_bytes(self.raw.replace(b"\r\n", b"\n"), policy=policy.default)


class SmtpServer:
    """Listens on a free port of 127.0.0.1 while it is entered."""

    def __init__(self, *, extensions: tuple[str, ...] = ("SIZE 10000000", "8BITMIME")) -> None:
        self.extensions = extensions
        self.letters: list[Letter] = []
        self.commands: list[str] = []
        self.sessions = 0
        self.lenient = False  # asks for the letter though it refused everybody it is to
        self.stopped = threading.Event()
        self._script: dict[str, deque[str | Trouble]] = defaultdict(deque)
        self._lock = threading.Lock()

    def on(self, step: str, *answers: str | Trouble) -> None:
        """What to do the next times a step comes, in this order."""
        self._script[step].extend(answers)

    def __enter__(self) -> Self:
        self._tcp = _Tcp(("127.0.0.1", 0), _Session)
        self._tcp.smtp = self
        self.host, self.port = self._tcp.server_address[:2]
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._tcp.shutdown()
        self._thread.join()
        self.hang_up()
        self._tcp.server_close()

    def hang_up(self) -> None:
        """Close every connection, as a server that restarts does."""
        for connection in self._tcp.connections.copy():
            _end(connection)

    def _next(self, step: str) -> str | Trouble | None:
        with self._lock:
            waiting = self._script[step]
            return waiting.popleft() if waiting else None

    def _enter(self) -> int:
        with self._lock:
            self.sessions += 1
            return self.sessions

    def _say(self, step: str, usual: str, client: "_Session") -> bool:
        """Answer a step; False when the connection is over."""
        answer = self._next(step) or usual
        if answer is DROP:
            return False
        if answer is HANG:
            self.stopped.wait()
            return False
        if answer is DRIP:
            client.drip()
            return False
        if answer is SLOW:
            self.stopped.wait(SLOW_SECONDS)
            answer = usual
        if answer is WHEN_MORE_CAME:
            client.rfile.peek(1)
            answer = usual
        client.wfile.write(f"{answer}\r\n".encode())
        client.went_on = str(answer)[:1] in "23"
        return not str(answer).startswith("421")


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    smtp: SmtpServer

    def __init__(self, *args: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*args)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away; that is what is tested."""


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Session(socketserver.StreamRequestHandler):
    server: _Tcp
    sender = recipient = options = ""
    went_on = True

    def handle(self) -> None:
        self.server.connections.add(self.connection)
        try:
            # Who came too late for the last hang_up is not waited for.
            if not self.server.smtp.stopped.is_set():
                self._talk()
        finally:
            self.server.connections.discard(self.connection)

    def _talk(self) -> None:
        smtp = self.server.smtp
        self.number = smtp._enter()
        if not smtp._say("CONNECT", "220 mx.example.com ready", self):
            return
        while line := self.rfile.readline():
            command = line.decode().rstrip("\r\n")
            smtp.commands.append(command)
            verb = command.split(" ")[0].split(":")[0].upper()
            if not getattr(self, f"on_{verb.lower()}", self.on_other)(command):
                return

    def drip(self) -> None:
        while not self.server.smtp.stopped.wait(0.05):
            self.wfile.write(b"2")

    def on_ehlo(self, command: str) -> bool:
        lines = ["mx.example.com", *self.server.smtp.extensions]
        usual = "\r\n".join(f"250-{line}" for line in lines[:-1]) + f"\r\n250 {lines[-1]}"
        return self.server.smtp._say("EHLO", usual.removeprefix("\r\n"), self)

    def on_starttls(self, command: str) -> bool:
        return self.server.smtp._say("STARTTLS", "220 2.0.0 Go on, without meaning it", self)

    def on_auth(self, command: str) -> bool:
        base64.b64decode(command.split(" ")[2])
        return self.server.smtp._say("AUTH", "235 2.7.0 Welcome", self)

    def on_rset(self, command: str) -> bool:
        self.sender = self.recipient = ""
        return self.server.smtp._say("RSET", "250 2.0.0 Ok", self)

    def on_mail(self, command: str) -> bool:
        if self.sender:
            return self._refuse("503 5.5.1 Sender already given")
        sender, self.options = _path(command)
        going = self.server.smtp._say("MAIL", "250 2.1.0 Ok", self)
        self.sender = sender if self.went_on else ""
        return going

    def on_rcpt(self, command: str) -> bool:
        if not self.sender:
            return self._refuse("503 5.5.1 Need MAIL first")
        recipient, _ = _path(command)
        going = self.server.smtp._say("RCPT", "250 2.1.5 Ok", self)
        self.recipient = recipient if self.went_on else ""
        return going

    def _refuse(self, answer: str) -> bool:
        self.wfile.write(f"{answer}\r\n".encode())
        return True

    def on_data(self, command: str) -> bool:
        smtp = self.server.smtp
        if not self.recipient and not smtp.lenient:
            return self._refuse("554 5.5.1 No valid recipients")
        refused = smtp._script["DATA"] and smtp._script["DATA"][0] is not SLOW
        return smtp._say("DATA", "354 Go ahead", self) and (bool(refused) or self._content())

    def _content(self) -> bool:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line.removeprefix(b"."))
        smtp = self.server.smtp
        if not self.recipient:
            return self._refuse("554 5.5.1 No valid recipients")
        refused = smtp._script["."] and str(smtp._script["."][0])[:1] in "45"
        if not refused:
            letter = Letter(self.number, self.sender, self.recipient, self.options, b"".join(lines))
            smtp.letters.append(letter)
        self.sender = self.recipient = ""
        return smtp._say(".", "250 2.0.0 Ok: queued as 4XyZ1", self)

    def on_quit(self, command: str) -> bool:
        self.server.smtp._say("QUIT", "221 Bye", self)
        return False

    def on_other(self, command: str) -> bool:
        return self.server.smtp._say(command.split(" ")[0].upper(), "250 2.0.0 Ok", self)


def _path(command: str) -> tuple[str, str]:
    path, _, options = command.partition(":<")[2].partition(">")
    return path, options.strip()
