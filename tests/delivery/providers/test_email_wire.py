"""What is written to a mail server and read from it, to the byte and to the deadline."""

import io
import smtplib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from delivery.providers.email import letter, line, wire
from delivery.providers.email.line import Line, Post
from delivery.providers.email.replies import Phase
from delivery.providers.email.wire import Wire
from tests.delivery.providers.messages import message

FOREVER = 60.0  # only ever waited for by a test that fails
GO_AHEAD = b"250 Ok\r\n250 Ok\r\n354 Go ahead\r\n"


class Stingy:
    """A socket that takes so many bytes and is gone then; it reads what it is given."""

    def __init__(self, *, takes: int, reads: bytes = b"", error: OSError | None = None) -> None:
        self.sent = b""
        self.reads = reads
        self.unseen = 0.0
        self.lingers = 0.0
        self._takes = takes
        self._error = error or BrokenPipeError()

    def send(self, said: bytes) -> int:
        taken = said[: self._takes - len(self.sent)]
        if not taken:
            raise self._error
        self.sent += taken
        return len(taken)

    def recv(self, most: int) -> bytes:
        time.sleep(self.lingers)
        said, self.reads = self.reads[:most], self.reads[most:]
        return said

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        if option == socket.SO_RCVTIMEO:
            return bytes(size)
        return bytes(size - 4) + struct.pack("I", int(self.unseen * 1000))

    def setsockopt(self, *_: object) -> None: ...

    def settimeout(self, _: float | None) -> None: ...

    def close(self) -> None: ...


class Backend:
    """As much of Django's mail backend as a line knows, of a server that pipelines."""

    def __init__(self, sock: Stingy) -> None:
        self.connection = smtplib.SMTP()
        self.connection.sock = sock
        self.connection.does_esmtp = True
        self.connection.esmtp_features = {"pipelining": ""}


def post() -> Post:
    return Post.of(letter.write(message(), sender=letter.sender("hello@acme.test")))


def handed_over(sock: Stingy, one: Post, *, after: Post | None = None) -> tuple[Phase, int, str]:
    opened = Line(Backend(sock))
    until = time.monotonic() + FOREVER
    assert opened.offer(one, until=until) is None
    answer = opened.hand_over(one, until=until, final=FOREVER, after=after)
    assert opened.is_usable is bool(answer.code)
    return answer.phase, answer.code, answer.text


ENVELOPE = len(b"MAIL FROM:<hello@acme.test>\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n")


@pytest.mark.parametrize(
    ("beyond", "phase"),
    [(-1, Phase.DATA), (0, Phase.DATA), (1, Phase.DOT), (2, Phase.DOT), (3, Phase.DOT)],
)
@pytest.mark.parametrize("error", [BrokenPipeError(), ConnectionResetError()])
def test_who_took_the_first_byte_of_the_dot_may_have_it_all(beyond, phase, error) -> None:
    one = post()
    sock = Stingy(takes=ENVELOPE + len(one.content) + beyond, reads=GO_AHEAD, error=error)
    assert handed_over(sock, one, after=post()) == (phase, 0, type(error).__name__)


def test_a_server_that_takes_no_dot_before_the_deadline_has_no_letter() -> None:
    one = post()
    sock = Stingy(
        takes=ENVELOPE + len(one.content), reads=GO_AHEAD, error=BlockingIOError(11, "again")
    )
    opened = Line(Backend(sock))
    assert opened.offer(one, until=time.monotonic() + FOREVER) is None
    answer = opened.hand_over(one, until=time.monotonic() + 0.1, final=FOREVER, after=None)
    assert (answer.phase, answer.text) == (Phase.DATA, "TimeoutError")


def test_from_the_dot_on_the_server_has_its_final_seconds() -> None:
    one = post()
    sock = Stingy(
        takes=ENVELOPE + len(one.content) + 1, reads=GO_AHEAD, error=BlockingIOError(11, "again")
    )
    opened = Line(Backend(sock))
    assert opened.offer(one, until=time.monotonic() + FOREVER) is None
    began = time.monotonic()
    answer = opened.hand_over(one, until=began + 0.1, final=0.3, after=None)
    assert (answer.phase, answer.text) == (Phase.DOT, "TimeoutError")
    assert time.monotonic() - began >= 0.4


def test_a_letter_its_dot_and_the_next_envelope_are_written_at_once() -> None:
    one, next_one = post(), post()
    sock = Stingy(takes=1_000_000, reads=GO_AHEAD + b"250 Ok: queued\r\n" + GO_AHEAD)
    assert handed_over(sock, one, after=next_one) == (Phase.DOT, 250, "Ok: queued")
    assert sock.sent[ENVELOPE:].startswith(one.content + b".\r\nMAIL FROM:")
    assert len(sock.sent) == ENVELOPE + len(one.content) + len(line.DOT) + ENVELOPE


