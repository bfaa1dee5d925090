"""No secret is anywhere: a canary in every setting, every failure provoked, and everything searched for every canary.

One scenario is played once a run: the real command, a source, a Slack and a proxy that say back whatever secret they
were given, and a database that is lost in the middle. Then each medium is searched.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import sql

from tests.depot import RIDES, ask, write_rides
from tests.faults import canaries as bird
from tests.faults.canaries import Canary, Hit, search
from tests.faulty_feed import Asked, Step, faulty_feed, response
from tests.flows import conftest as of_flows
from tests.flows.conftest import Once
from tests.flows.shell import Ended, PrefectApi, Shell
from tests.invariants import check_invariants
from tidemark import embedded
from tidemark.errors import TidemarkError
from tidemark.months import Month
from tidemark.postgres import connect
from tidemark.settings import Secret, masked, read_settings, without_secrets

pytestmark = pytest.mark.long

once, make_shell, prefect = of_flows.once, of_flows.make_shell, of_flows.prefect

DATABASE = Canary(name="the database's password", text="qd1Zk7vw/pass+word=ü%41")
DATABASE_QUERY = Canary(name="a password in the query", text="qd2Yx8mn-in the&query")
SOURCE_PASSWORD = Canary(name="the source's password", text="qs1Wj5hb+source:word")
SOURCE_TOKEN = Canary(name="the source's token", text="qs2Vt9cr/token=é")
WEBHOOK = Canary(name="the webhook", text="qw1Xp4gL-of-the-webhook")
TOKEN = Canary(name="the Slack token", text="xoxbqt1Nf6kq-of-slack")
PROXY = Canary(name="the proxy's password", text="qp1Lr3zy+of/proxy")
API_KEY = Canary(name="the key of Prefect's API", text="qk1Hb2tg-of-prefect")
API_PASSWORD = Canary(name="the password in PREFECT_API_URL", text="qu1Mc8sd-in-the-address")
PGPASSWORD = Canary(name="PGPASSWORD", text="qg1Rw5jf of libpq")
CANARIES = (
    DATABASE, DATABASE_QUERY, SOURCE_PASSWORD, SOURCE_TOKEN, WEBHOOK, TOKEN, PROXY, API_KEY, API_PASSWORD, PGPASSWORD
)  # fmt: skip
DECOY = Canary(name="a decoy", text="zz9Decoy/of+the=searcher é")
DEAD_SERVER = f"http://me:{API_PASSWORD.text}@127.0.0.1:9/api"

# ---- the source

FIRST = Month(2021, 1)
CODES = {
    "good": "published",
    "unauthorized": "source-refused",
    "forbidden": "not-at-source",
    "error": "source-busy",
    "redirect": "redirected",
    "garbage": "not-parquet",
    "page": "html",
    "drift": "missing-column",
    "lossy": "lossy-type",
    "other-month": "RIDES-AT-IN-MONTH",
    "corrupt": "corrupt",
    "check": "RIDES-RAISES",
    "internal": "internal",
    "database-lost": "connection-lost",
    "database-text": "database",
    "malformed-answer": "source-unreachable",
    "cut": "length-mismatch",
    "endless": "length-unknown",
    "encoded": "encoded-body",
    "too-large": "too-large",
    "odd-status": "unexpected-answer",
}
# refused in this process, where trying again takes no time
QUICK = (
    "cut", "endless", "encoded", "too-large", "odd-status", "unauthorized", "error", "redirect", "malformed-answer"
)  # fmt: skip
MONTHS = {kind: Month(2021 + number // 12, number % 12 + 1) for number, kind in enumerate(CODES)}
LOADED = tuple(MONTHS.values())[: list(CODES).index("cut")]
QUIET_S = 45.0  # four times what the server waits before it writes events
RANGE = (str(FIRST), str(LOADED[-1]))

DATASET_FILE = f"""
import os
from dataclasses import replace
from pathlib import Path

import checks.base
import psycopg2

from tests.depot import RIDES
from tidemark.datasets.base import RowRule
from tidemark.months import Month
from tidemark.verdict import Check, Severity


def fails_on_purpose(rows):
    month = str(rows["at"].iloc[0])[:7]
    if month == "{MONTHS["internal"]}":
        raise RuntimeError("Slack refused " + os.environ["TIDEMARK_SLACK_TOKEN"])
    if month == "{MONTHS["database-text"]}":
        raise psycopg2.ProgrammingError("the statement failed")
    if month == "{MONTHS["database-lost"]}":
        connection = psycopg2.connect(Path(os.environ["TIDEMARK_DATABASE_URL_FILE"]).read_text().strip())
        connection.autocommit = True  # a transaction would see the same activity for ever
        cursor = connection.cursor()
        while not cursor.rowcount > 0:  # until the COPY has begun
            cursor.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
                "and datname = current_database() "
                "and query ilike '%copy%{str(MONTHS["database-lost"]).replace("-", "_")}%'"
            )
        connection.close()
    return rows["seats"] < 0


