"""Settings: read once, refused by name when they are wrong, and a secret is shown nowhere."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import re
from pathlib import Path

import pytest

from tidemark import settings
from tidemark.errors import UsageError
from tidemark.settings import Secret, Settings, masked, read_settings

PASSWORD = "pa55word-of-ours"
URL = f"postgresql://me:{PASSWORD}@db.example.org:5432/warehouse"
SECRETS = [settings.DATABASE_URL, settings.SLACK_WEBHOOK, settings.SLACK_TOKEN]
NUMBERS = {
    settings.SOURCE_LIMIT: "source_limit",
    settings.WAREHOUSE_LIMIT: "warehouse_limit",
    settings.FETCH_SECONDS: "fetch_seconds",
    settings.FETCH_BYTES: "fetch_bytes",
    settings.QUARANTINE_DAYS: "quarantine_days",
}


def field_of(name: str) -> str:
    return name.removeprefix("TIDEMARK_").lower()


def revealed(read: Settings, name: str) -> str | None:
    secret: Secret | None = getattr(read, field_of(name))
    return secret.reveal() if secret else None


# ---- what is read


def test_with_nothing_set_everything_has_a_default() -> None:
    read = read_settings({})
    assert read.home == Path.cwd() / ".tidemark"
    assert read.lake == read.home / "lake"
    assert (read.source_limit, read.warehouse_limit, read.fetch_seconds, read.quarantine_days) == (2, 2, 3600, 90)
    assert read.fetch_bytes == 4 * 1024**3
    assert (read.database_url, read.source, read.datasets, read.slack_webhook) == (None, None, None, None)
    assert read.origins == {}
    assert read.origin(settings.HOME) == "default"


def test_without_a_mapping_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SOURCE_LIMIT, "7")
    assert read_settings().source_limit == 7


def test_the_lake_follows_home_unless_it_has_its_own_place(tmp_path: Path) -> None:
    assert read_settings({settings.HOME: str(tmp_path)}).lake == tmp_path / "lake"
    assert read_settings({settings.HOME: str(tmp_path), settings.LAKE: "/elsewhere"}).lake == Path("/elsewhere")


@pytest.mark.parametrize("name", [settings.HOME, settings.LAKE, settings.DATASETS])
def test_a_path_may_begin_at_home_and_becomes_absolute(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert getattr(read_settings({name: "~/here"}), field_of(name)) == Path("/home/me/here")
    assert getattr(read_settings({name: "here"}), field_of(name)) == Path.cwd() / "here"


@pytest.mark.parametrize("name", [settings.HOME, settings.LAKE, settings.DATASETS, f"{settings.SLACK_TOKEN}_FILE"])
def test_the_home_of_a_user_whom_nobody_knows_is_refused_by_name(name: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        read_settings({name: "~nobody-of-this-name/here"})
    assert caught.value.code == "bad-setting"


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_an_empty_setting_is_as_none(blank: str) -> None:
    names = [name for name in vars(settings).values() if isinstance(name, str) and name.startswith("TIDEMARK_")]
    assert len(names) > 10
    assert read_settings(dict.fromkeys([*names, *(f"{name}_FILE" for name in SECRETS)], blank)) == read_settings({})


def test_space_around_a_value_does_not_count() -> None:
    assert read_settings({settings.SOURCE: " https://data.example.org\n"}).source == "https://data.example.org"


# ---- numbers


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "text", ["0", "-1", "+1", "1.5", "1e3", "ten", "1_000", "0x10", "٣", "²", "9" * 19, "9" * 5000]
)
def test_a_bad_number_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        read_settings({name: text})
    assert caught.value.code == "bad-setting"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("name", "field"), NUMBERS.items())
def test_a_good_number_is_taken(name: str, field: str) -> None:
    assert getattr(read_settings({name: "12"}), field) == 12


# ---- the database's address


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_schemes_of_postgresql_are_taken_and_become_one(scheme: str) -> None:
    read = read_settings({settings.DATABASE_URL: f"{scheme}://me:word@h/db?sslmode=require"})
    assert revealed(read, settings.DATABASE_URL) == "postgresql://me:word@h/db?sslmode=require"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{PASSWORD}@h/db",
        f"postgresql+psycopg2://me:{PASSWORD}@h/db",
        f"host=h user=me password={PASSWORD}",
        f"me:{PASSWORD}@h/db",
        f"postgresql:/me:{PASSWORD}@h/db",
    ],
)
def test_another_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UsageError, match=settings.DATABASE_URL) as caught:
        read_settings({settings.DATABASE_URL: url})
    assert caught.value.code == "bad-setting"
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


# ---- secrets from files


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{URL}\n")
    read = read_settings({f"{name}_FILE": str(file)})
    assert revealed(read, name) == URL
    assert read.origin(name) == "file"
    assert read_settings({name: URL}).origin(name) == "environment"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_given_twice_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(URL)
    with pytest.raises(UsageError, match=f"Both {name} and {name}_FILE"):
        read_settings({name: URL, f"{name}_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"", "is empty"), (b" \n", "is empty"), (PASSWORD.encode("utf-16"), "not UTF-8")],
)
def test_a_secrets_file_that_is_none_is_refused_by_name(content: bytes | None, says: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=says) as caught:
        read_settings({f"{settings.SLACK_TOKEN}_FILE": str(file)})
    assert f"{settings.SLACK_TOKEN}_FILE" in caught.value.message
    assert caught.value.code == "bad-setting"


def test_a_folder_is_no_secrets_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory"):
        read_settings({f"{settings.SLACK_TOKEN}_FILE": str(tmp_path)})


# ---- secrets are shown nowhere


def test_a_secret_shows_itself_as_stars(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(PASSWORD)
    logging.getLogger(__name__).warning("it is %s", secret)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!s:>5}", "%s" % secret, str([secret]), caplog.text]  # noqa: UP031 - one of the ways
    assert [text for text in shown if "***" not in text] == []
    assert [text for text in shown if PASSWORD in text] == []
    assert secret.reveal() == PASSWORD


def test_a_secret_leaves_by_no_other_way() -> None:
    secret = Secret(PASSWORD)
    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        format(secret, "s")


def test_settings_show_no_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(PASSWORD)
    read = read_settings(
        {
            settings.DATABASE_URL: URL,
            settings.SLACK_WEBHOOK: f"https://hooks.example.org/{PASSWORD}",
            f"{settings.SLACK_TOKEN}_FILE": str(tmp_path / "token"),
        }
    )
    shown = [repr(read), str(read), str(vars(read)), repr(dataclasses.replace(read, source="x"))]
    assert [text for text in shown if PASSWORD in text] == []
    assert repr(read).count("***") == 3
    with pytest.raises(TypeError):
        pickle.dumps(read)
    with pytest.raises(TypeError):
        dataclasses.asdict(read)


def test_secrets_are_compared_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"


# ---- addresses that may be shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://h.example/a/b", "https://h.example/a/b"),
        ("https://h.example:8443/a", "https://h.example:8443/a"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
        (f"https://me:{PASSWORD}@h.example/a", "https://***@h.example/a"),
        (f"https://{PASSWORD}@h.example/a", "https://***@h.example/a"),
        (f"https://me:{PASSWORD}@x@h.example/a", "https://***@h.example/a"),
        (f"https://h.example/a?sig={PASSWORD}#{PASSWORD}", "https://h.example/a"),
        (f"http://me:{PASSWORD}/word@h.example/a", "an address that cannot be read"),
        (f"postgres://me:{PASSWORD}#word@h.example/db", "an address that cannot be read"),
        (f"postgres://me:{PASSWORD}?word@h.example/db", "an address that cannot be read"),
        (f"http://me:{PASSWORD}@[h.example/a", "an address that cannot be read"),
        (f"me:{PASSWORD}@h.example/a?sig={PASSWORD}", "***@h.example/a"),
        ("/data/a:b@c/d?e", "/data/a:b@c/d?e"),
        ("./data@home", "./data@home"),
        ("~/data", "~/data"),
        ("data", "data"),
    ],
)
def test_an_address_is_shown_without_what_is_secret_in_it(address: str, shown: str) -> None:
    assert masked(address) == shown
    assert PASSWORD not in masked(address)


def test_every_name_of_a_setting_is_prefixed() -> None:
    names = [value for key, value in vars(settings).items() if key.isupper() and isinstance(value, str)]
    assert [name for name in names if not re.fullmatch(r"(TIDEMARK_[A-Z_]+|PREFECT_API_URL)", name)] == []
