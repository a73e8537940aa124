"""The outbound client posts once, keeps its deadline and says what may have happened."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from notifysite.plumbing.http import MAX_BODY, NoAnswer, OutboundClient, Unreachable

Talk = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Listens on a free port and lets `talk` speak with everyone who connects."""

    def __init__(self, talk: Talk, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._talk = talk
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.settimeout(5)
            while request := read_request(connection):
                self.requests.append(request)
                self._talk(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    lengths = (int(line.split(b":")[1]) for line in lines if b"content-length" in line.lower())
    length = next(lengths, 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(raw: bytes) -> Talk:
    return lambda connection: connection.sendall(raw)


@pytest.fixture
def serve(settings):
    servers: list[Server] = []

    def start(talk: Talk, context: ssl.SSLContext | None = None) -> Server:
        server = Server(talk, context)
        servers.append(server)
        scheme = "http" if context is None else "https"
        settings.OUTBOUND_ALLOWED_ORIGINS = [
            f"{scheme}://127.0.0.1:{server.port}",
            f"{scheme}://hooks.example.com:{server.port}",
        ]
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client():
    client = OutboundClient(resolver=lambda host, port: ["127.0.0.1"])
    yield client
    client.close()


def post(client: OutboundClient, server: Server, *, deadline: float = 5, **headers: str):
    url = f"http://127.0.0.1:{server.port}/hook?a=1"
    return client.post(url, content=b'{"a":1}', headers=headers, deadline=deadline)


def test_a_post_arrives_whole_and_its_answer_comes_back(client, serve):
    server = serve(answer(b"HTTP/1.1 201 Created\r\nX-Id: 7\r\nContent-Length: 2\r\n\r\nok"))

    response = post(client, server, **{"Content-Type": "application/json"})

    assert (response.status, response.headers["x-id"], response.body) == (201, "7", b"ok")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    assert head.split(b"\r\n")[0] == b"POST /hook?a=1 HTTP/1.1"
    assert sorted(line.lower() for line in head.split(b"\r\n")[1:]) == [
        b"content-length: 7",
        b"content-type: application/json",
        f"host: 127.0.0.1:{server.port}".encode(),
        b"user-agent: notifysite",
    ]


def test_a_get_asks_for_what_is_there_and_brings_nothing(client, serve):
    server = serve(answer(OK))
    response = client.get(f"http://127.0.0.1:{server.port}/a?b=c", deadline=5)
    assert (response.status, response.body) == (200, b"ok")
    head = server.requests[0].lower()
    assert head.startswith(b"get /a?b=c http/1.1\r\n")
    assert b"content-length" not in head


def test_a_connection_is_used_again(client, serve):
    server = serve(answer(OK))

    for _ in range(5):
        assert post(client, server).status == 200

    assert (server.connections, len(server.requests)) == (1, 5)


def test_cookies_are_not_kept(client, serve):
    server = serve(answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"))

    post(client, server)
    post(client, server)

    assert b"cookie" not in server.requests[1].lower()


def test_a_redirect_is_an_answer_and_not_followed(client, serve):
    server = serve(
        answer(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    )

    assert post(client, server).status == 302
    assert len(server.requests) == 1


def test_proxies_of_the_environment_are_ignored(client, serve, monkeypatch):
    server = serve(answer(OK))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert post(client, server).status == 200


def test_an_endless_body_is_read_to_64_kib(client, serve):
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    assert post(client, serve(talk)).body == b"x" * MAX_BODY


def test_a_body_that_breaks_off_leaves_the_status_valid(client, serve):
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_RDWR)

    response = post(client, serve(talk))

    assert (response.status, response.body) == (202, b"half")


def drip(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"H")
        time.sleep(0.05)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(connection)


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    drip(connection)


def test_an_answer_that_drips_in_ends_with_the_deadline(client, serve):
    with pytest.raises(NoAnswer, match="ReadTimeout"):
        post(client, serve(drip_headers), deadline=1)


def test_a_body_that_drips_in_ends_with_the_deadline(client, serve):
    response = post(client, serve(drip_body), deadline=1)

    assert response.status == 200
    assert set(response.body) == {ord("H")}


def test_silence_may_mean_that_the_request_was_taken(client, serve):
    server = serve(lambda connection: connection.recv(1))

    with pytest.raises(NoAnswer, match="ReadTimeout"):
        post(client, server, deadline=1)
    assert len(server.requests) == 1


def test_a_hang_up_after_the_request_may_mean_that_it_was_taken(client, serve):
    server = serve(lambda connection: connection.shutdown(socket.SHUT_RDWR))

    with pytest.raises(NoAnswer):
        post(client, server)


def test_what_is_not_http_is_no_answer(client, serve):
    with pytest.raises(NoAnswer, match="RemoteProtocolError"):
        post(client, serve(answer(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")))


def test_a_receiver_that_takes_no_bytes_ends_with_the_deadline(client, settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        settings.OUTBOUND_ALLOWED_ORIGINS = [url]

        with pytest.raises(NoAnswer):
            client.post(url, content=b"x" * 20_000_000, headers={}, deadline=1)


def test_a_closed_port_is_unreachable(client, settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.OUTBOUND_ALLOWED_ORIGINS = [f"http://127.0.0.1:{port}"]

    with pytest.raises(Unreachable, match="ConnectError"):
        client.post(f"http://127.0.0.1:{port}/", content=b"", headers={}, deadline=5)


def unknown(host: str, port: int) -> list[str]:
    raise socket.gaierror("unknown")


def too_long(host: str, port: int) -> list[str]:
    return [("x" * 64 + ".example").encode("idna").decode()]


def hanging(host: str, port: int) -> list[str]:
    time.sleep(1)
    return ["127.0.0.1"]


@pytest.mark.parametrize("resolver", [unknown, too_long, hanging, lambda host, port: []])
def test_a_name_without_an_address_is_unreachable(resolver):
    client = OutboundClient(resolver=resolver)

    with pytest.raises(Unreachable, match="ConnectError"):
        client.post("https://hooks.example.com/", content=b"", headers={}, deadline=0.3)


class SomeDead(httpcore.SyncBackend):
    """Reaches only one address; the others refuse or do not answer in time."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    def connect_tcp(self, host, port, timeout=None, **options):
        self.dialled.append(host)
        if host == "198.51.100.1":
            raise httpcore.ConnectError
        if host == "198.51.100.2":
            raise httpcore.ConnectTimeout
        return super().connect_tcp(host, port, timeout, **options)


def test_the_next_address_is_tried_when_one_is_dead(serve):
    server = serve(answer(OK))
    dialer = SomeDead()
    addresses = ["198.51.100.1", "198.51.100.2", "127.0.0.1"]
    client = OutboundClient(resolver=lambda host, port: addresses, dialer=dialer)
    url = f"http://hooks.example.com:{server.port}/"

    response = client.post(url, content=b"", headers={}, deadline=5)

    assert response.status == 200
    assert dialer.dialled == addresses
    client.close()


def test_headers_cannot_smuggle_others(client, serve):
    server = serve(answer(OK))

    with pytest.raises(ValueError, match="headers cannot be sent"):
        post(client, server, **{"X-A": "1\r\nX-B: 2"})
    assert server.requests == []


def test_an_error_does_not_show_where_the_request_went(client, settings):
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://127.0.0.1:1"]

    with pytest.raises(Unreachable) as caught:
        client.post("http://127.0.0.1:1/secret-token", content=b"", headers={}, deadline=5)

    assert "secret-token" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate for hooks.example.com, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("hooks.example.com"), x509.IPAddress(ipaddress.ip_address("::1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def tls_server_context(certificate: Path, names: list[str | None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda sock, name, _: names.append(name)
    return context


def test_tls_and_host_header_keep_the_name_while_the_address_is_dialled(serve, certificate):
    names: list[str | None] = []
    server = serve(answer(OK), tls_server_context(certificate, names))
    dialer = SomeDead()
    client = OutboundClient(
        resolver=lambda host, port: ["127.0.0.1"],
        dialer=dialer,
        ssl_context=ssl.create_default_context(cafile=certificate),
    )

    url = f"https://hooks.example.com:{server.port}/hook"
    assert client.post(url, content=b"", headers={}, deadline=5).status == 200

    assert dialer.dialled == ["127.0.0.1"]
    assert names == ["hooks.example.com"]
    assert f"Host: hooks.example.com:{server.port}".encode() in server.requests[0]
    client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "hooks.example.com"])
def test_a_certificate_that_does_not_fit_is_unreachable(serve, certificate, host):
    server = serve(answer(OK), tls_server_context(certificate, []))
    trusted = ssl.create_default_context(cafile=certificate if host == "127.0.0.1" else None)
    client = OutboundClient(resolver=lambda host, port: ["127.0.0.1"], ssl_context=trusted)

    with pytest.raises(Unreachable, match="ConnectError"):
        client.post(f"https://{host}:{server.port}/", content=b"", headers={}, deadline=5)
    assert server.requests == []
    client.close()


def test_a_tls_handshake_that_never_comes_is_unreachable(settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        settings.OUTBOUND_ALLOWED_ORIGINS = [url]
        client = OutboundClient()

        with pytest.raises(Unreachable, match="ConnectTimeout"):
            client.post(url, content=b"", headers={}, deadline=0.3)


def test_threads_share_one_client(client, serve):
    server = serve(answer(OK))
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(post(client, server).status))
        for _ in range(20)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 20
    assert len(server.requests) == 20