@pytest.mark.parametrize(
    "said",
    [
        b"250 Ok\r\n",
        b"250\r\n",
        b"250 \t two  words \t\r\n",
        b"250-one\r\n250-two\r\n250 three\r\n",
        b"250-one\r\nsomething else\r\n",
        b"no reply at all\r\n",
        b"\r\n",
        b"25\n",
        b"250 ends with a line feed\n",
        b"250-never ends\r\n",
        b"250 without an end",
        b"",
        b"-12 less than nothing\r\n",
        b"250 " + b"x" * 8186 + b"\r\n",
        b"250 " + b"x" * 8187 + b"\r\n",
        b"250 " + b"x" * 20_000,
        b"250-" + b"x" * 8000 + b"\r\n250 " + b"y" * 8000 + b"\r\n",
    ],
)
def test_replies_are_read_as_the_library_reads_them(said) -> None:
    library = smtplib.SMTP()
    library.file = io.BytesIO(said)
    ours = Wire(Stingy(takes=0, reads=said))
    ours.until = time.monotonic() + FOREVER
    assert _read(ours.reply) == _read(library.getreply)


def _read(reply: Callable[[], tuple[int, bytes]]) -> object:
    try:
        return reply()
    except smtplib.SMTPException as error:
        return type(error)


def test_replies_that_come_together_are_read_one_by_one() -> None:
    ours = Wire(Stingy(takes=0, reads=b"250 a\r\n250-b\r\n250 c\r\n354 d\r\n"))
    ours.until = time.monotonic() + FOREVER
    assert [ours.reply() for _ in range(3)] == [(250, b"a"), (250, b"b\nc"), (354, b"d")]


@pytest.mark.parametrize(("unseen", "waited"), [(0.0, 0.2), (0.15, 0.05), (9.0, 0.0)])
def test_an_answer_that_lay_there_was_not_waited_for(unseen: float, waited: float) -> None:
    sock = Stingy(takes=0, reads=b"250 Ok\r\n")
    sock.lingers, sock.unseen = 0.2, unseen
    ours = Wire(sock)
    ours.until = time.monotonic() + FOREVER
    ours.reply()
    # A slow machine makes it longer, but none makes it shorter.
    assert ours.waited >= waited
    assert (ours.waited == 0.0) is (waited == 0.0)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def encrypted(pair, tmp_path: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    certificate = _certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=str(certificate))
    ours, theirs = pair
    shaken: list[socket.socket] = []
    hands = threading.Thread(
        target=lambda: shaken.append(server.wrap_socket(theirs, server_side=True))
    )
    hands.start()
    wrapped = client.wrap_socket(ours, server_hostname="mx.test")
    hands.join()
    with wrapped, shaken[0]:
        yield wrapped, shaken[0]


def _certificate(folder: Path) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=mx.test")
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mx.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "mx.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.mark.parametrize("kind", ["pair", "encrypted"])
def test_a_wire_gives_up_at_its_deadline_however_often_it_looks(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PATIENCE_SECONDS", 0.02)
    ours, theirs = request.getfixturevalue(kind)
    opened = Wire(ours)
    opened.write(b"MAIL\r\n", until=time.monotonic() + FOREVER)
    theirs.sendall(b"250 Ok\r\n25")
    assert theirs.recv(100) == b"MAIL\r\n"
    assert opened.reply() == (250, b"Ok")
    opened.until = time.monotonic() + 0.1
    with pytest.raises(TimeoutError):
        opened.reply()
    opened.until = time.monotonic() + FOREVER
    theirs.sendall(b"0 Late\r\n")
    assert opened.reply() == (250, b"Late")


@pytest.mark.parametrize(("kind", "counts"), [("pair", True), ("encrypted", False)])
def test_a_server_that_reads_nothing_ends_a_write_at_its_deadline(
    kind: str, counts: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PATIENCE_SECONDS", 0.02)
    ours, _ = request.getfixturevalue(kind)
    opened = Wire(ours)
    assert opened.counts is counts
    with pytest.raises(TimeoutError):
        opened.write(b"x" * 50_000_000, until=time.monotonic() + 0.3)
    assert opened.taken < 50_000_000
    assert (opened.taken > 0) is counts


@pytest.mark.parametrize("kind", ["pair", "encrypted"])
def test_a_write_that_was_interrupted_goes_on_where_it_was(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PATIENCE_SECONDS", 0.02)
    ours, theirs = request.getfixturevalue(kind)
    said = bytes(range(256)) * 40_000
    heard = bytearray()

    def listen() -> None:
        time.sleep(0.2)
        while len(heard) < len(said):
            heard.extend(theirs.recv(65_536))

    listener = threading.Thread(target=listen)
    listener.start()
    opened = Wire(ours)
    opened.write(said, until=time.monotonic() + FOREVER)
    listener.join()
    assert opened.taken == len(said)
    assert heard == said
