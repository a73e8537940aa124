"""More stages beside the first, so that many small scenes can wait for their leases at once."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from notifysite.stack.folder import make_sockets, open_folder
from tests.chaos.stand.brokers import Redis
from tests.chaos.stand.oracle import Account
from tests.chaos.stand.report import Finding
from tests.chaos.stand.scene import Scene
from tests.chaos.stand.stand import Stand


class Annex(Stand):
    """A Redis of its own, and a database of its own on the stand's server."""

    def __init__(self, stand: Stand, name: str) -> None:
        self.folder = open_folder(Path(tempfile.mkdtemp(prefix="notifysite-annex-")))
        make_sockets(self.folder, owner=os.getuid())
        self.spawner, self.api_key = stand.spawner, stand.api_key
        self.env = {**stand.env, "NOTIFYSITE_VAR": str(self.folder.path)}
        self.database = stand.database.beside(name)
        self.redis = Redis(self.folder, spawner=self.spawner, env=self.env)
        self._rabbitmq = None

    def __enter__(self) -> "Annex":
        self.redis.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.redis.end()
        self.database.drop()
        for kept in (self.folder.sockets, self.folder.path):
            shutil.rmtree(kept, ignore_errors=True)


def side_by_side(
    scene: Scene, names: Sequence[str], play: Callable[[Scene, str], None], *, at_once: int
) -> None:
    """Play a part on a stage for each name, `at_once` of them at a time, wait for each to come to
    rest, and put what they found into the scene's finding, which judges all of it.
    """
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(lambda name: _staged(scene, name, play), names))
    total = Account()
    for name, (account, finding) in zip(names, found, strict=True):
        _add(total, account)
        scene.finding.broken += [f"{name}: {law}" for law in (*finding.broken, *account.broken)]
    scene.conclude(total)


def _staged(scene: Scene, name: str, play: Callable[[Scene, str], None]) -> tuple[Account, Finding]:
    finding = Finding(
        fault=scene.finding.fault,
        what=scene.finding.what,
        scale=scene.finding.scale,
        seed=f"{scene.finding.seed}-{name}",
        variant=name,
        finished=True,  # it is kept as a part of the other one
    )
    folder = scene.folder / name
    folder.mkdir()
    with Annex(scene.stand, f"chaos-{name}") as annex, Scene(annex, folder, finding) as own:
        play(own, name)
        return own.rested(), finding


def _add(total: Account, part: Account) -> None:
    for name in ("accepted", "delivered", "explained", "copies", "unknown", "unknown_taken"):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    total.most_copies = max(total.most_copies, part.most_copies)
    for state, count in part.states.items():
        total.states[state] = total.states.get(state, 0) + count
