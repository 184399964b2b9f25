"""Uploads the files of a folder, for as many hours as that takes. No secret is in its container.

    python batch.py FOLDER

Its identity is the AWS role that it runs with, for which the policy has a rule with `assemblies:write`
(docs/recipes.md). The token broker trades that for a bearer token of some hours, and the provider renews it on the way.
The environment has TRANSLOADIT_BROKER_URL, AWS_REGION, and TEMPLATE_ID, the Template of all these files.
A file that was uploaded is moved to FOLDER/done, so that a container in the place of this one goes on with the rest.
"""

import json
import logging
import os
import sys
from pathlib import Path

import urllib3
from token_broker_client import TokenProvider, sts

LOG = logging.getLogger("batch")


class UploadFailed(Exception):
    """Transloadit made no Assembly of a file."""


class Throttled(urllib3.Retry):
    """Repeats what was throttled. urllib3 would also repeat after a 503 that says when to come back."""

    RETRY_AFTER_STATUS_CODES = frozenset({413, 429})  # 413 is Transloadit's own for Assemblies


def main(folder: str) -> None:
    logging.basicConfig(level=logging.INFO)
    provider = TokenProvider(identity=sts(), scope="assemblies:write")
    endpoint = os.environ.get("TRANSLOADIT_ENDPOINT", "https://api2.transloadit.com")
    # A throttled upload is tried again, since it made nothing. After any other failure the Assembly may be there: the
    # program ends, and whoever starts it again knows of it.
    throttled = Throttled(
        20, connect=5, read=0, other=0, status_forcelist=[429], allowed_methods=None, backoff_factor=2
    )
    web = urllib3.PoolManager(retries=throttled, timeout=600)
    upload_folder(Path(folder), f"{endpoint}/assemblies", os.environ["TEMPLATE_ID"], provider, web)


def upload_folder(folder: Path, url: str, template_id: str, provider: TokenProvider, web: urllib3.PoolManager) -> None:
    """Make an Assembly of each file. Raises TokenError, UploadFailed, and the errors of urllib3."""
    done = folder / "done"
    done.mkdir(exist_ok=True)
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        fields = {"params": json.dumps({"template_id": template_id}), "file": (file.name, file.read_bytes())}
        # The provider is asked before each request: it has a token that lives, and renews it before that ends.
        answer = web.request("POST", url, fields=fields, headers=provider.headers()).json()
        if "error" in answer:
            raise UploadFailed(f"{file.name}: {answer['error']}")
        file.rename(done / file.name)
        LOG.info("uploaded %s", file.name)


if __name__ == "__main__":
    main(sys.argv[1])
