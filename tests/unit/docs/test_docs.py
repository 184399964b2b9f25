"""The docs: what they show compiles, where they point is there, and what they name exists."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from broker.base.errors import BrokerError
from broker.policy.model import load
from jsonschema import Draft202012Validator
from token_broker.policy import reference
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors
from token_broker.policy.presets import PRESETS

from tests.kit.docs import blocks
from tests.kit.jwts import Signer

ROOT = Path(__file__).parents[3]
FOLDERS = ("docs", "tests", "clients")
PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/**/*.md")))
    if "node_modules" not in page.parts
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readme_leads_to_every_page_of_the_docs() -> None:
    linked = set(re.findall(r"\]\((docs/[^)/#]+\.md)\)", (ROOT / "README.md").read_text()))
    assert linked == {str(page.relative_to(ROOT)) for page in ROOT.glob("docs/*.md")}


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/decisions/[0-9]*.md")), ids=lambda page: page.stem)
def test_every_decision_begins_with_its_day_and_whether_it_is_in_force(page: Path) -> None:
    assert re.match(r"# [0-9]+\. .+\n\n2026-\d\d-\d\d, (in force|replaced)", page.read_text())
    assert f"]({page.name})" in (page.parent / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_target_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"`((?:docs|tests|functions|infra|local|cli|clients)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile, target


@pytest.mark.parametrize("page", ["docs/policy.md", "docs/recipes.md"])
def test_the_first_rule_of_a_page_is_a_whole_policy(page: str) -> None:
    assert compile_policy(blocks(page, "yml")[0], page).warnings == ()


def test_the_policy_that_policy_md_explains_compiles_and_passes_its_own_test() -> None:
    text = "version: 1\n" + "".join(blocks("docs/policy.md", "yaml"))
    compiled = compile_policy(text, "docs/policy.md")
    assert len(load(compiled.data).find_rules("site")) == 1


def test_the_runbook_says_what_to_do_for_each_reason_of_a_503() -> None:
    section = (ROOT / "docs/operations.md").read_text().split("### Unavailable\n")[1].split("### ")[0]
    for module in (ROOT / "functions/broker").rglob("*.py"):
        for reason in re.findall(r'TemporarilyUnavailable\(f?"([^"{:]+)', module.read_text()):
            assert f"`{reason}`" in section, reason


def test_every_link_to_a_section_leads_to_a_heading() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    headings = {
        re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_every_error_of_the_contract_is_explained_to_callers() -> None:
    text = (ROOT / "docs/http.md").read_text()
    wanting = [*BrokerError.__subclasses__()]
    while wanting:
        error = wanting.pop()
        assert f"| {error.status} | `{error.code}` |" in text
        wanting.extend(error.__subclasses__())


@pytest.mark.parametrize("name", reference.files())
def test_schema_and_reference_are_what_the_model_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == reference.files()[name], "run `make docs`"


@pytest.mark.parametrize("page", ["policy.yaml", "local/policy.yaml", "tests/e2e/policy.yaml"])
def test_good_policies_are_good_by_the_schema_too(page: str) -> None:
    document = yaml.safe_load((ROOT / page).read_text())
    assert list(Draft202012Validator(reference.schema()).iter_errors(document)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"rulez": []},
        {"issuers": {"a": {"preset": "nobody", "audiences": ["us"]}}},
        {"issuers": {"a": {"issuer": "a", "audiences": ["us"]}}},
        {"issuers": {"a": {"preset": "google", "audiences": []}}},
        {"rules": [{"name": "a", "issuer": "b", "when": {"c": 1}, "scopes": ["assemblies:wrote"]}]},
    ],
    ids=str,
)
def test_an_editor_sees_a_mistake_by_the_schema(changes: dict[str, object]) -> None:
    document = yaml.safe_load((ROOT / "policy.yaml").read_text()) | changes
    assert list(Draft202012Validator(reference.schema()).iter_errors(document))


def test_make_alone_lists_what_the_readme_needs() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "up", "down", "test", "test-unit", "build"):
        assert f"make {target} " in listed


PLACEHOLDER = "<public key, 43 letters>"
HEAD, *RECIPES = blocks("docs/recipes.md", "yaml")
WHOLE = {
    page: blocks(page, "yaml")
    for page in ("README.md", "docs/pipelines.md", "docs/aws-callers.md", "docs/agents.md", "docs/frontends.md")
}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: next(iter(yaml.safe_load(recipe)["issuers"])))
def test_a_recipe_below_the_two_lines_of_its_page_compiles_and_the_linter_has_nothing_to_say(recipe: str) -> None:
    compiled = compile_policy(HEAD + recipe.replace(PLACEHOLDER, Signer("EdDSA").jwk()["x"]), "recipes.md")
    assert [str(said) for said in compiled.warnings] == []


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, texts in WHOLE.items() for text in texts])
def test_a_policy_in_another_page_is_whole_and_the_linter_has_nothing_to_say(page: str, text: str) -> None:
    compiled = compile_policy(text, page)
    assert (compiled.rules, compiled.warnings) == (text.count("\n  - name: "), ())


def test_no_page_shows_a_policy_that_is_not_checked() -> None:
    """A `yaml` block is a policy; of another kind are those of docs/sandbox.md, and the parts of docs/policy.md."""
    pages = {str(page.relative_to(ROOT)) for page in PAGES if blocks(str(page.relative_to(ROOT)), "yaml")}
    assert pages == {*WHOLE, "docs/recipes.md", "docs/sandbox.md", "docs/policy.md"}


def test_the_recipe_with_a_key_is_refused_until_a_key_that_its_command_makes_is_put_in(tmp_path: Path) -> None:
    """A key that can be copied from a page is one whose private half is known."""
    (recipe,) = (each for each in RECIPES if PLACEHOLDER in each)
    with pytest.raises(PolicyErrors, match="its x is not base64url"):
        compile_policy(HEAD + recipe, "recipes.md")
    commands = re.findall(r"^    (openssl .*)$", (ROOT / "docs/recipes.md").read_text(), re.MULTILINE)
    printed = [
        subprocess.run(["bash", "-c", each], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        for each in commands
    ]
    compile_policy(HEAD + recipe.replace(PLACEHOLDER, printed[-1].strip()), "recipes.md")


def test_no_page_shows_a_public_key_to_copy() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        assert not re.search(r"\b[xny]: *\"?[A-Za-z0-9_-]{40,}", page.read_text()), page


def test_every_preset_has_a_recipe() -> None:
    used = {issuer.get("preset") for recipe in RECIPES for issuer in yaml.safe_load(recipe)["issuers"].values()}
    assert used >= PRESETS.keys()


def test_the_clients_that_are_named_with_a_version_have_that_version() -> None:
    package = json.loads((ROOT / "tests/conformance/api2/package.json").read_text())
    packages = package["dependencies"] | package["overrides"]["@transloadit/node"]
    wheels = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    named = re.findall(r"^\| `([^`]+)` \| (\d\S*) \|", (ROOT / "docs/sandbox.md").read_text(), re.MULTILINE)
    assert len(named) == 7
    assert dict(named).items() <= (packages | wheels).items()


def test_the_table_of_oauth_clients_has_ten_with_the_locks_versions_and_each_is_in_the_test_that_it_names() -> None:
    folder = ROOT / "tests/conformance/clients"
    versions = json.loads((folder / "package.json").read_text())["dependencies"]
    for lock in (ROOT / "requirements-dev.txt", folder / "requirements.txt"):
        versions |= dict(re.findall(r"^([\w-]+)==(\S+)", lock.read_text(), re.MULTILINE))
    page = (ROOT / "docs/clients.md").read_text()
    rows = re.findall(r"^\| (`\S+`|curl) \| (\S+) \|.*\| `(test_\w+\.py)` \|$", page, re.MULTILINE)
    assert len(rows) == page.count("`test_") == 10
    for client, version, test in rows:
        name = client.strip("`")
        assert versions.get(name, "Debian's") == version
        spoken = {"@modelcontextprotocol/sdk": "official", "mcp": "official", "boto3": "botocore"}.get(name, name)
        assert spoken in (folder / test).read_text().lower(), name
    assert set(re.findall(r"`(\S+)` (\d[\d.]+\d)", page)) <= versions.items()


def values(value: Any) -> Iterator[Any]:
    yield value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    for member in members:
        yield from values(member)


def test_no_value_of_the_openapi_description_is_empty_since_a_comma_cut_a_text() -> None:
    assert None not in list(values(yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())))
