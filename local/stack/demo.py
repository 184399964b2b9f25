"""`make demo`: performs an exchange with the real parts, and narrates each step."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from token_broker.jwt import KEY_FILE, load_key, sign
from token_broker.stack_file import read_stack

from local.command import say
from local.stack.control import STACK_FILE


class Surprise(Exception):
    """The exchange did not go as the narration says."""


class Story:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = read_stack(folder / STACK_FILE)
        self._web = urllib3.PoolManager(retries=False)

    def tell(self) -> None:
        """Perform the exchange and print a dozen lines about it. Raises Surprise."""
        say()
        say(f"1. alice signed in at {self._stack['issuer_url']}; her JWT says that she is one of the editors.")
        alice = self._sign_jwt("alice", ["editors"])
        first = self._exchange(alice, 200)
        record = self._read_record()
        say(f"2. The policy said yes: the rule `{record['rules']}` gives {first['scope']}.")
        say(f"3. The broker minted a bearer token at api2 (SHA-256 {record['token_sha256'][:12]}…), good for")
        say(f"   {first['expires_in']} seconds. Only the broker has the Auth Secret; alice never sees it.")
        say(f"4. alice lists the Assemblies with it: {self._list_assemblies(first['access_token'])}.")
        second = self._exchange(alice, 200)
        if second["access_token"] != first["access_token"]:
            raise Surprise("a second token was minted for the same grant")
        # If another environment answers, it finds the token in the shared table and not in its memory.
        place = {"hit": "memory", "shared": "shared cache"}[self._read_record()["cache"]]
        say(f"5. She asks again: the same token from the broker's {place}, {second['expires_in']} seconds left.")
        refused = self._exchange(self._sign_jwt("mallory", ["strangers"]), 403)
        say(f"6. mallory signed in too, but no rule matches: 403 {refused['error']}.")
        rule, _, claims = self._read_record()["failed"].split("; ")[0].partition(": ")
        say(f"   The answer does not say why; the audit record does: `{rule}` failed on {claims}.")
        forged = self._exchange(alice[:-8] + "AAAAAAAA", 401)
        say(f"7. A JWT with a forged signature: 401 {forged['error']}.")
        say(f"8. api2 was called {self._count_calls()}: for nobody who was refused.")

    def _sign_jwt(self, subject: str, groups: list[str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self._stack["issuer_url"],
            "sub": subject,
            "aud": self._stack["audience"],
            "iat": now,
            "exp": now + 300,
            "groups": groups,
        }
        return sign(claims, load_key(self._folder / KEY_FILE))

    def _exchange(self, jwt: str, status: int) -> dict[str, Any]:
        answer = self._web.request(
            "POST",
            f"{self._stack['broker_url']}/token",
            headers={"authorization": f"Bearer {jwt}", "content-type": "application/x-www-form-urlencoded"},
            body=urlencode({"grant_type": "client_credentials"}),
        )
        if answer.status != status:
            raise Surprise(f"expected {status}, got {answer.status}; {self._stack['log_dir']} has the logs")
        self._request_id = answer.headers["apigw-requestid"]
        return dict(answer.json())

    def _read_record(self) -> dict[str, Any]:
        """Find the audit record of the last exchange in the environments' logs. Raises Surprise."""
        for log in Path(self._stack["log_dir"]).glob("BrokerFunction-*.log"):
            for line in log.read_text("utf-8", "replace").splitlines():
                if self._request_id in line and '"audit"' in line:
                    return dict(json.loads(line)["audit"])
        raise Surprise("the exchange left no audit record")

    def _list_assemblies(self, token: str) -> str:
        url = f"{self._stack['api2_url']}/assemblies"
        answer = self._web.request("GET", url, headers={"authorization": f"Bearer {token}"})
        if answer.status != 200:
            raise Surprise(f"api2 answered {answer.status} to the token")
        return f"{answer.status}, {answer.json()['count']} so far"

    def _count_calls(self) -> str:
        url = f"{self._stack['api2_url']}/_sandbox/calls"
        answer = self._web.request("GET", url)
        if answer.status != 200:
            return "for tokens only (a real api2 does not count)"
        count = answer.json()["POST /token"]
        return f"{count} time{'s' if count > 1 else ''} for a token"
