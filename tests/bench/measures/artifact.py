"""What is deployed: the arm64 artifact of `make build`, unpacked and zipped."""

import asyncio
import tempfile
import zipfile
from pathlib import Path

from infra import sam
from tests.bench.figures import Spread
from tests.bench.measure import Bench, Report, Table

HOW = "The deployable artifact, for arm64, byte-code included; zipped as `sam deploy` does it."
MEGABYTE = 1e6


def sizes(folder: Path, scratch: Path) -> tuple[float, float]:
    """Bytes unpacked and zipped."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    packed = scratch / "artifact.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    return sum(path.stat().st_size for path in files), packed.stat().st_size


async def measure(bench: Bench) -> Report:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        await asyncio.to_thread(sam.build, folder / "build")
        found = {
            "ours (arm64)": sizes(folder / "build/BrokerFunction", folder),
            "conventional (this machine's)": sizes(bench.parties.conventional.function.artifact, folder),
        }
    lines = [
        (name, f"{whole / MEGABYTE:.1f} MB", f"{zipped / MEGABYTE:.1f} MB") for name, (whole, zipped) in found.items()
    ]
    whole, zipped = found["ours (arm64)"]
    figures = {"unpacked": Spread.of([whole / MEGABYTE]), "zipped": Spread.of([zipped / MEGABYTE])}
    return Report("Artifact", HOW, figures, [Table(("", "unpacked", "zipped"), lines)])
