"""``prefect.yaml``, applied to a real server by the real ``prefect``, and a run of it by a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with prefect, without its types

from demo.generate import write_month
from tests.flows.conftest import Once
from tests.flows.shell import PROJECT, PrefectApi, Shell
from tests.invariants import check_invariants
from tidemark.datasets.registry import BUILT_IN
from tidemark.months import Month
from tidemark.settings import Secret

pytestmark = pytest.mark.long

FILE = PROJECT / "prefect.yaml"
DATASETS = tuple(dataset.name for dataset in BUILT_IN)
CRONS = {"yellow": "10 6 * * *", "green": "20 6 * * *", "fhv": "30 6 * * *", "fhvhv": "40 6 * * *"}

# prefect ignores a key that it does not know; these are the ones that it knows, for each place of the file
KNOWN_KEYS = """
import json
from prefect.cli.deploy import _models as models

def keys(model):
    return [field.alias or name for name, field in model.model_fields.items()]

print(json.dumps({
    "file": keys(models.PrefectYamlModel),
    "deployment": keys(models.DeploymentConfig),
    "work_pool": keys(models.WorkPoolConfig),
    "schedule": keys(models.RawScheduleConfig),
    "concurrency_limit": keys(models.ConcurrencyLimitSpec),
}))
"""


def prefect_yaml() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def unknown_keys(document: dict[str, Any], known: dict[str, list[str]]) -> set[str]:
    return {key for place, mapping in places(document) for key in mapping if key not in known[place]}


def places(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "file", {key: value for key, value in document.items() if key != "definitions"}  # anchors, for the rest
    for deployment in document["deployments"]:
        yield "deployment", deployment
        yield "work_pool", deployment["work_pool"]
        yield "concurrency_limit", deployment["concurrency_limit"]
        for schedule in deployment.get("schedules", []):
            yield "schedule", schedule


# ---- applied


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """The deployments by name as the server has them, and a run of ``manual`` that a worker took."""

    database: str
    known: dict[str, list[str]]
    job_variables: list[str]
    deployments: dict[str, dict[str, Any]]
    untouched: bool
    refused: dict[str, str]
    run: dict[str, Any]


class Play:
    def __init__(self, shell: Shell, database: Secret, prefect: PrefectApi) -> None:
        self.shell = shell
        self.database = database
        self.prefect = prefect
        shell.settings["PREFECT_HOME"] = str(shell.folder / "prefect")

    def all(self) -> Applied:
        self.python("-m", "prefect", "--no-prompt", "work-pool", "create", "tidemark", "--type", "process")
        before = FILE.read_bytes()
        self.python("-m", "prefect", "--no-prompt", "deploy", "--all", folder=PROJECT)
        deployments = {found["name"]: found for found in self.prefect.ask("/deployments/filter", {})}
        pool = self.prefect.ask("/work_pools/tidemark")
        return Applied(
            database=self.database.reveal(),
            known=json.loads(self.python("-c", KNOWN_KEYS)),
            job_variables=list(pool["base_job_template"]["variables"]["properties"]),
            deployments=deployments,
            untouched=FILE.read_bytes() == before,
            refused={
                name: self.refusal(deployments["manual"], {name: value})
                for name, value in {"mode": "nope", "window": 0, "stop_after": 0, "dataset": None, "first": 1}.items()
            },
            run=self.run_by_a_worker(deployments["manual"]),
        )

    def refusal(self, deployment: dict[str, Any], parameters: dict[str, object]) -> str:
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.create_run(deployment, parameters)
        assert caught.value.code == 409
        return str(json.load(caught.value)["detail"])

    def create_run(self, deployment: dict[str, Any], parameters: dict[str, object]) -> Any:
        return self.prefect.ask(f"/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})

    def run_by_a_worker(self, deployment: dict[str, Any]) -> dict[str, Any]:
        source = self.shell.folder / "source"
        source.mkdir()
        write_month(source, "green", Month(2022, 9), rows=1000)
        self.shell.settings["TIDEMARK_SOURCE"] = str(source)
        created = self.create_run(deployment, {"first": "2022-09", "mode": "all"})
        self.python("-m", "prefect", "worker", "start", "--pool", "tidemark", "--type", "process", "--run-once")
        found: dict[str, Any] = self.prefect.ask(f"/flow_runs/{created['id']}")
        return found

    def python(self, *arguments: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder or self.shell.folder,
            env=self.shell.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def applied(
    once: Once[Applied],
    make_shell: Callable[[Secret], Shell],
    new_database: Callable[[], Secret],
    prefect: PrefectApi,
) -> Applied:
    def play() -> Applied:
        database = new_database()
        return Play(make_shell(database), database, prefect).all()

    return once("deployments", play)


def test_there_is_a_deployment_for_every_dataset_and_one_by_hand(applied: Applied) -> None:
    assert {deployment["name"] for deployment in prefect_yaml()["deployments"]} == {*DATASETS, "manual"}
    assert set(applied.deployments) == {*DATASETS, "manual"}
    assert applied.untouched


def test_a_dataset_is_loaded_daily_in_the_publishers_time(applied: Applied) -> None:
    for name in DATASETS:
        (schedule,) = applied.deployments[name]["schedules"]
        assert schedule["schedule"] == {"cron": CRONS[name], "timezone": "America/New_York", "day_or": True}
        assert (schedule["slug"], schedule["active"]) == ("daily", True)
    assert applied.deployments["manual"]["schedules"] == []


def test_deployments_have_their_parameters_and_environment(applied: Applied) -> None:
    for name, deployment in applied.deployments.items():
        assert deployment["parameters"] == {"dataset": name if name in DATASETS else "green"}
        assert deployment["tags"] == ["tidemark", name]
        assert deployment["entrypoint"] == "flows/backfill.py:backfill"
        assert deployment["work_pool_name"] == "tidemark"
        assert deployment["enforce_parameter_schema"] is True
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert deployment["job_variables"]["env"] == {
            "PREFECT_LOGGING_EXTRA_LOGGERS": "tidemark",
            "PREFECT_LOGGING_ROOT_LEVEL": "INFO",
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }
        assert set(deployment["job_variables"]) <= set(applied.job_variables)


def test_the_form_of_a_run_explains_each_parameter(applied: Applied) -> None:
    parameters = applied.deployments["manual"]["parameter_openapi_schema"]["properties"]
    assert list(parameters) == ["dataset", "first", "last", "mode", "window", "newest_first", "stop_after", "run_id"]
    assert [name for name, schema in parameters.items() if not schema.get("description")] == []


def test_a_bad_parameter_is_refused_before_anything_runs(applied: Applied) -> None:
    for name, reason in applied.refused.items():
        assert f"Validation failed for field '{name}'" in reason


def test_a_worker_loads_a_month(applied: Applied, prefect: PrefectApi) -> None:
    assert (applied.run["state_type"], applied.run["state_name"]) == ("COMPLETED", "Completed"), applied.run["state"]
    assert applied.run["name"] == "backfill green 2022-09, all"
    (month,) = prefect.months_of(applied.run)
    assert (month["name"], month["state_name"]) == ("green 2022-09", "Published")
    assert "green 2022-09: published: 1,000 rows loaded, 0 diverted." in prefect.logs_of([month])
    check_invariants(Secret(applied.database), "green")


def test_every_key_of_the_file_is_one_that_prefect_knows(applied: Applied) -> None:
    document = prefect_yaml()
    assert unknown_keys(document, applied.known) == set()
    manual = document["deployments"][-1]
    manual["work-pool"] = manual["work_pool"]
    document["deployments"][0]["schedules"][0]["time_zone"] = "UTC"
    assert unknown_keys(document, applied.known) == {"work-pool", "time_zone"}