RULE = RowRule(code="RIDES-ON-PURPOSE", column="seats", reason="None is below nothing.", takes=fails_on_purpose)
DATASET = replace(RIDES, row_rules=(RULE,))
RAISES = Check(
    code="RIDES-RAISES",
    severity=Severity.REJECT,
    reason="It cannot be asked.",
    expectation="expect_column_values_to_match_regex",
    column="note",
    arguments=(("regex", "["),),
    since=Month.parse("{MONTHS["check"]}"),
    until=Month.parse("{MONTHS["check"]}"),
)
checks.base.SUITES = {{**checks.base.SUITES, "rides": (RAISES,)}}
"""


@dataclass
class Echo:
    """Servers that say back what they were asked, secrets and all; ``heard`` proves that the secrets came."""

    files: dict[str, bytes]
    heard: list[str] = field(default_factory=list)

    def source(self, asked: Asked) -> Iterator[Step]:
        echo = f"<html>{asked.target} {asked.headers}</html>".encode()
        self.heard.append(echo.decode())
        month = re.search(r"(\d{4}-\d\d)", asked.target)
        kind = {str(month): kind for kind, month in MONTHS.items()}.get(month[1], "good") if month else "good"
        body = self.files.get(month[1] if month else "", b"")
        tag = f'"{len(body)}"'
        here = f"http://127.0.0.1:1{asked.target}"
        statuses = {"unauthorized": 401, "forbidden": 403, "error": 500, "odd-status": 299}
        if kind in statuses:
            realm = f'Basic realm="{asked.headers.get("authorization")}"'
            yield response(statuses[kind], echo, WWW_Authenticate=realm)
        elif kind == "redirect":
            yield response(302, echo, Location=here)
        elif kind in ("garbage", "page"):
            yield response(200, echo if kind == "page" else b"PAR0" + echo, ETag=tag, X_Asked=asked.target)
        elif kind == "malformed-answer":
            yield b"HTTP/1.1 " + echo + b"\r\n\r\n"
        elif kind == "cut":
            yield response(200, body[:100], length=len(body), X_Asked=asked.target)
        elif kind == "endless":
            yield b"HTTP/1.1 200 OK\r\n\r\n" + echo
        elif kind == "encoded":
            yield response(200, body, Content_Encoding=asked.headers.get("authorization", "gzip"))
        elif kind == "too-large":
            yield response(200, echo, length=10**12)
        elif kind == "corrupt":
            yield response(200, body[:60] + b"\xff" * 40 + body[100:-200] + b"\xff" * 150 + body[-50:], ETag='"x"')
        else:
            yield response(200, body, ETag=tag)

    def slack(self, asked: Asked) -> Iterator[Step]:
        self.heard.append(asked.target)
        yield response(403, f"no_service {asked.target}".encode(), X_Url=asked.target)

    def proxy(self, asked: Asked) -> Iterator[Step]:
        echo = str(asked.headers)
        self.heard.append(echo)
        yield response(407, echo.encode(), Proxy_Authenticate=f'Basic realm="{echo}"')


def make_files(folder: Path) -> dict[str, bytes]:
    import pyarrow

    files = {}
    for kind, month in MONTHS.items():
        path = folder / f"{month}.parquet"
        if kind == "drift":
            files[str(month)] = drifted(path, month)
            continue
        shape = {"price": pyarrow.array(["much"] * 50)} if kind == "lossy" else {}
        written = FIRST if kind == "other-month" else month
        files[str(month)] = write_rides(path, written, 50, **shape).read_bytes()
    return files


def drifted(path: Path, month: Month) -> bytes:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(write_rides(path, month, 50))
    pyarrow.parquet.write_table(table.drop_columns(["price"]), path)
    return path.read_bytes()


# ---- the scenario

# many commands in one process, as each import takes its time; each line of the input is (environment, arguments)
DRIVER = """
import contextlib, io, json, os, sys
from commands.main import run

base = dict(os.environ)
told = []
for changes, arguments in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update({k: v for k, v in (base | changes).items() if v is not None})
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run([a for a in arguments if a != "--debug"], debug="--debug" in arguments)
    told.append([arguments, status, out.getvalue(), err.getvalue()])
json.dump(told, sys.stdout)
"""
Told = list[tuple[list[str], int, str, str]]
Settings = dict[str, str | None]
Case = tuple[Settings, list[str]]
Wrong = tuple[bool, Settings]  # whether a command that needs no more than the setting fails, and the setting


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What was provoked, and every canary that was found in each medium."""

    backfill: Ended
    told: Told
    heard: str
    database: str
    hits: dict[str, list[Hit]]
    searched: dict[str, int]


