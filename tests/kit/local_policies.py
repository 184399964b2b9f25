"""A policy as the stack on one machine has it, and the stack.json of a stack that runs it."""

import json
from pathlib import Path

STACK = {
    "broker_url": "http://127.0.0.1:3000",
    "api2_url": "http://127.0.0.1:3002",
    "issuer_url": "http://127.0.0.1:3003",
    "audience": "us",
    "aws_endpoint_url": "http://127.0.0.1:3004",
    "cdn_url": "http://127.0.0.1:3002/smart-cdn/{workspace}",
}
LOCAL = """
version: 1
credentials: {default: {}}
issuers:
  local: {issuer: "${ISSUER_URL}", audiences: ["${AUDIENCE}"], algorithms: [ES256], keys: discovery}
rules:
  - {name: editors, issuer: local, when: {groups: {any: [editors]}}, scopes: [queues:read]}
"""


def policy_of_stack(folder: Path, policy: str) -> Path:
    """Write `policy` as local.yaml into `folder`, with the stack.json of a stack that runs it."""
    file = folder / "local.yaml"
    file.write_text(policy)
    (folder / "stack.json").write_text(json.dumps(STACK | {"policy": str(file)}))
    return file
