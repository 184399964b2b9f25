"""The codes of the linter's opinions, and whether each is grave."""

from collections.abc import Iterator
from dataclasses import dataclass

from token_broker.policy.document import Path

# By code: whether the opinion is grave, and a description for the reference page. An opinion is grave if the policy
# lets somebody in whom its author does not mean.
CODES: dict[str, tuple[bool, str]] = {
    "shared-issuer": (True, "an issuer that signs for everybody is not pinned to a tenant by an exact id"),
    "outsiders": (True, "anyone who signs up at the issuer fulfils the rule"),
    "caller-chosen": (True, "a rule asks only for claims that the caller itself writes"),
    "changes-hands": (True, "a rule asks only for names that others can take over"),
    "unverified-address": (True, "a rule matches an e-mail address or phone number that nobody verified"),
    "github-names": (True, "a GitHub rule matches names, which others can take over, and no immutable id"),
    "github-ungated": (True, "a GitHub rule names neither a ref nor an environment, so any branch may"),
    "gitlab-ungated": (True, "a GitLab rule names neither a ref nor an environment, so any branch may"),
    "ungated": (True, "a rule of Vercel or Buildkite names neither an environment nor a branch, so any branch may"),
    "never-matches": (True, "a rule contradicts what its issuer requires"),
    "use-preset": (True, "a well-known issuer is written without its preset, and so without the preset's requirements"),
    "preset-keys": (True, "the keys of a well-known issuer come from another place than its own"),
    "everyone": (False, "a rule asks for nothing beyond being a caller of its issuer"),
    "all-scopes": (False, "a rule gives all scopes of the Auth Key"),
    "broad-scope": (False, "a rule gives `read`, `write` or the right to make Auth Keys"),
    "shows-secrets": (False, "`template_credentials:read` shows other services' secrets"),
    "end-user-read": (False, "end users get a `*:read` scope, which reads everyone's things in the workspace"),
    "end-user-write": (False, "end users get a `*:write` scope or `smart_cdn:sign`; for pages there is `sign`"),
    "end-user-once": (False, "end users show one JWT many times, and `once` takes it only the first time"),
    "mint-budget": (False, "anyone who signs up gets tokens of their own, and many accounts use the mint budget up"),
    "any-input": (False, "the shape of a Smart CDN rule's inputs begins with a star, so it fits everybody's files"),
    "open-wildcard": (False, "a pattern ends within a name, so it matches longer names too"),
    "replayable": (False, "the JWT names no audience of yours, so every API it is shown to can use it here"),
    "idle-max-age": (False, "a `max_age` of more than a month limits nothing that `exp` does not"),
    "duplicate-rule": (False, "a rule repeats another"),
    "shadowed-rule": (False, "a rule adds nothing to another that is more general"),
    "unused-credential": (False, "no rule gives this credential"),
    "unused-issuer": (False, "no rule trusts this issuer"),
    "unused-silence": (False, "a silence for an opinion that does not occur there"),
}


@dataclass(frozen=True, slots=True)
class Opinion:
    code: str
    path: Path
    message: str

    @property
    def is_grave(self) -> bool:
        return CODES[self.code][0]


Opinions = Iterator[Opinion]