class Play:
    def __init__(self, shell: Shell, server: str, database: Secret, prefect: PrefectApi, shared_home: Path) -> None:
        self.shell = shell
        self.server = server
        self.database = database
        self.prefect = prefect
        self.shared_home = shared_home
        self.hits: dict[str, list[Hit]] = {}
        self.searched: dict[str, int] = {}
        self.watched: dict[str, set[str]] = {"activity": set(), "processes": set()}

    def all(self) -> Scenario:
        folder = self.shell.folder
        (folder / "files").mkdir()
        (folder / "mine").mkdir()
        (folder / "mine" / "rides.py").write_text(DATASET_FILE)
        echo = Echo(make_files(folder / "files"))
        with (
            faulty_feed() as source,
            faulty_feed() as slack,
            faulty_feed() as proxy,
            a_role(self.server, self.database) as url,
        ):
            source.answer(echo.source)
            slack.answer(echo.slack)
            proxy.answer(echo.proxy)
            self.configure(url, source.address, slack.address, proxy.address)
            with self.watching():
                command = ("backfill", "rides", *RANGE, "--json", "--debug", "--window", "8")
                with_files = Shell(folder=self.shell.folder, settings=self.shell.settings | self.files())
                backfill = with_files.run(*command)
                told = self.commands(url, source.address, slack.address)
            self.wait_for_events()
        self.search("what the backfill said", backfill.stdout + backfill.stderr)
        self.search("what commands said", "\n".join(out + err for _, _, out, err in told))
        self.search("the activity of PostgreSQL", "\n".join(self.watched["activity"]))
        self.search("the process list", "\n".join(self.watched["processes"]))
        log = embedded.data_folder(self.shared_home).with_name("server.log")
        self.search("the log of PostgreSQL", log.read_bytes())
        self.search("what Prefect's API says", json.dumps(self.everything_in_prefect(), ensure_ascii=False))
        home = self.shell.folder / "home"
        # what a source sends is kept as it is, also where it says back what it was asked
        found = bird.search_files(CANARIES, home, self.shell.temporary)
        self.hits["files below the home"] = [hit for hit in found if not hit.where.startswith(f"{home}/lake/raw/")]
        self.searched["files below the home"] = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
        server = self.shared_home / "prefect"
        self.hits["the files of the Prefect server"] = bird.search_files(CANARIES, server)
        self.searched["the files of the Prefect server"] = (server / "prefect.db").stat().st_size
        self.hits["the rows of Prefect's database"] = bird.search_sqlite(CANARIES, server / "prefect.db")
        self.searched["the rows of Prefect's database"] = (server / "prefect.db").stat().st_size
        self.hits["the ledger's database"] = bird.search_postgres(CANARIES, self.database)
        self.searched["the ledger's database"] = 1
        return Scenario(
            backfill=backfill,
            told=told,
            heard="\n".join(echo.heard),
            database=self.database.reveal(),
            hits=self.hits,
            searched=self.searched,
        )

    def configure(self, url: Secret, source: str, slack: str, proxy: str) -> None:
        """Put a canary in every setting that takes a secret."""
        token = self.shell.folder / "token"
        token.write_text(TOKEN.text + "\n")
        with_user = f"http://feeder:{quote(SOURCE_PASSWORD.text, safe='')}@{source.removeprefix('http://')}"
        api = urlsplit(self.prefect.url)
        self.shell.settings |= {
            "PREFECT_API_URL": urlunsplit(api._replace(netloc=f"me:{API_PASSWORD.text}@{api.netloc}")),
            "PREFECT_API_KEY": API_KEY.text,
            "PGPASSWORD": PGPASSWORD.text,
            "HTTPS_PROXY": f"http://me:{quote(PROXY.text, safe='')}@{proxy.removeprefix('http://')}",
            "https_proxy": f"http://me:{quote(PROXY.text, safe='')}@{proxy.removeprefix('http://')}",
            "TIDEMARK_DATABASE_URL": url.reveal(),
            "TIDEMARK_DATASETS": str(self.shell.folder / "mine"),
            "TIDEMARK_FETCH_BYTES": str(10**9),
            "TIDEMARK_SOURCE": f"{with_user}/trips?token={quote(SOURCE_TOKEN.text, safe='')}",
            "TIDEMARK_SLACK_WEBHOOK": f"{slack}/services/T0/B0/{WEBHOOK.text}",
            "TIDEMARK_SLACK_TOKEN": TOKEN.text,
            "TIDEMARK_SLACK_CHANNEL": "#data",
        }

    def files(self) -> dict[str, str]:
        """Take two secrets out of the environment and put them into files."""
        files: dict[str, str] = {}
        for name in ("TIDEMARK_DATABASE_URL", "TIDEMARK_SLACK_WEBHOOK"):
            path = self.shell.folder / name
            path.write_text(f"{self.shell.settings[name]}\n")
            files |= {f"{name}_FILE": str(path), name: ""}
        return files

    def commands(self, url: Secret, source: str, slack: str) -> Told:
        wrong = wrong_settings(url, source, slack, self.shell.folder)
        cases = [*reading(), *diagnosing(wrong), *failing(wrong)]
        ran = subprocess.run(
            [sys.executable, "-c", DRIVER],
            cwd=self.shell.folder,
            env=self.shell.environment(),
            input=json.dumps(cases),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ran.returncode == 0, without_secrets(ran.stderr[-3000:], self.shell.settings)
        self.search("what is printed beside", ran.stderr)
        found: Told = json.loads(ran.stdout.splitlines()[-1])
        return found

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the processes of this machine and the sessions of the database, again and again."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.1):
                self.watched["activity"].add(bird.activity(Secret(self.server)))
                self.watched["processes"].add(bird.command_lines())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def everything_in_prefect(self) -> object:
        runs = [run for name in ("backfill", "load_month") for run in self.runs_of(name)]
        ids = [run["id"] for run in runs]
        states = [self.prefect.ask(f"/flow_run_states/?flow_run_id={each}") for each in ids]
        artifacts = [self.prefect.artifacts_of(run) for run in runs]
        return [runs, self.prefect.tasks_of(runs), states, self.logs(ids), artifacts]

    def wait_for_events(self) -> None:
        """The server writes events in batches, every ten seconds; the last one is the end of the backfill.

        A starved server drops events: then those are searched that it has when no more of them come.
        """
        (run, *_) = self.prefect.runs_named(f"backfill rides {RANGE[0]} to {RANGE[1]}, due")
        name = {"name": ["prefect.flow-run.Failed"]}
        wanted = {"event": name, "resource": {"id": [f"prefect.flow-run.{run['id']}"]}}
        anything = {"resource": {"id": [f"prefect.flow-run.{run['id']}"]}}
        deadline, before, since = time.monotonic() + 240, 0, time.monotonic()
        while not self.prefect.ask("/events/filter", {"filter": wanted})["events"]:
            assert time.monotonic() < deadline, "the server has no event of the run"
            there = self.prefect.ask("/events/filter", {"filter": anything})["total"]
            if there != before:
                before, since = there, time.monotonic()
            if there and time.monotonic() - since > QUIET_S:
                return
            time.sleep(1.0)

    def runs_of(self, flow: str) -> list[dict[str, object]]:
        given = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"name": {"like_": "rides"}}, "limit": 200}
        return list(self.prefect.ask("/flow_runs/filter", given))

    def logs(self, ids: list[object]) -> list[object]:
        found: list[object] = []
        while True:
            given = {"logs": {"flow_run_id": {"any_": ids}}, "limit": 200, "offset": len(found)}
            page = self.prefect.ask("/logs/filter", given)
            found += page
            if not page:
                return found

    def search(self, medium: str, data: str | bytes) -> None:
        self.hits[medium] = search(CANARIES, medium, data)
        self.searched[medium] = len(data)


