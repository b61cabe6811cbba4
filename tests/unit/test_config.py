"""Settings: where each comes from, which wins, and what is refused with which flag."""

import pytest

from v2x.config import Settings, is_loopback, join_address, load_settings, split_address
from v2x.errors import ConfigError


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_defaults_listen_on_loopback_only():
    settings = load_settings({})
    assert (settings.grpc, settings.mqtt, settings.websocket) == ("127.0.0.1:50051", "127.0.0.1:1883", "127.0.0.1:8083")


def test_flag_beats_environment_beats_file(in_an_empty_folder, monkeypatch):
    (in_an_empty_folder / "v2x.toml").write_text('region = "file"\ngrpc = "127.0.0.1:1"\nmqtt = "127.0.0.1:1"\n')
    monkeypatch.setenv("V2X_REGION", "environment")
    monkeypatch.setenv("V2X_GRPC", "127.0.0.1:2")
    settings = load_settings({"region": "flag", "state": None})
    assert (settings.region, settings.grpc, settings.mqtt) == ("flag", "127.0.0.1:2", "127.0.0.1:1")


def test_a_named_file_is_read_instead_of_the_default_one(in_an_empty_folder):
    (in_an_empty_folder / "v2x.toml").write_text('region = "default"\n')
    (in_an_empty_folder / "other.toml").write_text('region = "other"\nmaps = ["a.json", "b.json"]\n')
    settings = load_settings({}, in_an_empty_folder / "other.toml")
    assert settings.region == "other"
    assert [str(path) for path in settings.maps] == ["a.json", "b.json"]


def test_paths_follow_the_state_folder():
    settings = load_settings({"state": "elsewhere"})
    assert str(settings.stations_file) == "elsewhere/stations.json"
    assert str(settings.log_path) == "elsewhere/log"
    assert str(settings.endpoints_file) == "elsewhere/endpoints.json"


@pytest.mark.parametrize(
    ("flags", "flag"),
    [
        ({"grpc": "nowhere"}, "--grpc"),
        ({"mqtt": "127.0.0.1:70000"}, "--mqtt"),
        ({"websocket": ":8083"}, "--websocket"),
        ({"log_level": "loud"}, "--log-level"),
        ({"colour": "red"}, "--colour"),
    ],
)
def test_what_is_wrong_is_named_by_its_flag(flags, flag):
    with pytest.raises(ConfigError) as caught:
        load_settings(flags)
    assert caught.value.flag == flag


def test_a_file_that_is_missing_or_no_toml_is_named(in_an_empty_folder):
    with pytest.raises(ConfigError, match=r"absent\.toml is no file"):
        load_settings({}, in_an_empty_folder / "absent.toml")
    (in_an_empty_folder / "v2x.toml").write_text("grpc = = 1")
    with pytest.raises(ConfigError, match=r"v2x\.toml"):
        load_settings({})


@pytest.mark.parametrize("name", ["grpc", "mqtt", "websocket"])
def test_no_listener_leaves_loopback_unguarded(name):
    with pytest.raises(ConfigError, match=f"--{name} 0.0.0.0:1"):
        load_settings({name: "0.0.0.0:1"})
    assert getattr(load_settings({name: "0.0.0.0:1", "insecure": True}), name) == "0.0.0.0:1"


def test_grpc_leaves_loopback_with_tls_and_tokens():
    guard = {"tls_certificate": "a.pem", "tls_key": "b.pem", "vehicle_token": "secret"}
    assert load_settings({"grpc": "10.0.0.1:50051", **guard}).grpc == "10.0.0.1:50051"
    for missing in guard:
        with pytest.raises(ConfigError):
            load_settings({"grpc": "10.0.0.1:50051", **{key: value for key, value in guard.items() if key != missing}})


@pytest.mark.parametrize(
    ("text", "address"), [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80)), ("host:65535", ("host", 65535))]
)
def test_addresses_split_and_join(text, address):
    assert split_address(text) == address
    assert join_address(*address) == text


def test_loopback_by_name_and_number():
    assert all(map(is_loopback, ("localhost:1", "127.8.0.1:1", "[::1]:1")))
    assert not any(map(is_loopback, ("0.0.0.0:1", "example.org:1", "[::]:1", "192.168.1.1:1")))


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().region = "other"
