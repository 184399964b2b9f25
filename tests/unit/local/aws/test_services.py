"""What the stack has in its AWS is what the template makes."""

from infra.sam import ROOT
from local.aws.services import secret_name
from local.aws.template import resources_of


def test_the_secret_of_default_is_named_as_the_template_names_it() -> None:
    resources = resources_of((ROOT / "template.yaml").read_text(), {})
    assert resources["Secret"]["Properties"]["Name"] == secret_name("default")