@contextmanager
def a_role(server: str, database: Secret) -> Iterator[Secret]:
    """Give the database's address for a role whose password is a canary; the role owns the database meanwhile."""
    role, name = f"canary_{uuid.uuid4().hex[:8]}", urlsplit(database.reveal()).path.removeprefix("/")
    with closing(connect(Secret(server))) as connection:
        hashed = psycopg2.extensions.encrypt_password(DATABASE.text, role, connection, "scram-sha-256")
        identifiers = {"role": sql.Identifier(role), "database": sql.Identifier(name)}
        ask(connection, sql.SQL("create role {role} login password %s").format(**identifiers), hashed)
        ask(connection, sql.SQL("grant pg_signal_backend to {role}").format(**identifiers))
        ask(connection, sql.SQL("alter database {database} owner to {role}").format(**identifiers))
    parts = urlsplit(database.reveal())
    netloc = f"{role}:{quote(DATABASE.text, safe='')}@{parts.hostname}:{parts.port}"
    yield Secret(urlunsplit(parts._replace(netloc=netloc)))
    with closing(connect(Secret(server))) as connection:  # what it owns stays, and is owned by somebody else
        ask(connection, sql.SQL("alter database {database} owner to current_user").format(**identifiers))
    with closing(connect(database)) as connection:
        ask(connection, sql.SQL("reassign owned by {role} to current_user").format(**identifiers))
        ask(connection, sql.SQL("drop owned by {role}").format(**identifiers))
        ask(connection, sql.SQL("drop role {role}").format(**identifiers))


def reading() -> list[Case]:
    """Every command that reads, of every month that went wrong, for people and for programs."""
    months = [["explain", "rides", str(month), *how] for month in LOADED for how in ([], ["--json"])]
    ranges = [[name, "rides", *RANGE, *how] for name in ("status", "plan") for how in ([], ["--json"], ["--debug"])]
    return [({}, arguments) for arguments in [*months, *ranges, ["plan", "rides", *RANGE, "--check-source"]]]


