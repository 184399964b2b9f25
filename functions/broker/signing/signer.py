"""Signs what was decided, by the Auth Secret of its credential. No call of api2 is made for a signature."""

import hashlib
import hmac
import os
from typing import Any

from broker.base.audit import SignatureNotes
from broker.base.progress import Clock, Progress
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.signing.assembly import write_params, write_time
from broker.signing.decision import AssemblyParams, Signing, SmartCdnUrls, StorageGrant
from broker.signing.smart_cdn import write_urls
from broker.signing.storage import write_grant
from broker.token.budget import SignBudget
from broker.token.credentials import Credential, Credentials

NONCE_BYTES = 16
ID_DIGITS = 16  # hex digits of a signature's SHA-256, by which the record of a URL is found


class Signed(Value, frozen=True):
    """What was signed, as the members of the answer, and what the record says of it: never a signature."""

    hidden = ("body",)

    body: dict[str, Any]
    notes: SignatureNotes


class Signer(Value, frozen=True):
    """Signs by the credentials of this deployment."""

    credentials: Credentials
    budget: SignBudget
    clock: Clock

    def sign(self, signing: Signing, caller: Caller, progress: Progress) -> Signed:
        """The signature. Raises OverBudget, TemporarilyUnavailable or BrokerFault."""
        if isinstance(signing.order, AssemblyParams):
            self.budget.take((caller.issuer, caller.subject))
        credential = self.credentials.get(signing.credential, progress)
        now = int(self.clock())
        match signing.order:
            case AssemblyParams() as order:
                return _sign_assembly(signing, order, credential, now)
            case SmartCdnUrls() as order:
                return _sign_urls(signing, order, credential, now)
            case StorageGrant() as order:
                return _sign_grant(signing, order, credential, now)


def _sign_assembly(signing: Signing, order: AssemblyParams, credential: Credential, now: int) -> Signed:
    # Without a nonce the parameters of two callers in one second would be the same, and api2 would refuse the second.
    nonce, expires_at = os.urandom(NONCE_BYTES).hex(), now + order.expires
    params = write_params(order, credential.auth_key, nonce, expires_at)
    signature = f"{order.algorithm}:{_compute(credential, params, order.algorithm).hex()}"
    body = {"params": params, "signature": signature, "expires_at": write_time(expires_at)}
    return Signed(body, _note(signing, credential, expires_at, template=order.template_id, nonce=nonce))


def _sign_urls(signing: Signing, order: SmartCdnUrls, credential: Credential, now: int) -> Signed:
    expires_at, ids = now + order.expires, list[str]()

    def sign(text: str) -> str:
        signature = _compute(credential, text, "sha256").hex()
        ids.append(hashlib.sha256(signature.encode()).hexdigest()[:ID_DIGITS])
        return signature

    urls = write_urls(order, credential.auth_key, expires_at, sign)
    notes = _note(signing, credential, expires_at, template=order.template, url_ids=tuple(ids))
    answer = {"urls": urls} if order.as_list else {"url": urls[0]}
    return Signed(answer | {"expires_at": write_time(expires_at)}, notes)


def _sign_grant(signing: Signing, order: StorageGrant, credential: Credential, now: int) -> Signed:
    expires_at = now + order.expires
    grant = write_grant(order, now, lambda text: _compute(credential, text, "sha256"))
    members = {"grant": grant, "prefix": order.prefix, "scopes": order.scopes}
    prefix_sha256 = hashlib.sha256(order.prefix.encode()).hexdigest()
    notes = _note(signing, credential, expires_at, scopes=order.scopes, prefix_sha256=prefix_sha256)
    return Signed(members | {"expires_at": write_time(expires_at)}, notes)


def _note(signing: Signing, credential: Credential, expires_at: int, **members: Any) -> SignatureNotes:
    return SignatureNotes(
        kind=signing.kind,
        name=signing.name,
        credential=credential.name,
        auth_key=credential.auth_key,
        secret_version=credential.version,
        expires_at=expires_at,
        **members,
    )


def _compute(credential: Credential, text: str, algorithm: str) -> bytes:
    """The HMAC of a text under the Auth Secret (RFC 2104)."""
    return hmac.digest(credential.auth_secret.encode(), text.encode(), algorithm)
