"""What becomes of each request of an HTTP/2 connection, whatever the other side does."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from notifysite.plumbing import http2
from notifysite.plumbing.http import NoAnswer, OutboundResponse, Unreachable, UnsafeURL
from notifysite.plumbing.http2 import Http2Connection, Request
from tests.fakes.certificates import certificate, server_context
from tests.fakes.http2_service import CUT, REFUSE, Goodbye, Http2Service
from tests.fakes.service import DROP, GARBAGE, HANG, Reply, Service, Taken

OK, REFUSED, LOST = "ok", "unreachable", "no answer"


class Echo(Http2Service):
    """Answers with what it is sent."""

    def answer(self, call: Taken) -> Reply:
        return Reply(200, call.body, {"x-path": call.path})


@pytest.fixture
def service(settings) -> Iterator[Echo]:
    with Echo() as running:
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        yield running


@pytest.fixture
def dial() -> Iterator[Callable[[Service], Http2Connection]]:
    made: list[Http2Connection] = []

    def connect(service: Service) -> Http2Connection:
        tls = http2.context(str(certificate()))
        at = time.monotonic() + 30
        made.append(Http2Connection(service.origin, ssl_context=tls, at=at))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def posted(
    connection: Http2Connection, *bodies: bytes, seconds: float = 30.0
) -> Sequence[http2.Answer]:
    """The answers by place; there is one for each."""
    requests = [Request(f"/{place}", [("x", "y")], body) for place, body in enumerate(bodies)]
    answers = dict(connection.post(requests, ends=time.monotonic() + seconds))
    assert sorted(answers) == list(range(len(bodies)))
    return [answers[place] for place in range(len(bodies))]


def fates(answers: Sequence[http2.Answer]) -> list[str]:
    names = {OutboundResponse: OK, Unreachable: REFUSED, NoAnswer: LOST}
    return [names[type(answer)] for answer in answers]


def test_many_requests_share_one_connection(dial, service) -> None:
    connection = dial(service)
    answers = posted(connection, *(b"%d" % number for number in range(300)))
    assert [(one.status, one.body) for one in answers] == [(200, b"%d" % n) for n in range(300)]
    assert answers[7].headers["X-Path"] == "/7"
    assert service.connections == 1
    assert 1 < service.most_streams <= 100
    assert connection.is_usable(now=time.monotonic())
    assert fates(posted(connection, b"again")) == [OK]


def test_no_more_are_under_way_than_the_other_side_takes(dial, service) -> None:
    service.streams = 3
    assert fates(posted(dial(service), *[b"x"] * 20)) == [OK] * 20
    assert service.most_streams <= 3


def test_what_is_larger_than_the_window_waits_for_room(dial, service) -> None:
    bodies = [bytes([number]) * 60_000 for number in range(6)]
    answers = posted(dial(service), *bodies)
    assert [one.body for one in answers] == bodies


def test_an_answer_is_read_up_to_64_kib(dial, service) -> None:
    service.on_call(Reply(200, b"x" * 2_000_000))
    (answer,) = posted(dial(service), b"x")
    assert (answer.status, len(answer.body)) == (200, 65536)


def test_a_stream_that_is_refused_was_not_looked_at_and_one_that_breaks_may_have_been(
    dial, service
) -> None:
    service.on_call(REFUSE, DROP, Reply(200, b"whole", cut=2))
    answers = posted(dial(service), b"a", b"b", b"c", b"d")
    assert fates(answers) == [REFUSED, LOST, OK, OK]
    assert answers[2].body == b"wh"


def test_a_goodbye_tells_what_was_not_looked_at(dial, service) -> None:
    service.on_call(Reply(200), Goodbye())
    connection = dial(service)
    answers = posted(connection, *[b"x"] * 5)
    assert fates(answers) == [OK, LOST, REFUSED, REFUSED, REFUSED]
    assert not connection.is_usable(now=time.monotonic())


def test_what_is_under_way_at_a_goodbye_is_answered_still(dial, service) -> None:
    service.on_call(Reply(200), Goodbye(reply=Reply(200, b"bye")))
    answers = posted(dial(service), *[b"x"] * 3)
    assert fates(answers) == [OK, OK, REFUSED]
    assert answers[1].body == b"bye"


def test_a_goodbye_may_take_back_even_the_one_it_comes_at(dial, service) -> None:
    service.on_call(Goodbye(taken=False))
    assert fates(posted(dial(service), b"x", b"x")) == [REFUSED, REFUSED]


@pytest.mark.parametrize("end", [CUT, GARBAGE])
def test_a_connection_that_dies_leaves_what_was_under_way_in_doubt(dial, service, end) -> None:
    service.streams = 2
    service.on_call(Reply(200), Reply(200), end)
    answers = fates(posted(dial(service), *[b"x"] * 8))
    assert answers[:3] == [OK, OK, LOST]
    # Two were under way at the most; the rest had not been written.
    assert answers.count(LOST) <= 2
    assert answers[4:] == [REFUSED] * 4


def test_a_service_that_never_answers_is_not_waited_for(dial, service) -> None:
    service.on_call(HANG)
    began = time.monotonic()
    connection = dial(service)
    assert fates(posted(connection, b"x", b"y", seconds=2.0)) == [LOST, OK]
    assert time.monotonic() - began < 60
    assert not connection.is_usable(now=time.monotonic())


def test_a_kept_connection_that_was_closed_meanwhile_is_known(dial, service) -> None:
    connection = dial(service)
    posted(connection, b"x")
    service.hang_up()
    deadline = time.monotonic() + 30
    while connection.is_usable(now=time.monotonic()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not connection.is_usable(now=time.monotonic())


def test_whoever_stops_listening_hangs_up(dial, service) -> None:
    connection = dial(service)
    requests = [Request("/", [], b"x")] * 3
    answers = connection.post(requests, ends=time.monotonic() + 30)
    next(answers)
    answers.close()
    assert not connection.is_usable(now=time.monotonic())


def test_a_service_that_speaks_something_else_is_unreachable(dial, settings) -> None:
    with Service(tls=server_context()) as plain:
        settings.OUTBOUND_ALLOWED_ORIGINS = [plain.origin]
        with pytest.raises(Unreachable, match="HTTP/2"):
            dial(plain)


def test_a_certificate_that_nobody_vouches_for_is_unreachable(service) -> None:
    with pytest.raises(Unreachable):
        Http2Connection(service.origin, ssl_context=http2.context(), at=time.monotonic() + 30)


def test_a_private_address_is_dialled_only_where_it_is_allowed(dial, service, settings) -> None:
    settings.OUTBOUND_ALLOWED_ORIGINS = []
    with pytest.raises(UnsafeURL):
        dial(service)
    assert service.connections == 0