def diagnosing(wrong: list[Wrong]) -> list[Case]:
    """``doctor`` with each setting in each way that it may be wrong."""
    here: Settings = {"TIDEMARK_SOURCE": "."}  # so that the source is asked only where it is in question
    settings: list[Settings] = [{}, *({**here, **given} for _, given in wrong)]
    return [(given, ["doctor", how]) for given in settings for how in ("--debug", "--json")]


def failing(wrong: list[Wrong]) -> list[Case]:
    """Commands that end before anything is loaded, with their traces."""
    commands = (["status", "rides", "--debug"], ["plan", "rides", "--json"])
    unreachable: Settings = {"PREFECT_API_URL": DEAD_SERVER}
    absent = f"http://me:{quote(SOURCE_PASSWORD.text)}@127.0.0.1:1/?sig={quote(SOURCE_TOKEN.text)}"
    backfill = ["backfill", "rides", str(MONTHS["internal"]), "--mode", "all"]
    return [
        *((given, command) for fails, given in wrong if fails for command in commands),
        *((unreachable, [*backfill, *how]) for how in ([], ["--json"], ["--debug"])),
        ({"TIDEMARK_SOURCE": absent}, ["plan", "rides", "2021-01", "--check-source", "--debug"]),
    ]


def wrong_settings(url: Secret, source: str, slack: str, folder: Path) -> list[Wrong]:
    """Settings with canaries, each wrong in a way of its own."""
    parts = urlsplit(url.reveal())
    quoted, host = quote(DATABASE.text, safe=""), f"{parts.hostname}:{parts.port}"
    databases = [
        f"postgresql://tidemark:{quoted}@{host}{parts.path}",  # not the password of this role
        f"postgresql://nobody:{quoted}@{host}/nothing",
        f"postgresql://me:{quoted}@127.0.0.1:1/x",
        f"postgresql://me:{DATABASE.text}@127.0.0.1:1/x",  # / and + as they are
        f"postgresql://me:{DATABASE.text.replace('/', '@')}@127.0.0.1:1/x",
        f"postgresql://me:{DATABASE.text.replace('/', '#')}@127.0.0.1:1/x",
        f"postgresql://me:{DATABASE.text.replace('/', '?')}@127.0.0.1:1/x",
        f"postgresql://me:{quoted}@127.0.0.1:{DATABASE.text}/x",
        f"postgresql://me@127.0.0.1:1/x?password={quote(DATABASE_QUERY.text)}",
        f"postgresql://me@127.0.0.1:1/x?passwort={quote(DATABASE_QUERY.text)}",
        f"postgresql://me@127.0.0.1:1/x?password={DATABASE_QUERY.text}&sslmode={DATABASE_QUERY.text}",
        f"postgresql://me@127.0.0.1:1/x?options=-c%20{quote(DATABASE_QUERY.text)}",
        f"mysql://me:{quoted}@127.0.0.1/x",
        f"host=127.0.0.1 password={DATABASE.text}",
        DATABASE.text,
    ]
    apis = [
        DEAD_SERVER,
        f"ftp://{API_PASSWORD.text}@127.0.0.1/",
        f"http://me:{API_PASSWORD.text}/x@127.0.0.1:9/api",
        API_PASSWORD.text,
    ]
    secret = quote(SOURCE_PASSWORD.text, safe="")
    token = quote(SOURCE_TOKEN.text, safe="")
    sources = [
        f"http://me:{secret}@127.0.0.1:1/x?token={token}",
        f"http://me:{SOURCE_PASSWORD.text}/x@127.0.0.1:1/",
        f"https://me:{secret}@127.0.0.1:{urlsplit(source).port}/x?token={token}",  # TLS where there is none
        f"ftp://me:{secret}@127.0.0.1/x?token={token}",
        f"me:{SOURCE_PASSWORD.text}@127.0.0.1/x?token={token}",
        f"http://me:{secret}@[::1/x?token={token}",
        f"file://me:{secret}@elsewhere/x?token={token}",
        f"{source}/2021-02?token={token}",
    ]
    raising = folder / "raising"
    raising.mkdir(exist_ok=True)
    (raising / "bad.py").write_text("import os\nraise RuntimeError(os.environ['TIDEMARK_DATABASE_URL'])\n")
    proxies = [f"http://me:{quote(PROXY.text)}@127.0.0.1:1", f"socks9://me:{quote(PROXY.text)}@127.0.0.1:1", PROXY.text]
    return [
        *each_of("TIDEMARK_DATABASE_URL", databases, fails=True),
        *each_of("PREFECT_API_URL", apis),
        *each_of("TIDEMARK_SOURCE", sources),
        *each_of("HTTP_PROXY", proxies, TIDEMARK_SOURCE="http://127.0.0.2:1/x"),
        *each_of("ALL_PROXY", proxies, TIDEMARK_SOURCE="http://127.0.0.2:1/x"),
        (False, {"TIDEMARK_SLACK_WEBHOOK": WEBHOOK.text}),
        (False, {"TIDEMARK_SLACK_WEBHOOK": f"file:///{WEBHOOK.text}"}),
        (False, {"TIDEMARK_SLACK_WEBHOOK": f"{slack}/{WEBHOOK.text}\nx"}),
        (False, {"TIDEMARK_SLACK_CHANNEL": None, "TIDEMARK_SLACK_WEBHOOK": None}),
        (True, {"TIDEMARK_SLACK_TOKEN_FILE": str(folder / "token")}),
        (True, {"TIDEMARK_SLACK_TOKEN": None, "TIDEMARK_SLACK_TOKEN_FILE": f"/nowhere/{folder.name}"}),
        (True, {"TIDEMARK_DATASETS": str(raising)}),
    ]  # fmt: skip


