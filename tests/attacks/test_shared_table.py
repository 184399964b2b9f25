"""A table that others read and write: it reveals nothing, gives no token for a wrong key, and causes no error."""

import itertools
from typing import Any

import pytest
from broker.token.transloadit import MINT_SECONDS
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.brokers import SECRETS_URL, TABLE_URL, TOKEN_URL, InMemory, minted, secret
from tests.kit.jwts import Signer
from tests.kit.policies import issuer, rule
from tests.kit.rows import Item, Rows
from tests.kit.web import reply

TWO = ["default", "second"]
# Requests whose tokens must never be mistaken for one another: subject, and fields.
KEYS: list[tuple[str, dict[str, Any]]] = [
    ("alice", {}),
    ("bob", {}),
    ("alice", {"scope": "assemblies:read"}),
    ("alice", {"aud": "mcp"}),
    ("alice", {"credential": "second"}),
]


def deployment() -> tuple[InMemory, Rows]:
    """A deployment where each caller has a token of its own, and every mint is another token."""
    rows = Rows()
    rules = [rule(aud=["api2", "mcp"], share="caller"), rule(name="second", credential="second", share="caller")]
    broker = InMemory(credentials=TWO, rules=rules, rows=rows)
    broker.web[TOKEN_URL] = lambda: minted(f"bearer-{broker.mints}", asked(broker))
    return broker, rows


def asked(broker: InMemory) -> str:
    body = broker.web.calls[-1].body.decode()
    return "assemblies:read" if "scope=assemblies%3Aread&" in body else "assemblies:read assemblies:write"


def filled() -> tuple[InMemory, Rows, list[str]]:
    """The ids of the rows, one for each of KEYS; bearer-1 is the first one's token, and so on."""
    broker, rows = deployment()
    ids: list[str] = []
    for subject, fields in KEYS:
        assert broker.post(broker.jwt(sub=subject), **fields).status == 200
        ids += [name for name in rows.items if name.startswith("token/") and name not in ids]
    rows.items = {name: rows.items[name] for name in ids}
    assert len(ids) == len(KEYS)
    return broker, rows, ids


def fresh(broker: InMemory, key: int) -> tuple[str, str | None, tuple[str, ...]]:
    """Token, state of the cache and alarms of an environment without memory, for one of KEYS."""
    other = broker.beside()
    subject, fields = KEYS[key]
    answer = other.post(other.jwt(sub=subject), **fields)
    assert answer.status == 200, answer.body
    return answer.body["access_token"], other.record.cache, tuple(other.record.alarms)


def test_each_caller_finds_its_own_token_if_nobody_touches_the_rows() -> None:
    broker, _, ids = filled()
    assert [fresh(broker, key) for key in range(len(ids))] == [
        (f"bearer-{key + 1}", "shared", ()) for key in range(len(ids))
    ]


@pytest.mark.parametrize(("mine", "other"), list(itertools.permutations(range(len(KEYS)), 2)))
def test_a_row_moved_to_another_key_is_no_token_of_that_key(mine: int, other: int) -> None:
    """chinmina, Oathkeeper CVE-2026-33496: another caller's token, or one of another scope, aud or credential."""
    broker, rows, ids = filled()
    rows.items[ids[mine]] = rows.items[ids[other]] | {"id": {"S": ids[mine]}}
    found, cache, alarms = fresh(broker, mine)
    assert (found, cache) == (f"bearer-{len(KEYS) + 1}", "miss")
    # A row of another credential was sealed by another key, which makes no difference here.
    assert alarms == ("SharedCacheUnreadable",)


def test_a_row_that_an_attacker_sealed_with_another_secret_is_a_miss() -> None:
    broker, rows, ids = filled()
    attacker, theirs, _ = filled()
    attacker.web[SECRETS_URL] = secret(text='{"auth_key": "k", "auth_secret": "theirs"}')
    attacker.beside().post()
    forged = [item for name, item in theirs.items.items() if name.startswith("token/")][-1]
    rows.items[ids[0]] = forged | {"id": {"S": ids[0]}}
    assert fresh(broker, 0)[:2] == (f"bearer-{len(KEYS) + 1}", "miss")


def test_an_old_row_put_back_after_its_end_is_not_used() -> None:
    broker, rows, ids = filled()
    old = dict(rows.items[ids[0]])
    broker.clock.advance(21600 - 299)
    rows.items = {ids[0]: old}
    assert fresh(broker, 0)[1:] == ("miss", ())
    broker.clock.advance(300)
    rows.items = {ids[0]: old | {"expires": {"N": "1900000000"}}}
    assert fresh(broker, 0)[1:] == ("miss", ("SharedCacheUnreadable",))


