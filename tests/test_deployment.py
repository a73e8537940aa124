"""What containers and a Procfile run is what the embedded stack runs, and is closed in.

No container is started here: the files are read and held against the product.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from notifications.words import Lane
from notifysite.stack.processes import Process, processes

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
PROCESSES = processes(8000)
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = {"postgres", "rabbitmq", "redis"}
ONE_SHOT = {"migrate"}
OURS = {name: service for name, service in SERVICES.items() if name not in SERVERS}


def instructions() -> Iterator[tuple[str, str]]:
    """The Dockerfile's, each with its arguments on one line."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip():
            name, _, arguments = line.partition(" ")
            yield name, arguments.strip()


def arguments_of(instruction: str) -> list[str]:
    return [arguments for name, arguments in instructions() if name == instruction]


def words_of(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command


def portable(words: Iterable[str]) -> list[str]:
    """A command without what differs from place to place: which python, which host and port."""
    said = ["python" if word == sys.executable else word for word in words]
    for option in {"--host", "--port"} & set(said):
        said[said.index(option) + 1] = "any"
    return said


def procfile() -> dict[str, str]:
    lines = (DEPLOY / "Procfile").read_text().splitlines()
    return {name: command for name, _, command in (line.partition(": ") for line in lines)}


def test_every_process_of_the_stack_has_a_service_and_no_other_has() -> None:
    assert OURS.keys() - ONE_SHOT == {process.name for process in PROCESSES}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_service_runs_what_the_stack_runs(process: Process) -> None:
    command = words_of(SERVICES[process.name]["command"])

    assert portable(command) == portable(process.command)


def test_the_procfile_runs_what_the_stack_runs() -> None:
    said = {name: portable(words_of(command)) for name, command in procfile().items()}

    assert said == {process.name: portable(process.command) for process in PROCESSES}


def test_the_image_is_the_web_process_unless_told_otherwise() -> None:
    (command,) = arguments_of("CMD")

    assert json.loads(command) == SERVICES["web"]["command"]
    assert arguments_of("ENTRYPOINT") == []


@pytest.mark.parametrize("lane", Lane, ids=lambda lane: lane.name.lower())
def test_every_lane_has_a_worker(lane: Lane) -> None:
    command = words_of(SERVICES[f"worker-{lane.name.lower()}"]["command"])

    assert command[command.index("-Q") + 1] == lane.name.lower()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_nowhere_but_where_it_says_and_gains_no_rights(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert service.keys().isdisjoint({"cap_add", "privileged", "devices", "pid", "network_mode"})


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root(name: str) -> None:
    user = SERVICES[name].get("user") or arguments_of("USER")[-1]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


@pytest.mark.parametrize("name", OURS)
def test_ours_write_only_to_their_folder(name: str) -> None:
    (folder,) = arguments_of("VOLUME")

    assert SERVICES[name]["tmpfs"] == ["/tmp"]
    assert SERVICES[name]["volumes"] == [f"var:{folder}"]
    assert f"NOTIFYSITE_VAR={folder}" in arguments_of("ENV")[-1]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_started_again_or_is_done_once(name: str) -> None:
    expected = "no" if name in ONE_SHOT else "unless-stopped"

    assert SERVICES[name]["restart"] == expected
    assert SERVICES[name]["stop_grace_period"] == "30s"


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_process_waits_for_migrations_and_servers(process: Process) -> None:
    conditions = {
        name: said["condition"] for name, said in SERVICES[process.name]["depends_on"].items()
    }

    assert conditions == {
        "migrate": "service_completed_successfully",
        "rabbitmq": "service_healthy",
        "redis": "service_healthy",
    }
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_who_is_asked_for_its_health_can_tell() -> None:
    assert all(SERVICES[name]["healthcheck"]["test"] for name in SERVERS)
    assert "healthcheck" not in SERVICES["web"]  # it has the image's
    assert len(arguments_of("HEALTHCHECK")) == 1


def test_only_the_web_is_reached_from_outside_and_from_this_host_alone() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert ports == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {tuple(SERVICES[name]["networks"]) for name in SERVERS} == {("inside",)}


def test_variables_are_those_the_operators_page_knows() -> None:
    page = (ROOT / "docs" / "operators.md").read_text()
    compose = (DEPLOY / "compose.yaml").read_text()
    given = {name for service in OURS.values() for name in service["environment"]}
    baked = {name for line in arguments_of("ENV") for name in re.findall(r"(\w+)=", line)}
    named = {name.removesuffix("_FILE") for name in given | baked}
    named |= set(re.findall(r"\$\{(\w+)", compose))
    pythons = {name for name in named if name.startswith("PYTHON")} | {"PATH"}

    assert sorted(name for name in named - pythons if f"`{name}`" not in page) == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_secret_is_read_from_a_file_and_given_only_to_who_reads_it(name: str) -> None:
    service = SERVICES[name]
    given = [one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])]
    read = [
        value.removeprefix("/run/secrets/")
        for key, value in service.get("environment", {}).items()
        if key.endswith("_FILE")
    ]

    assert sorted(set(given) - {"rabbitmq.conf"}) == sorted(read)
    assert set(given) <= COMPOSE["secrets"].keys()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with what `make_secrets` makes."""
    shutil.copy(DEPLOY / "make_secrets", tmp_path)
    subprocess.run(["sh", tmp_path / "make_secrets"], check=True)
    return tmp_path / "secrets"


def test_make_secrets_makes_each_secret_readable_in_a_folder_that_is_not(made: Path) -> None:
    files = {f"secrets/{file.name}" for file in made.iterdir()}

    assert files == {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert made.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in made.iterdir()} == {0o444}


def test_make_secrets_never_replaces_a_key(made: Path) -> None:
    before = {file.name: file.read_text() for file in made.iterdir()}

    again = subprocess.run(
        ["sh", made.parent / "make_secrets"], capture_output=True, text=True, check=False
    )

    assert again.returncode == 1
    assert again.stderr == "deploy/secrets is there already: nothing was made\n"
    assert {file.name: file.read_text() for file in made.iterdir()} == before


def test_servers_and_processes_are_given_the_same_passwords(made: Path) -> None:
    database = (made / "postgres_password").read_text().strip()
    broker = re.findall(r"^default_pass = (\S+)$", (made / "rabbitmq.conf").read_text(), re.M)

    assert (made / "database_url").read_text() == (
        f"postgres://notifysite:{database}@postgres/notifysite\n"
    )
    assert (made / "celery_broker_url").read_text() == f"amqp://notifysite:{broker[0]}@rabbitmq//\n"


def test_with_these_secrets_the_product_finds_nothing_missing(made: Path) -> None:
    given = {
        name: value.replace("/run/secrets", str(made))
        for name, value in SERVICES["web"]["environment"].items()
    }
    environment = {"PATH": os.environ["PATH"], "PUBLIC_URL": "https://notify.example", **given}

    check = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=ROOT,
        env={**environment, "SECURE_SSL_REDIRECT": "true", "NOTIFYSITE_VAR": str(made.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert check.returncode == 0, check.stderr
    assert "WARNINGS" not in check.stderr


def test_secrets_are_kept_out_of_git() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()

    assert {"/deploy/secrets/", "*.env"} <= set(ignored)


def test_the_image_is_made_of_what_is_named_and_of_nothing_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    offered = {line.removeprefix("!/") for line in ignored if line.startswith("!")}
    copies = [line.split() for line in arguments_of("COPY") if not line.startswith("--from=build")]

    assert next(line for line in ignored if line and not line.startswith("#")) == "*"
    assert {source for *sources, _ in copies for source in sources} == offered
    assert [source for source in offered if not (ROOT / source).exists()] == []


def test_the_image_holds_every_package_of_ours() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]

    assert set(packages) <= {words.split()[0] for words in arguments_of("COPY")}


def test_images_are_named_by_version() -> None:
    (base,) = re.findall(r"^PYTHON=(\S+)$", "\n".join(arguments_of("ARG")), re.M)
    used = {service["image"] for name, service in SERVICES.items() if name in SERVERS} | {base}

    assert [image for image in used if not re.search(r":\d+(\.\d+)*(-[\w-]+)?$", image)] == []
    assert {line.split()[0] for line in arguments_of("FROM")} == {"${PYTHON}"}


def test_the_image_is_built_from_the_tree_and_hashed_packages_alone() -> None:
    (install,) = [line for line in arguments_of("RUN") if "pip install" in line]

    assert "--require-hashes -r requirements/base.txt" in install
    assert arguments_of("ADD") == []
    assert not any(re.search(r"\b(curl|wget|apt-get)\b", line) for line in arguments_of("RUN"))