def each_of(name: str, values: list[str], *, fails: bool = False, **beside: str) -> Iterator[Wrong]:
    for value in values:
        yield fails, {name: value, **beside}


@pytest.fixture(scope="module")
def played(
    once: Once[Scenario],
    make_shell: Callable[[Secret], Shell],
    new_database: Callable[[], Secret],
    prefect: PrefectApi,
    server_url: str,
    shared_home: Path,
) -> Scenario:
    def play() -> Scenario:
        database = new_database()
        return Play(make_shell(database), server_url, database, prefect, shared_home).all()

    return once("canaries", play)


MEDIA = (
    "what the backfill said",
    "what commands said",
    "what is printed beside",
    "files below the home",
    "what Prefect's API says",
    "the files of the Prefect server",
    "the rows of Prefect's database",
    "the ledger's database",
    "the activity of PostgreSQL",
    "the log of PostgreSQL",
    "the process list",
)


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
@pytest.mark.parametrize("medium", MEDIA)
def test_no_secret_is_in(played: Scenario, medium: str, canary: Canary) -> None:
    found = [hit for hit in played.hits[medium] if hit.canary == canary.name]
    assert not found, f"{len(found)} times, first in {found[0].where}:\n{found[0].beside}"


def test_every_medium_was_searched_and_none_was_empty(played: Scenario) -> None:
    assert set(played.hits) == set(MEDIA)
    assert [medium for medium, size in played.searched.items() if not size] == ["what is printed beside"]


def test_every_failure_was_provoked(played: Scenario) -> None:
    found = {partition["month"]: partition["last_attempt"]["code"] for partition in played.backfill.json["partitions"]}
    assert found == {str(month): CODES[kind] for kind, month in MONTHS.items() if month in LOADED}
    assert played.backfill.status == 1
    check_invariants(Secret(played.database), "rides")


def test_the_commands_failed_as_they_were_meant_to(played: Scenario) -> None:
    told = [json.loads(out) for arguments, _, out, _ in played.told if "--json" in arguments]
    codes = {each["error"]["code"] for each in told if "error" in each}
    assert codes >= {"bad-setting", "bad-dataset", "database-refused", "database-unreachable", "unreachable"}
    traces = [err for arguments, _, _, err in played.told if "--debug" in arguments and "Traceback" in err]
    assert len(traces) > 20
    assert {status for _, status, _, _ in played.told} == {0, 1, 2}


@pytest.mark.parametrize("canary", [SOURCE_PASSWORD, SOURCE_TOKEN, WEBHOOK, PROXY], ids=lambda canary: canary.name)
def test_the_secrets_were_used_and_said_back(played: Scenario, canary: Canary) -> None:
    """Else their absence would prove nothing."""
    assert search([canary], "heard", played.heard)


# ---- exceptions


def provoked(settings: dict[str, str], folder: Path) -> Iterator[Callable[[], object]]:
    """Calls of the product that raise, given settings with canaries."""
    from deployments.prefect_server import ensure_server
    from tidemark.datasets.green import DATASET as GREEN
    from tidemark.fetch import look
    from tidemark.session import open_session
    from tidemark.source import locate

    yield lambda: read_settings(settings)
    yield lambda: open_session(read_settings(settings))._connect().close()
    yield lambda: connect(Secret(settings["TIDEMARK_DATABASE_URL"]))
    yield lambda: ensure_server(folder, api_url=read_settings(settings).prefect_api_url or DEAD_SERVER)
    yield lambda: look(locate(GREEN, FIRST, settings.get("TIDEMARK_SOURCE")), seen=None, timeout=2)


