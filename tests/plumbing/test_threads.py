"""The handler in front of synchronous views: threads that stay, and what they keep."""

import asyncio
import threading
from contextlib import suppress

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.core.signals import request_finished, request_started
from django.db import OperationalError, connection
from django.http import FileResponse, HttpResponse, JsonResponse
from django.urls import path
from django.utils import translation

from notifysite.plumbing import threads
from notifysite.plumbing.threads import ThreadedHandler, in_thread, is_asynchronous

meeting = threading.Barrier(2)
done: list[str] = []


def session(request):
    """Which database session answers, and in which thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return JsonResponse([cursor.fetchone()[0], threading.current_thread().name], safe=False)


def meet(request):
    meeting.wait(timeout=20)
    return HttpResponse("met")


def speak(request, language):
    before = translation.get_language()
    translation.activate(language)
    return HttpResponse(before)


def echo(request):
    headers = {"X-Method": request.method, "X-Length": request.META["CONTENT_LENGTH"]}
    return HttpResponse(request.body, status=201, headers=headers)


def read(request):
    return FileResponse(open(__file__, "rb"))


def note(request):
    done.append(request.GET["what"])
    return HttpResponse()


def break_off(request):
    """Loses its connection, and answers with a file all the same."""
    with suppress(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return read(request)


async def wait(request):
    return HttpResponse()


urlpatterns = [
    path("session", session),
    path("meet", meet),
    path("speak/<language>", speak),
    path("echo", echo),
    path("read", read),
    path("note", note),
    path("break_off", break_off),
    path("wait", wait),
]


@pytest.fixture
def handler(settings):
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    settings.WEB_THREADS = 2
    threads._threads.cache_clear()
    yield ThreadedHandler()
    threads._threads().shutdown()
    threads._threads.cache_clear()


async def ask(handler, *paths, **more):
    transport = httpx.ASGITransport(app=handler)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await asyncio.gather(*(client.request("GET", path, **more) for path in paths))


def answers(handler, *paths, **more):
    return async_to_sync(ask)(handler, *paths, **more)


def sessions(handler, times):
    return {tuple(answers(handler, "/session")[0].json()) for _ in range(times)}


@pytest.fixture
def kept(transactional_db, monkeypatch):
    """A database that may be asked by other threads, whose connections are kept."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 600)


def test_a_thread_keeps_its_connection_from_request_to_request(handler, kept):
    found = sessions(handler, 10)
    assert len({pid for pid, _ in found}) == len({name for _, name in found}) <= 2
    close(handler)


def close(handler):
    """End the sessions that the threads kept, or the test's database could not be emptied."""

    async def end():
        await asyncio.gather(*(threads._hand_over(leave) for _ in range(2)))

    def leave():
        meeting.wait(timeout=20)  # each thread gets one
        connection.close()

    async_to_sync(end)()


def test_a_connection_that_ended_meanwhile_is_replaced(handler, kept):
    before = sessions(handler, 4)
    with connection.cursor() as cursor:
        for pid, _ in before:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    after = sessions(handler, 4)
    assert not {pid for pid, _ in before} & {pid for pid, _ in after}
    close(handler)


def test_a_connection_that_broke_under_a_request_is_replaced_for_the_next(handler, kept):
    assert [answers(handler, "/break_off")[0].status_code for _ in range(4)] == [200] * 4
    assert sessions(handler, 4)
    close(handler)


def test_what_a_coroutine_has_done_in_a_thread_keeps_the_connection_too(handler, kept):
    async def pid():
        return await in_thread(lambda: session(None).content)

    assert len({async_to_sync(pid)() for _ in range(10)}) <= 2
    close(handler)


def test_requests_are_answered_side_by_side(handler):
    assert [one.text for one in answers(handler, "/meet", "/meet")] == ["met", "met"]


def test_a_request_leaves_nothing_behind_in_its_thread(handler):
    before = {answers(handler, f"/speak/{language}")[0].text for language in ("de", "fr", "it")}
    assert before == {"en"}


def test_body_status_and_headers_pass_through(handler):
    [answer] = answers(handler, "/echo", content=b"x" * 200_000)
    assert (answer.status_code, answer.headers["X-Method"]) == (201, "GET")
    assert answer.content == b"x" * 200_000


@pytest.mark.parametrize("body", [b"x" * 100_001, [b"x" * 50_000] * 3], ids=["whole", "chunks"])
def test_a_body_that_is_too_large_is_refused_to_whoever_reads_it(handler, settings, body):
    settings.REQUEST_MOST_BYTES = 100_000
    sent = body if isinstance(body, bytes) else chunks(body)
    [answer] = answers(handler, "/echo", content=sent)
    assert answer.status_code == 400
    [answer] = answers(handler, "/speak/de", content=b"x" * 100_001)
    assert answer.status_code == 200


async def chunks(parts):
    for part in parts:
        yield part


def test_what_comes_in_chunks_is_as_long_as_it_is(handler):
    [answer] = answers(handler, "/echo", content=chunks([b"one ", b"two"]))
    assert (answer.content, answer.headers["X-Length"]) == (b"one two", "7")


def test_a_file_comes_whole(handler):
    with open(__file__, "rb") as file:
        assert answers(handler, "/read")[0].content == file.read()


def test_each_request_begins_and_ends_once(handler):
    heard = []
    begun, ended = (lambda **_: heard.append("begun")), (lambda **_: heard.append("ended"))
    request_started.connect(begun)
    request_finished.connect(ended)
    try:
        answers(handler, "/echo")
        answers(handler, "/read")
    finally:
        request_started.disconnect(begun)
        request_finished.disconnect(ended)
    assert heard == ["begun", "ended"] * 2


def test_what_has_begun_is_done_though_the_client_has_gone(handler):
    done.clear()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/note",
        "query_string": b"what=this",
        "headers": [],
    }

    async def call():
        said = iter([{"type": "http.request"}])

        async def receive():
            return next(said, {"type": "http.disconnect"})

        async def send(message):
            raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            await handler(scope, receive, send)

    async_to_sync(call)()
    assert done == ["this"]


def test_a_client_that_goes_while_it_speaks_is_not_answered(handler):
    sent = []

    async def call():
        said = iter([{"type": "http.request", "body": b"x", "more_body": True}])

        async def receive():
            return next(said, {"type": "http.disconnect"})

        async def send(message):
            sent.append(message)

        await handler({"type": "http", "method": "POST", "path": "/echo"}, receive, send)

    async_to_sync(call)()
    assert sent == []


@pytest.mark.parametrize(
    ("asked", "waits"), [("/wait", True), ("/echo", False), ("/nowhere", False)]
)
def test_who_is_answered_by_a_coroutine_is_known_beforehand(settings, asked, waits):
    settings.ROOT_URLCONF = __name__
    assert is_asynchronous({"path": asked}) is waits
    assert is_asynchronous({"path": f"/mounted{asked}", "root_path": "/mounted"}) is waits
    assert is_asynchronous({"path": asked, "method": "GET"}) is waits
    assert not is_asynchronous({"path": asked, "method": "POST"})
