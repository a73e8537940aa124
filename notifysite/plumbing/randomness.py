"""Random bytes of the operating system, fetched many at a time: ids and nonces want ten each, and
to ask the kernel costs more than to use them. None is given twice, in no thread and no fork."""

import os
import threading

_POOL_BYTES = 4096


class _Pool(threading.local):
    def __init__(self) -> None:
        self.left = b""
        self.at = 0


_pool = _Pool()


def _begin_anew() -> None:
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_begin_anew)


def random_bytes(count: int) -> bytes:
    """So many bytes, as good as `os.urandom`."""
    pool = _pool
    if pool.at + count > len(pool.left):
        pool.left, pool.at = os.urandom(max(_POOL_BYTES, count)), 0
    taken = pool.left[pool.at : pool.at + count]
    pool.at += count
    return taken
