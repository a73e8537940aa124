"""A wire to Redis that can be cut."""

import contextlib
import socket
import threading
from urllib.parse import unquote, urlsplit


class Wire:
    """A wire to Redis: while it is cut, nobody answers."""

    def __init__(self, redis_url: str) -> None:
        self._target = urlsplit(redis_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        self._whole.clear()
        for end in self._ends:
            _hang_up(end)

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in (*self._ends, self._listener):
            end.close()

    def _start(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                if not self._whole.is_set():
                    _hang_up(near)
                    continue
                far = self._far_end()
                self._ends.append(far)
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _far_end(self) -> socket.socket:
        if self._target.scheme == "unix":
            end = socket.socket(socket.AF_UNIX)
            end.connect(unquote(self._target.path))
            return end
        return socket.create_connection((self._target.hostname, self._target.port or 6379))

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        _hang_up(source)
        _hang_up(target)


def _hang_up(end: socket.socket) -> None:
    # The other side may have gone first.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