def test_no_exception_holds_a_secret(server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raised = []
    for _, settings in wrong_settings(Secret(server_url), "http://127.0.0.1:1", "http://127.0.0.1:1", tmp_path):
        given = {name: value for name, value in settings.items() if value is not None}
        if "TIDEMARK_DATASETS" in given:
            continue  # its text is the user's own; what is shown of it is searched above
        with monkeypatch.context() as patched:
            for name, value in given.items():
                patched.setenv(name, value)
            absent = {"TIDEMARK_DATABASE_URL": "postgresql://me@127.0.0.1:1/x", "TIDEMARK_SOURCE": "http://127.0.0.1:1"}
            for call in provoked({**absent, **given}, tmp_path):
                try:
                    call()
                except TidemarkError as error:
                    raised.append(error)
    hits = [hit for error in raised for hit in search(CANARIES, repr(error), bird.everything_of(error))]
    assert hits == []
    assert len(raised) > 100
    of_databases = {"bad-setting", "database-refused", "database-unreachable"}
    of_others = {"bad-source", "bad-proxy", "source-unreachable", "unreachable"}
    assert {error.code for error in raised} >= of_databases | of_others


@pytest.mark.parametrize("kind", QUICK)
def test_no_refusal_of_a_source_holds_what_it_says_back(kind: str, tmp_path: Path) -> None:
    from tidemark.fetch import fetch
    from tidemark.guard import Limits
    from tidemark.lake import Lake
    from tidemark.source import locate

    month = MONTHS[kind]
    echo = Echo({str(month): write_rides(tmp_path / "file", month, 50).read_bytes()})
    with faulty_feed() as feed:
        feed.answer(echo.source)
        netloc = f"feeder:{quote(SOURCE_PASSWORD.text, safe='')}@{feed.address.removeprefix('http://')}"
        location = locate(RIDES, month, f"http://{netloc}/?token={quote(SOURCE_TOKEN.text, safe='')}")
        with pytest.raises(TidemarkError) as caught:
            fetch(
                RIDES.partition(month),
                location,
                Lake(tmp_path / "lake"),
                Limits(seconds=20, bytes=10**9),
                seen=None,
                stop=threading.Event(),
            )
    assert caught.value.code == CODES[kind]
    assert search(CANARIES, "the exception", bird.everything_of(caught.value)) == []
    assert search([SOURCE_PASSWORD], "heard", "\n".join(echo.heard))
    assert search([SOURCE_TOKEN], "heard", "\n".join(echo.heard))


def well_formed() -> dict[str, str]:
    """An environment with every canary in its place."""
    database, in_query, source, token, proxy = (
        quote(canary.text, safe="") for canary in (DATABASE, DATABASE_QUERY, SOURCE_PASSWORD, SOURCE_TOKEN, PROXY)
    )
    return {
        "TIDEMARK_DATABASE_URL": f"postgresql://me:{database}@h/x?password={in_query}",
        "TIDEMARK_SOURCE": f"http://me:{source}@h/x?token={token}",
        "TIDEMARK_SLACK_WEBHOOK": f"https://h/services/{WEBHOOK.text}",
        "TIDEMARK_SLACK_TOKEN": TOKEN.text,
        "https_proxy": f"http://me:{proxy}@h:1",
        "PREFECT_API_KEY": API_KEY.text,
        "PREFECT_API_URL": DEAD_SERVER,
        "PGPASSWORD": PGPASSWORD.text,
    }


def test_settings_and_their_fields_show_no_secret() -> None:
    read = read_settings(well_formed())
    assert search(CANARIES, "the settings", f"{read!r} {read} {masked(read.source or '')}") == []


@pytest.mark.parametrize("way", ["webhook", "token"])
def test_a_slack_that_refuses_and_says_the_address_back_leaves_no_secret_in_the_log(
    way: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import hooks

    echo = Echo({})
    monkeypatch.setattr(hooks, "backfill_message", lambda *_: "something went wrong")
    caplog.set_level(logging.INFO)
    with faulty_feed() as slack:
        slack.answer(echo.slack if way == "webhook" else echo.proxy)
        given = {"TIDEMARK_SLACK_WEBHOOK": f"{slack.address}/services/T0/B0/{WEBHOOK.text}"}
        if way == "token":
            given = {"TIDEMARK_SLACK_TOKEN": TOKEN.text, "TIDEMARK_SLACK_CHANNEL": "#data"}
            address = slack.address.removeprefix("http://")
            for name in ("HTTPS_PROXY", "https_proxy"):
                monkeypatch.setenv(name, f"http://me:{quote(PROXY.text, safe='')}@{address}")
        chosen = type("Chosen", (), {"title": "rides 2023-01 to 2023-01"})()
        hooks.tell_people(read_settings(given), chosen, None)  # type: ignore[arg-type]  # what it would say is not asked
    assert "was not delivered" in caplog.text
    assert search(CANARIES, "the log", caplog.text + "".join(repr(vars(record)) for record in caplog.records)) == []
    assert search([WEBHOOK if way == "webhook" else PROXY], "heard", "\n".join(echo.heard))


# ---- the trace of an unexpected error


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
@pytest.mark.parametrize("written", ["as it is", "in an address"])
def test_the_last_resort_takes_every_secret_of_the_environment_out_of_a_text(canary: Canary, written: str) -> None:
    text = canary.text if written == "as it is" else quote(canary.text, safe="")
    told = without_secrets(f"it was <{text}>, and more", well_formed())
    assert told == "it was <***>, and more"


# ---- the search itself: it finds what was planted


@pytest.mark.parametrize("form", [form for form in DECOY.forms if form], ids=repr)
def test_the_search_finds_every_form(form: bytes) -> None:
    hits = search([*CANARIES, DECOY], "here", b"before " + form + b" after")
    assert [hit.canary for hit in hits] == [DECOY.name]
    assert search(CANARIES, "here", b"before " + form + b" after") == []


def test_canaries_are_told_apart() -> None:
    assert len({canary.text[: bird.PART] for canary in (*CANARIES, DECOY)}) == len(CANARIES) + 1
    for canary in CANARIES:
        others = [other for other in (*CANARIES, DECOY) if other is not canary]
        assert search(others, "here", " ".join(map(repr, canary.forms))) == []


def test_the_search_finds_what_is_in_a_file_or_its_name(tmp_path: Path) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "deep" / "down" / "result").write_bytes(b"\0\xff" * 70_000 + DECOY.text.encode() + b"\0")
    (tmp_path / f"named-{DECOY.text[: bird.PART]}").touch()
    assert len(bird.search_files((DECOY,), tmp_path)) == 2


def test_the_search_finds_what_is_in_an_sqlite_database_that_is_open(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "prefect.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma journal_mode=wal")
        database.execute("create table state (message text)")
        database.execute("insert into state values (?)", ("x" * 10_000 + DECOY.text,))
        database.commit()
        assert bird.search_sqlite((DECOY,), path)
        assert bird.search_files((DECOY,), tmp_path)


@pytest.mark.parametrize("kind", ["text", "jsonb", "text[]", "bytea"])
def test_the_search_finds_what_is_in_a_column_of_any_type(database_url: Secret, kind: str) -> None:
    values: dict[str, object] = {
        "text": DECOY.text,
        "jsonb": json.dumps({"a": [DECOY.text]}),
        "text[]": [DECOY.text],
        "bytea": "not searched as text",
    }
    with closing(connect(database_url)) as connection:
        ask(connection, f"create table quarantine.planted (id int, planted {kind})")
        value = values[kind]
        if kind == "bytea":
            ask(connection, "comment on table quarantine.planted is %s", DECOY.text)
        ask(connection, f"insert into quarantine.planted values (1, %s::{kind})", value)
    assert bird.search_postgres((DECOY,), database_url)


def test_the_search_finds_what_the_server_shows_and_logs(database_url: Secret, shared_home: Path) -> None:
    log = embedded.data_folder(shared_home).with_name("server.log")
    planted = urlsplit(database_url.reveal())
    address = urlunsplit(planted._replace(query=f"application_name={quote(DECOY.text[:20])}"))
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        assert search([DECOY], "the activity", bird.activity(database_url))
        cursor.execute("do $$ begin raise log 'planted: %', $x$" + DECOY.text + "$x$; end $$")
        assert search([DECOY], "the log", log.read_bytes())


def test_the_search_finds_what_is_on_a_command_line() -> None:
    script = "import sys; print('here', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, DECOY.text], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()  # the list shows no arguments before a program runs
            assert search([DECOY], "the process list", bird.command_lines())
        finally:
            process.kill()


def test_the_search_finds_what_is_in_an_exception_or_its_cause() -> None:
    def raised(make: Callable[[], Exception]) -> Exception:
        try:
            try:
                raise make()
            except Exception as inner:
                raise TidemarkError("All is well.") from inner
        except TidemarkError as outer:
            return outer

    told = TidemarkError("All is well.")
    told.remedy = DECOY.text
    for error in (raised(lambda: ValueError(DECOY.text)), raised(lambda: KeyError({"a": DECOY.text})), told):
        assert search([DECOY], "the exception", bird.everything_of(error))


def test_the_search_finds_what_prefect_was_told(prefect: PrefectApi, shared_home: Path) -> None:
    """A decoy in a run's parameters and its name is found in the answers, the rows and the files of the server."""
    flow = prefect.ask("/flows/", {"name": "planted"})
    given = {"flow_id": flow["id"], "name": DECOY.text, "parameters": {"a": DECOY.text}}
    run = prefect.ask("/flow_runs/", given)
    assert search([DECOY], "the answer", json.dumps(prefect.ask(f"/flow_runs/{run['id']}")))
    assert bird.search_sqlite((DECOY,), shared_home / "prefect" / "prefect.db")
    assert bird.search_files((DECOY,), shared_home / "prefect")
