"""The package as it is published: what is in it, how large it is, and that strict consumers compile with it."""

import gzip
import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from infra.sam import ROOT
from tests.kit.node import Node, node_for, node_tools
from tests.kit.official import FOLDER

PACKAGE = ROOT / "clients/browser"
LIMIT = 2560  # bytes, minified and gzipped: contracts/clients.md
CONSUMER = """
import Uppy from '@uppy/core'
import Transloadit from '@uppy/transloadit'
import { createTokenSource, TokenSourceError, type Identity, type TokenSource } from 'transloadit-token-broker-client'

const identity: Identity = async ({ force }) => (force ? null : 'a.b.c')
const source: TokenSource = createTokenSource({ url: 'https://tokens.example.com', identity, scope: undefined })
new Uppy().use(Transloadit, { assemblyOptions: source.assemblyOptions('avatar', { album: 'summer' }) })

export const show = async (image: HTMLImageElement, signal: AbortSignal): Promise<string> => {
  image.src = await source.smartCdnUrl('thumbnail', 'a.jpg', { w: 200 })
  const token: string = await source.getToken({ force: true, signal })
  const answer: Response = await source.fetch(new URL('https://api2.transloadit.com/assemblies'), { method: 'POST' })
  const { params, signature } = await source.assemblyOptions('avatar')()
  try {
    return token + params + signature + answer.status + (await source.storageGrant('own'))
  } catch (error) {
    if (error instanceof TokenSourceError) return `${error.code} ${error.status} ${error.requestId} ${error.retryAfter}`
    throw error
  } finally {
    source.end()
  }
}
"""
# Lines that each must not compile.
MISUSES = [
    "createTokenSource({ url: 'https://tokens.example.com' })",
    "createTokenSource({ url: 'https://tokens.example.com', identity: () => 7 })",
    "createTokenSource({ url: 'https://tokens.example.com', identity: 'a.b.c', scopes: 'templates:read' })",
    "createTokenSource({ url: 'https://tokens.example.com', identity: 'a.b.c' }).assemblyOptions('a', { album: 7 })",
    "new Uppy().use(Transloadit, { assemblyOptions: async () => 7 })",
]
STRICT = {"strict": True, "noEmit": True, "exactOptionalPropertyTypes": True, "noUncheckedIndexedAccess": True}
OPTIONS = {"target": "es2022", "lib": ["es2022", "dom"], "types": [], **STRICT}


@pytest.fixture(scope="module")
def node() -> Node:
    return node_for(PACKAGE)


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node_tools().pack(PACKAGE, tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="module")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that installed the tarball, and has Uppy."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    node_tools().install(tarball, folder)
    node_for(FOLDER)
    for uppy in ("@uppy", "@transloadit", "preact"):
        (folder / "node_modules" / uppy).symlink_to(FOLDER / "node_modules" / uppy)
    return folder


def compile_strictly(node: Node, project: Path, text: str, **options: Any) -> subprocess.CompletedProcess[str]:
    (project / "consumer.ts").write_text(text)
    settings = {"compilerOptions": {**OPTIONS, **options}, "files": ["consumer.ts"]}
    (project / "tsconfig.json").write_text(json.dumps(settings))
    tsc = [*node, PACKAGE / "node_modules/typescript/bin/tsc", "-p", project]
    return subprocess.run(tsc, capture_output=True, text=True, check=False)


def test_the_package_holds_the_module_its_types_and_what_npm_shows(tarball: Path) -> None:
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
    assert names == {"package.json", "README.md", "LICENSE", "token-source.js", "token-source.d.ts"}
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_an_installation_runs_no_script_and_brings_nothing_else() -> None:
    described = json.loads((PACKAGE / "package.json").read_text())
    assert not described.keys() & {
        "scripts",
        "dependencies",
        "peerDependencies",
        "optionalDependencies",
        "bundledDependencies",
    }
    assert not re.search(r"^import\b|\bimport\(\s*[`'\"]|\brequire\(", (PACKAGE / "token-source.js").read_text(), re.M)


def test_the_module_is_small(node: Node) -> None:
    minify = [*node, PACKAGE / "node_modules/esbuild/bin/esbuild", PACKAGE / "token-source.js", "--minify"]
    minified = subprocess.run([*minify, "--format=esm"], capture_output=True, check=True).stdout
    assert len(gzip.compress(minified, 9)) <= LIMIT


def test_the_module_fits_its_types_strictly(node: Node) -> None:
    tsc = [*node, PACKAGE / "node_modules/typescript/bin/tsc", "-p", PACKAGE]
    done = subprocess.run(tsc, capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize("resolution", [{"module": "nodenext"}, {"module": "esnext", "moduleResolution": "bundler"}])
def test_a_strict_consumer_compiles_with_uppy(node: Node, project: Path, resolution: dict[str, str]) -> None:
    assert compile_strictly(node, project, CONSUMER, skipLibCheck=True, **resolution).stdout == ""


def test_the_types_need_no_leniency_of_the_consumer(node: Node, project: Path) -> None:
    text = "export * from 'transloadit-token-broker-client'"
    assert compile_strictly(node, project, text, skipLibCheck=False, module="nodenext").stdout == ""


def test_a_misuse_does_not_compile(node: Node, project: Path) -> None:
    imports, misused = CONSUMER.partition("\nconst")[0], len(MISUSES)
    told = compile_strictly(node, project, "\n".join([*MISUSES, imports]), skipLibCheck=True, module="nodenext").stdout
    assert {int(line) for line in re.findall(r"consumer\.ts\((\d+),", told)} == set(range(1, misused + 1))


def test_a_server_that_renders_the_page_may_make_a_source(node: Node, project: Path) -> None:
    script = """import { createTokenSource } from 'transloadit-token-broker-client'
                createTokenSource({ url: 'https://tokens.example.com', identity: () => null })
                process.stdout.write('made')"""
    (project / "server.mjs").write_text(script)
    done = subprocess.run([*node, project / "server.mjs"], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "made"


def test_the_readme_names_every_member_and_every_code() -> None:
    readme, types = (PACKAGE / "README.md").read_text(), (PACKAGE / "token-source.d.ts").read_text()
    for member in re.findall(r"(?m)^  (?:readonly )?(\w+)[?(:]", types):
        assert f"`{member}" in readme, member
    for code in re.findall(r"'([a-z]+_[a-z]+)'", (PACKAGE / "token-source.js").read_text()):
        if code not in ("access_token", "client_credentials", "grant_type", "smart_cdn"):
            assert f"`{code}`" in readme, code


def test_every_code_of_the_readme_has_its_heading_in_the_docs() -> None:
    table = (PACKAGE / "README.md").read_text().partition("## When it fails")[2].partition("`requestId`")[0]
    codes = set(re.findall(r"`([a-z]+_[a-z]+)`", table))
    headings = set(re.findall(r"(?m)^## (\w+)$", (ROOT / "docs/frontends.md").read_text()))
    assert {"signed_out", "invalid_target", "temporarily_unavailable"} <= codes <= headings
