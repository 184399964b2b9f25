"""Bearer tokens in memory: least recently used out first, and one renewer at a time."""

from broker.token.memory import MAX_TOKENS, TokenCache


def test_a_token_that_was_put_is_found() -> None:
    cache = TokenCache[str, str]()
    cache.put("a", "token", renew_at=10)
    assert (cache.get("a"), cache.get("b")) == ("token", None)


def test_ten_thousand_tokens_are_held() -> None:
    cache = TokenCache[int, int]()
    for number in range(10_001):
        cache.put(number, number, renew_at=10)
    assert MAX_TOKENS == 10_000
    assert [cache.get(number) for number in (0, 1, 10_000)] == [None, 1, 10_000]


def test_the_least_recently_used_goes_first() -> None:
    cache = TokenCache[str, str](size=2)
    cache.put("a", "one", renew_at=10)
    cache.put("b", "two", renew_at=10)
    cache.get("a")
    cache.put("c", "three", renew_at=10)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("one", None, "three")


def test_a_token_put_again_takes_no_second_place() -> None:
    cache = TokenCache[str, str](size=2)
    for value in ("one", "two", "three"):
        cache.put("a", value, renew_at=10)
    cache.put("b", "other", renew_at=10)
    assert (cache.get("a"), cache.get("b")) == ("three", "other")


def test_one_asker_claims_a_renewal_and_the_next_may_after_the_pause() -> None:
    cache = TokenCache[str, str]()
    cache.put("a", "token", renew_at=100)
    assert not cache.claim_renewal("a", 99.9, retry_at=129.9)
    assert cache.claim_renewal("a", 100, retry_at=130)
    assert not cache.claim_renewal("a", 129, retry_at=159)
    assert cache.claim_renewal("a", 130, retry_at=160)


def test_a_token_that_is_not_held_is_not_renewed() -> None:
    assert not TokenCache[str, str]().claim_renewal("a", 100, retry_at=130)


def test_dropping_removes_the_chosen_tokens_and_leaves_the_rest() -> None:
    cache = TokenCache[str, str]()
    cache.put("a", "one", renew_at=10)
    cache.put("b", "two", renew_at=10)
    cache.drop(lambda key: key == "a")
    assert (cache.get("a"), cache.get("b")) == (None, "two")
