"""Bare smtplib: `python -m bench.peers.smtp PORT LETTERS PROCESSES`; built before, then sent."""

import json
import multiprocessing
import smtplib
import sys
import time
from typing import Any

from django.conf import settings

from bench import content
from bench.peers.letters import written


def send(port: int, numbers: range, ready: Any, told: Any) -> None:
    """Build the letters of these people, wait for the others, and send them on one connection."""
    letters = [
        (letter.to[0], letter.message().as_bytes(linesep="\r\n")) for letter in written(numbers)
    ]
    with smtplib.SMTP("127.0.0.1", port) as connection:
        connection.ehlo()
        ready.wait()
        before = time.process_time()
        for recipient, letter in letters:
            connection.sendmail(content.SENDER, [recipient], letter)
        told.put(time.process_time() - before)


def main(port: int, letters: int, processes: int) -> None:
    """Share the people out; print the CPU seconds that sending took."""
    settings.configure(USE_I18N=False)
    ready, told = multiprocessing.Barrier(processes), multiprocessing.Queue()  # type: ignore[var-annotated]
    shares = [range(share, letters, processes) for share in range(processes)]
    senders = [
        multiprocessing.Process(target=send, args=(port, share, ready, told)) for share in shares
    ]
    for sender in senders:
        sender.start()
    spent = sum(told.get() for _ in senders)
    for sender in senders:
        sender.join()
    print(json.dumps({"cpu": spent}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
