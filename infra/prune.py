"""What the artifact does without: files that no import of the function reaches, and AWS's data on other services."""

import json
import shutil
from pathlib import Path

# The function's clients; each has its folder in botocore's data.
SERVICES = frozenset({"dynamodb", "secretsmanager"})
# Of Powertools: the function's own, and what the pipelines' functions read events and batches with.
UTILITIES = frozenset({"batch", "data_classes", "jmespath_utils", "typing"})
# What no import of the function reaches, or what differs from build to build.
NEEDLESS = [
    "bin",
    ".lock",
    "**/__pycache__",
    "**/*.pyi",
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_cache.json",
    "aws_lambda_powertools/event_handler",
    "boto3/data",
    "boto3/examples",
    "botocore/cacert.pem",
    "botocore/data/*/*/examples-1.json",
    "dateutil/zoneinfo/*.tar.gz",
    "pycparser*",
]


def prune(folder: Path) -> None:
    """Delete from an artifact all that it does without."""
    needless = [path for pattern in NEEDLESS for path in folder.glob(pattern)]
    needless += _others(folder / "aws_lambda_powertools/utilities", UTILITIES)
    needless += _others(folder / "botocore/data", SERVICES)
    for path in sorted(needless, reverse=True):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    _cut_endpoints(folder / "botocore/data/endpoints.json")


def _others(parent: Path, kept: frozenset[str]) -> list[Path]:
    return [path for path in parent.glob("*/") if path.name not in kept]


def _cut_endpoints(file: Path) -> None:
    """Leave the services of the function alone in it: botocore parses all of it at every start, 18 ms for 1.2 MB."""
    document = json.loads(file.read_bytes())
    for partition in document["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in sorted(SERVICES & services.keys())}
    file.write_text(json.dumps(document, separators=(",", ":")))
