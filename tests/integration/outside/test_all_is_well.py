"""The parts as `wiring` puts them together, over sockets: the calls of each neighbour when nothing is wrong."""

import subprocess
import sys

import pytest

from tests.kit.outside import World


def test_a_first_exchange_asks_each_neighbour_once_and_its_token_opens_api2(outside: World) -> None:
    answer = outside.post()
    assert answer.status == 200
    assert answer.body["scope"] == "assemblies:read assemblies:write"
    assert outside.calls == {"issuer": 2, "secrets": 1, "mint": 1}  # discovery and keys; the secret; the mint
    assert outside.api2.opens(answer.body["access_token"])
    assert (outside.record.outcome, outside.record.cache, outside.record.upstream_status) == ("granted", "miss", 200)


def test_a_second_exchange_asks_nobody(outside: World) -> None:
    first = outside.post()
    outside.clock.ahead += 60
    second = outside.post()
    assert second.body["access_token"] == first.body["access_token"]
    assert second.body["expires_in"] in range(first.body["expires_in"] - 62, first.body["expires_in"] - 58)
    assert outside.calls == {}
    assert outside.record.cache == "hit"


def test_a_refused_caller_costs_the_issuer_s_keys_and_nothing_else(outside: World) -> None:
    assert outside.post(outside.jwt(groups=["strangers"])).outcome == (403, "access_denied")
    assert outside.calls == {"issuer": 2}
    assert outside.record.failed == {"editors": ("groups",), "billing": ("groups",)}


def test_an_unknown_issuer_costs_nothing_at_all(outside: World) -> None:
    assert outside.post(outside.jwt(iss="https://evil.example")).outcome == (401, "invalid_token")
    assert outside.calls == {}


def test_the_token_is_handed_out_as_long_as_it_lives_and_then_renewed(outside: World) -> None:
    first = outside.post().body["access_token"]
    outside.clock.ahead += 0.9 * 21600
    second = outside.post().body["access_token"]
    assert second != first
    assert outside.record.cache == "renewed"
    assert outside.api2.opens(second)


def test_a_policy_with_once_does_not_start_without_the_shared_table(outside: World) -> None:
    outside.policy = outside.policy.replace("keys: discovery}", "keys: discovery, once: true}")
    with pytest.raises(ValueError, match="no SharedCache"):
        outside.use_api2_at(outside.api2_url)


def test_a_deployment_without_a_table_imports_nothing_of_the_shared_cache() -> None:
    """Its ciphers cost start-up; each environment is a process of its own."""
    script = "import sys, broker.wiring; print(*(name for name in sys.modules if name.startswith('broker.')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "broker.token.mint" in loaded
    assert not {"broker.token.shared", "broker.token.sealing"} & set(loaded)
    assert not {"broker.aws.dynamodb", "broker.caller.replay"} & set(loaded)