def test_the_parts_of_a_row_outside_of_the_seal_reveal_nothing() -> None:
    broker, rows, ids = filled()
    rows.items[ids[2]] |= {
        "scopes": {"S": "assemblies:read assemblies:write billing:write"},
        "token": {"S": "theirs"},
        "expires_at": {"N": "1900000000"},
        "minted_at": {"N": "1900000000"},
    }
    other = broker.beside()
    answer = other.post(scope="assemblies:read")
    assert (answer.body["access_token"], answer.body["scope"]) == ("bearer-3", "assemblies:read")
    assert (answer.body["expires_in"], other.record.cache) == (21600, "shared")


# Whatever DynamoDB takes.
VALUES = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=20)),
    st.builds(lambda text: {"N": text}, st.sampled_from(["0", "-1.5", "1E+125", "1800021600", "99999999999"])),
    st.builds(lambda text: {"B": text}, st.sampled_from(["", "AAAA", "A" * 80])),
    st.sampled_from([{"NULL": True}, {"M": {}}, {"BOOL": True}, {"L": []}, {"SS": ["a"]}, {"NS": ["1"]}]),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["sealed", "expires", "holder", "at", "id", "more"]), VALUES, max_size=4)


@settings(max_examples=150)
@given(st.lists(ATTRIBUTES, min_size=3, max_size=3), st.booleans())
def test_no_content_of_a_row_causes_an_error(written: list[Item], replaces: bool) -> None:
    broker, rows = deployment()
    broker.web.then(TOKEN_URL, reply({"error": "TOKEN_INVALID_CREDENTIALS"}, 401))
    broker.post()
    broker.clock.advance(60)
    broker.post()
    names = [next(name for name in rows.items if name.startswith(kind)) for kind in ("refused/", "lease/", "token/")]
    for name, attributes in zip(names, written, strict=True):
        kept = {} if replaces else rows.items[name]
        rows.items[name] = {"expires": {"N": "0"}} | kept | attributes | {"id": {"S": name}}
    other, started = broker.beside(), broker.clock()
    answer = other.post()
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read assemblies:write")
    assert other.clock() - started <= MINT_SECONDS


def test_a_reader_of_the_table_learns_neither_caller_nor_token_nor_scope() -> None:
    rows = Rows()
    entries = [issuer(once=True), issuer(name="other", issuer="other", jwks=Signer().jwks())]
    broker = InMemory(issuers=entries, rules=[rule(share="caller")], rows=rows)
    broker.web[TOKEN_URL] = minted("a-private-token")
    jwt = broker.jwt(sub="a-private-subject", jti="a-private-jti")
    assert broker.post(jwt).status == 200
    seen = rows.everything()
    assert len(rows.items) == 3  # a token, its lease, and the JWT that was used once
    private = ["a-private", "assemblies", "read", "editors", "default", "api2", "login.example.com", "site", "the-auth"]
    for word in [*private, *jwt.split(".")]:
        assert word.encode() not in seen


def test_rows_reveal_neither_a_common_caller_nor_whether_a_guess_is_right() -> None:
    """An attacker that knows all of a cache key still needs the Auth Secret to find its row."""
    mine, rows = deployment()
    theirs, others = deployment()
    theirs.web[SECRETS_URL] = secret(text='{"auth_key": "k", "auth_secret": "theirs"}')
    mine.post()
    theirs.post()
    assert not rows.items.keys() & others.items.keys()


def test_a_shared_token_is_no_permission() -> None:
    """chinmina 0.12.1, once more: the table is reached only after an allow decision in the same request."""
    broker, rows, _ = filled()
    rows.calls.clear()
    other = broker.beside()
    assert other.refuses(other.jwt(groups=["strangers"]), 403)
    assert other.refuses(other.jwt(exp=1))
    assert other.refuses("a.b.c")
    assert other.refuses(Signer("RS256", name="forger").jwt(other.claims()))
    assert other.refuses(other.jwt(), 400, scope="billing:read")
    assert (rows.calls, other.web.count(TABLE_URL)) == ({}, broker.web.count(TABLE_URL))


@pytest.mark.parametrize("written", [{}, {"expires": {"N": "0"}}, {"expires": {"S": "x"}}, {"expires": {}}], ids=str)
def test_a_spoiled_row_of_a_used_jwt_causes_no_error(written: Item) -> None:
    rows = Rows()
    broker = InMemory(issuers=[issuer(once=True)], rows=rows)
    jwt = broker.jwt(jti="j1")
    assert broker.post(jwt).status == 200
    (row,) = rows.of("once")
    row.update(written)
    # A writer of the table is trusted with this much: it may let a JWT be used again.
    assert broker.post(jwt).status == (200 if written.get("expires") == {"N": "0"} else 401)
