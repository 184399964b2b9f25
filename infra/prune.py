"""Prunes the artifact: deletes files that no import of the function reaches, and AWS's data on other services."""

import json
import shutil
from collections.abc import Set
from pathlib import Path

# The functions' clients: the folder of each in botocore's data, and its name in the list of endpoints.
SERVICES = {
    "dynamodb": "dynamodb",
    "lambda": "lambda",
    "secretsmanager": "secretsmanager",
    "sqs": "sqs",
    "stepfunctions": "states",
}
# Parts of Powertools that are kept: those of the function, and those by which the pipelines' functions read events.
UTILITIES = frozenset({"batch", "data_classes", "jmespath_utils", "typing"})
# Files that no import of the function reaches, or that differ from one build to the next.
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
    """Delete from an artifact everything that the function does not need."""
    needless = [path for pattern in NEEDLESS for path in folder.glob(pattern)]
    needless += _others(folder / "aws_lambda_powertools/utilities", UTILITIES)
    needless += _others(folder / "botocore/data", SERVICES.keys())
    for path in sorted(needless, reverse=True):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    _cut_endpoints(folder / "botocore/data/endpoints.json")


def _others(parent: Path, kept: Set[str]) -> list[Path]:
    return [path for path in parent.glob("*/") if path.name not in kept]


def _cut_endpoints(file: Path) -> None:
    """Keep only the functions' services in the file: botocore parses all of it at each start, 18 ms for 1.2 MB."""
    document = json.loads(file.read_bytes())
    for partition in document["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in sorted(services.keys() & SERVICES.values())}
    file.write_text(json.dumps(document, separators=(",", ":")))
