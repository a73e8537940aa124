"""Random bytes come from a pool, and none of them twice."""

import os
from concurrent.futures import ThreadPoolExecutor

from notifysite.plumbing.randomness import random_bytes


def test_it_gives_as_many_as_asked_for_and_never_the_same() -> None:
    taken = [random_bytes(10) for _ in range(5_000)]
    assert {len(one) for one in taken} == {10}
    assert len(set(taken)) == 5_000


def test_more_than_the_pool_holds_is_no_matter() -> None:
    assert len(random_bytes(10_000)) == 10_000


def test_threads_take_nothing_of_each_other() -> None:
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: random_bytes(8), range(4_000)))
    assert len(set(taken)) == 4_000


def test_a_fork_begins_anew() -> None:
    random_bytes(1)
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, random_bytes(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 16) != random_bytes(16)
