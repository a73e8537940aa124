"""Brokers of the stand's own: a Redis (or Valkey), and a RabbitMQ node where there is one."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress

import kombu
import redis
from django.conf import settings

from notifysite.stack import binaries, testbed
from notifysite.stack.folder import Folder
from notifysite.stack.processes import LANES, Process
from notifysite.stack.valkey import Valkey
from tests.chaos.stand.program import Program, Spawner

LOOPBACK = "127.0.0.1"


class Redis(Program):
    """The server of nudges, caches and hints; no database of it is shared with anyone."""

    def __init__(self, folder: Folder, *, spawner: Spawner, env: Mapping[str, str]) -> None:
        self._server = Valkey(program=binaries.find_valkey(recorded=None).path, folder=folder)
        self._server.initialise()
        self.socket = self._server.socket
        super().__init__(self._server.process(), spawner=spawner, env=env, log=folder.log("redis"))

    def url(self, *, port: int | None = None) -> str:
        """For caches and hints: by its socket, or by a proxy's port."""
        return f"redis://{LOOPBACK}:{port}/0" if port else f"unix://{self.socket}"

    def broker_url(self, *, port: int | None = None) -> str:
        """The same server as Celery writes it, in a database of its own."""
        if port:
            return f"redis://{LOOPBACK}:{port}/1"
        return f"redis+socket://{self.socket}?virtual_host=1"

    def flush(self) -> None:
        """FLUSHALL."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            client.flushall()

    def listeners(self) -> int:
        """How many workers wait for a nudge."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            return int(client.info("clients")["blocked_clients"])

    def queued(self, lane: str) -> int:
        """How many nudges wait in a lane."""
        with redis.Redis(unix_socket_path=str(self.socket), db=1) as client:
            return int(client.llen(queue(lane)))


class RabbitMQ(Program):
    """A single node with a name, ports and a folder of its own."""

    def __init__(self, folder: Folder, *, spawner: Spawner, env: Mapping[str, str]) -> None:
        program = testbed.find_rabbitmq()
        assert program is not None, "no rabbitmq-server on this machine"
        home = folder.path / "rabbitmq"
        home.mkdir(exist_ok=True)
        (home / "plugins").write_text("[].\n")
        self.port = testbed.free_port()
        own = testbed.rabbitmq_env(home, name=f"chaos-{folder.hash}@localhost", port=self.port)
        process = Process(
            name="rabbitmq",
            command=(str(program),),
            stage=2,
            env=own,
            ready=lambda _pid: testbed.speaks_amqp((LOOPBACK, self.port)),
            patience=120,
        )
        mapper = Process(name="epmd", command=("epmd",), stage=1, env=own)
        self._mapper = Program(mapper, spawner=spawner, env=env, log=folder.log("epmd"))
        super().__init__(process, spawner=spawner, env=env, log=folder.log("rabbitmq"))

    def broker_url(self, *, port: int | None = None) -> str:
        """As Celery writes it: directly, or by a proxy's port."""
        return f"amqp://guest:guest@{LOOPBACK}:{port or self.port}//"

    def start(self) -> None:
        """Start the node, and the port mapper that Erlang wants."""
        if not self._mapper.running:
            self._mapper.start()
        super().start()

    def end(self, *, by: signal.Signals | None = None, grace: float = 20.0) -> float:
        """End the node and its port mapper."""
        took = super().end(by=by, grace=grace)
        self._mapper.end(grace=2)
        return took

    def purge(self) -> None:
        """Throw away what waits in any lane."""
        with kombu.Connection(self.broker_url()) as connection:
            for lane in LANES:
                with suppress(connection.channel_errors):  # not declared yet
                    connection.channel().queue_purge(queue(lane))

    @staticmethod
    def is_here() -> bool:
        """Whether this machine has one."""
        return testbed.find_rabbitmq() is not None


def queue(lane: str) -> str:
    """What brokers call the queue of a lane."""
    return f"{settings.NUDGE_QUEUES}.{lane}"


def required(name: str) -> bool:
    """Whether its absence is to fail the tests instead of leaving them out."""
    return name in os.environ.get("NOTIFYSITE_REQUIRE", "")
