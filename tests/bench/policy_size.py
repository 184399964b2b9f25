"""What a large policy costs: 10,000 rules of 50 issuers beside the rules of one of them alone.

python -m tests.bench.policy_size
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from broker.caller import Caller
from broker.policy import Policy, decide, load
from broker.request import Proof, ProofForm, TokenRequest

from tests.kit.policies import condition, document, issuer, rule

ISSUERS, RULES = 50, 200
ROUNDS = 15
ASKED = TokenRequest("bench", Proof(ProofForm.HEADER, ""), None, "api2", "default")


def rules_of(number: int) -> list[dict[str, Any]]:
    return [
        rule(
            name=f"issuer {number}, rule {each}",
            issuer=f"i{number}",
            when=[
                condition("groups", ["any", [f"group-{each}"]]),
                condition("tenant", ["one_of", ["ours"]]),
                condition("sub", ["like", f"repo:acme@7/*:ref:refs/heads/{each}"]),
            ],
        )
        for each in range(RULES)
    ]


def compiled(numbers: range) -> bytes:
    issuers = [issuer(name=f"i{number}", issuer=f"https://i{number}.example/") for number in numbers]
    rules = [each for number in numbers for each in rules_of(number)]
    return json.dumps(document(issuers=issuers, rules=rules), separators=(",", ":")).encode()


def milliseconds(work: Callable[[], object], times: int = 1) -> float:
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) * 1000 / times


def decision(policy: Policy, number: int) -> Callable[[], object]:
    claims: dict[str, Any] = {"groups": ["group-150"], "tenant": "ours", "sub": "repo:acme@7/site:ref:refs/heads/150"}
    caller = Caller(f"i{number}", f"https://i{number}.example/", "sub", claims, 0)
    return lambda: decide(policy, caller, ASKED)


def main() -> None:
    large, small = compiled(range(ISSUERS)), compiled(range(1))
    many, one = load(large), load(small)
    pairs = []
    for _ in range(ROUNDS):
        pairs.append((milliseconds(decision(many, 0), 20), milliseconds(decision(one, 0), 20)))
    loads = [(milliseconds(lambda: load(large)), milliseconds(lambda: load(small))) for _ in range(ROUNDS)]
    first = milliseconds(lambda: load(large).rules["i7"]) - statistics.median(slow for slow, _ in loads)
    ratio = statistics.median(slow / fast for slow, fast in pairs)
    more = statistics.median(slow - fast for slow, fast in loads)
    sys.stdout.write(
        f"{ISSUERS * RULES} rules of {ISSUERS} issuers, {len(large) / 1e6:.1f} MB compiled\n"
        f"a decision takes {ratio:.2f} times as long as with one issuer's {RULES} rules alone"
        f" ({statistics.median(slow for slow, _ in pairs):.2f} ms)\n"
        f"loading takes {more:.1f} ms more, and an issuer's first caller {first:.1f} ms\n"
    )


if __name__ == "__main__":
    main()
