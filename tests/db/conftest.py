"""The same tests on both engines: SQLite, and a PostgreSQL server of their own on a private socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from db.store import Store
from relex_core.types import Document, Entity, Extraction, Relation, Schema
from tests.components import missing

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
_numbers = count()


class Server:
    """A PostgreSQL server with its data and its socket in the folder `home`."""

    def __init__(self, home: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = str(found[-1]) if found else shutil.which("initdb")
        if initdb is None:
            missing("PostgreSQL", "apt-get install postgresql")
        assert initdb
        self.home = home
        self.url = f"postgresql://relex@/{{}}?host={quote(str(home), safe='')}"
        self._programs = Path(initdb).parent
        self._user: dict[str, object] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(home, owner.pw_uid, owner.pw_gid)
            self._user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def make(self, *options: str) -> None:
        self._run("initdb", "-U", "relex", "-A", "trust", "-E", "UTF8", "--locale=C", *options)

    def start(self, *options: str) -> None:
        # without locale settings from outside; nothing here has to survive a power cut
        settings = ["listen_addresses=", "fsync=off", "full_page_writes=off", *options]
        given = " ".join([f"-k {self.home}", *(f"-c {setting}" for setting in settings)])
        self._run("pg_ctl", "-l", str(self.home / "log"), "-o", given, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-m", "immediate", "stop", check=False)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        command = [str(self._programs / program), "-D", str(self.home / "data"), *arguments]
        subprocess.run(command, cwd=self.home, check=check, stdout=subprocess.DEVNULL, **self._user)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a running PostgreSQL server, up to the name of a database."""
    # a socket's path may have 107 bytes only
    home = Path(tempfile.mkdtemp(prefix="relexpg", dir="/tmp"))
    server = Server(home)
    try:
        server.make()
        server.start()
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size at `folder`."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small file system can be mounted by root alone; the other tests of full disks limit the file")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """Name of a migrated, empty database."""
    with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_relex")
    Store.open(postgres.format("template_relex")).close()
    return "template_relex"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "relex.sqlite"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def empty_postgres(postgres: str) -> Iterator[Callable[[str], str]]:
    """Makes a database, optionally as a copy of another; its address.

    It goes after the test. Some hundred of them are a hundred thousand files, and once those are on the disk, it takes
    minutes to delete them.
    """
    names: list[str] = []

    def make(template: str = "template0") -> str:
        names.append(f"test_{next(_numbers)}")
        with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
            # its files alone, where the server would write all of them to its log too
            strategy = "STRATEGY FILE_COPY" if connection.info.server_version >= 15_00_00 else ""
            connection.execute(f"CREATE DATABASE {names[-1]} TEMPLATE {template} {strategy}")
        return postgres.format(names[-1])

    yield make
    with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        for name in names:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a migrated, empty database of its own."""
    if engine == "sqlite":
        path = tmp_path / "relex.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    template = request.getfixturevalue("postgres_template")
    return str(request.getfixturevalue("empty_postgres")(template))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


SCHEMA = Schema.of(["person", "place", "organization"], ["born in", "works for"])
ADA = Document("ada", "Ada Lovelace was born in London. 😀", "people.txt")
NIELS = Document("niels", "Niels Bohr visited Zürich for the Institut.", "people.txt")
CAFE = Document("cafe", "The café in 東京 is small.", "places.txt")


def found(document: Document, *entities: Entity, model: str = "mini-1") -> Extraction:
    """What a model found in a document: entities alone."""
    return Extraction(document, SCHEMA, entities, (), model)


def suggestions(model: str = "mini-1") -> Extraction:
    """Two entities and a relation that a model suggests for ADA."""
    person = Entity.suggested(0, 12, "person", 0.9)
    place = Entity.suggested(25, 31, "place", 0.4)
    relation = Relation(person.id, place.id, "born in", 0.6)
    return Extraction(ADA, SCHEMA, (person, place), (relation,), model)
