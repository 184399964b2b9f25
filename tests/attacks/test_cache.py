"""A held token for a caller whom no rule allows it. The decision comes before the cache, so a hit needs an allow."""

from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.brokers import TOKEN_URL, InMemory, minted
from tests.kit.jwts import Signer
from tests.kit.policies import condition, issuer, rule
from tests.kit.web import reply


def warm() -> InMemory:
    broker = InMemory()
    assert broker.post().status == 200
    return broker


def test_a_hit_is_no_permission() -> None:
    """chinmina 0.12.1: match rules ran below the cache, so each hit was handed out without a decision."""
    broker = warm()
    assert broker.refuses(broker.jwt(groups=["strangers"]), 403)
    assert broker.refuses(broker.jwt(exp=1))
    assert broker.refuses("a.b.c")
    assert broker.refuses(Signer("RS256", name="forger").jwt(broker.claims()))


def test_a_held_wide_token_does_not_serve_a_narrow_caller() -> None:
    broker = InMemory(
        rules=[
            rule(),
            rule(name="readers", when=[condition("groups", ["any", ["readers"]])], scopes=["assemblies:read"]),
        ]
    )
    broker.post()
    broker.web[TOKEN_URL] = minted("narrow", "assemblies:read")
    answer = broker.post(broker.jwt(groups=["readers"]))
    assert (answer.body["access_token"], answer.body["scope"]) == ("narrow", "assemblies:read")


def test_callers_with_tokens_of_their_own_never_share_whatever_their_names_are() -> None:
    """Oathkeeper CVE-2026-33496, OpenFGA GHSA-h6c8-cww8-35hf: keys that forgot one input, or ran two together."""
    broker = InMemory(
        issuers=[issuer(), issuer(name="other", issuer="other", jwks=Signer().jwks())],
        rules=[rule(share="caller"), rule(name="others", issuer="other", share="caller")],
    )
    names = ["alice", "alice ", "Alice", "alice\0", "a\u0301lice", "\u00e1lice", "alice/default", "alice|api2"]
    asked = [broker.jwt(sub=name) for name in names] + [broker.jwt(iss="other", sub="alice")]
    seen = set()
    for number, jwt in enumerate(asked):
        broker.web[TOKEN_URL] = minted(f"bearer-{number}")
        seen.add(broker.post(jwt).body["access_token"])
    assert len(seen) == len(asked) == broker.mints


SCOPES = ["a:read", "a:write", "b:read", "b:write", "c:read"]


@settings(max_examples=60)
@given(
    given_to=st.lists(st.sets(st.sampled_from(SCOPES), min_size=1), min_size=3, max_size=3),
    requests=st.lists(
        st.tuples(st.sampled_from(["one", "two", "three", "none"]), st.sets(st.sampled_from(SCOPES))),
        min_size=1,
        max_size=12,
    ),
)
def test_no_order_of_requests_gives_a_scope_that_no_rule_of_the_caller_names(
    given_to: list[set[str]], requests: list[tuple[str, set[str]]]
) -> None:
    entitled = dict(zip(("one", "two", "three"), given_to, strict=True))
    broker = InMemory(
        rules=[
            rule(name=name, when=[condition("groups", ["any", [name]])], scopes=sorted(scopes))
            for name, scopes in entitled.items()
        ]
    )
    # As api2 does, it gives the scopes of the request.
    broker.web[TOKEN_URL] = lambda: minted("t-" + asked(broker).replace(" ", "-"), asked(broker))
    for group, scopes in requests:
        answer = broker.post(broker.jwt(groups=[group]), scope=" ".join(sorted(scopes)))
        expected = scopes or entitled.get(group, set())
        if group == "none":
            assert answer.status == 403
        elif scopes <= entitled[group]:
            if answer.status == 429:
                continue
            assert (answer.status, set(answer.body["scope"].split())) == (200, expected)
        else:
            assert answer.outcome == (400, "invalid_scope")


def asked(broker: InMemory) -> str:
    return parse_qs(broker.web.calls[-1].body.decode())["scope"][0]


def test_a_token_that_was_refused_as_too_wide_is_not_found_later() -> None:
    broker = InMemory()
    broker.web[TOKEN_URL] = minted("too wide", "assemblies:read assemblies:write billing:write")
    assert broker.post().status == 502
    broker.web[TOKEN_URL] = reply(b"", 503)
    assert broker.post().status == 503


@pytest.mark.parametrize("seconds", [21600 - 299, 21600, 10**9])
def test_a_token_past_its_end_is_not_handed_out_even_if_api2_is_down(seconds: int) -> None:
    broker = warm()
    broker.web[TOKEN_URL] = reply(b"", 503)
    broker.clock.advance(seconds)
    assert "access_token" not in broker.post().body
