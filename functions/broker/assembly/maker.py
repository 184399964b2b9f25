"""Makes Assemblies: once for each event, with a token that never leaves, and surely ours."""

from msgspec import structs
from msgspec.json import encode

from broker.assembly.callback import MAX_SECONDS, Waiting, seal
from broker.assembly.decision import Assembling
from broker.assembly.endpoint import AlreadyThere, AssemblyEndpoint, Status, TokenRefused
from broker.assembly.identity import hash_id, make_id
from broker.assembly.keys import KEEP_SECONDS, Keys, PipelineKeys
from broker.base.audit import AssemblyNotes
from broker.base.errors import BrokerFault, TemporarilyUnavailable, UpstreamRefused
from broker.base.progress import Clock, Progress
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.token.obtain import BearerTokens

# For so long after a rotation of the pipeline key some environment may not have the new one, so none uses it. Else
# an event that came to two environments would become two Assemblies, and a callback be sealed that one cannot open.
SETTLE_SECONDS = KEEP_SECONDS
# Then none is used for so long. A request that began just before may still be making its Assembly under the previous
# key, for the function's 60 seconds at most, and whoever looked for that one now would find none, and make another.
HANDOVER_SECONDS = 90
# For so long after a rotation an event is known when it comes again. Lambda and the queue end their tries within hours;
# a week leaves room for what people send again.
ROTATION_SECONDS = 7 * 24 * 60 * 60


class Made(Value, frozen=True):
    """An Assembly. `status` is api2's code of its state. `shows_id`: whether its caller may learn id and URL."""

    hidden = ("assembly_id", "url")

    assembly_id: str
    url: str
    status: str
    shows_id: bool


class AssemblyMaker(Value, frozen=True):
    """Makes Assemblies of one function, whose name is part of their ids."""

    tokens: BearerTokens
    endpoint: AssemblyEndpoint
    keys: PipelineKeys
    function_name: str
    public_url: str | None  # of the broker, to which api2 posts that an Assembly is done
    clock: Clock

    def make(self, assembling: Assembling, caller: Caller, progress: Progress) -> Made:
        """The Assembly of this event: a new one, or the one that an earlier request made. Raises a BrokerError."""
        key, earlier_key = self._choose(self.keys.get(progress))
        assembly_id = make_id(key, self.function_name, assembling)
        noted = progress.notes.assembly = _describe(assembly_id, assembling)
        status = None
        if earlier_key is not None:
            status = self.endpoint.find(make_id(earlier_key, self.function_name, assembling), progress)
        is_new = status is None
        if status is None:
            params = _write_params(assembling, self._make_notify_url(key, assembly_id, assembling))
            try:
                status = self._create(assembly_id, params, assembling, caller, progress)
            except AlreadyThere:
                status, is_new = self._find(assembly_id, progress), False
        progress.notes.assembly = structs.replace(
            noted, id_sha256=hash_id(status.assembly_id), is_new=is_new, status=status.code
        )
        _check(status, assembling, progress)
        return Made(status.assembly_id, status.url, status.code, assembling.shows_id)

    def _choose(self, keys: Keys) -> tuple[bytes, bytes | None]:
        """The pipeline key for new Assemblies, and the one that may have made the event's Assembly before, or None.

        Raises TemporarilyUnavailable while the one takes the other's place.
        """
        age = self.clock() - keys.since
        if keys.previous is None or age >= ROTATION_SECONDS:
            return keys.current, None
        if age < SETTLE_SECONDS:
            return keys.previous, None
        if (left := SETTLE_SECONDS + HANDOVER_SECONDS - age) > 0:
            raise TemporarilyUnavailable("the pipeline key is being replaced", retry_after=left)
        return keys.current, keys.previous

    def _create(
        self, assembly_id: str, params: str, assembling: Assembling, caller: Caller, progress: Progress
    ) -> Status:
        token = self.tokens.obtain(assembling.grant, caller, progress)
        try:
            return self.endpoint.create(assembly_id, params, token, progress)
        except TokenRefused:
            token = self.tokens.replace(token, assembling.grant, caller, progress)
        try:
            return self.endpoint.create(assembly_id, params, token, progress)
        except TokenRefused as error:
            description = "Transloadit refused the broker's token for the Assembly."
            raise UpstreamRefused("Transloadit refuses two bearer tokens", description) from error

    def _find(self, assembly_id: str, progress: Progress) -> Status:
        status = self.endpoint.find(assembly_id, progress)
        if status is None:
            raise TemporarilyUnavailable("Transloadit has no status of an Assembly that exists")
        return status

    def _make_notify_url(self, key: bytes, assembly_id: str, assembling: Assembling) -> str | None:
        if assembling.callback is None:
            return None
        if not self.public_url:
            raise BrokerFault("the deployment has no PUBLIC_URL, to which api2 could post")
        expires_at = int(self.clock()) + MAX_SECONDS
        waiting = Waiting(assembling.callback, assembling.grant.credential, assembling.shows_id, expires_at)
        # Nothing that a caller sent becomes part of the URL but sealed.
        return f"{self.public_url}/notifications/{assembly_id}?c={seal(key, assembly_id, waiting)}"


def _describe(assembly_id: str, assembling: Assembling) -> AssemblyNotes:
    """What the record says while nothing more is known."""
    return AssemblyNotes(
        template=assembling.template,
        source=assembling.source,
        attempt=assembling.attempt,
        id_sha256=hash_id(assembly_id),
    )


def _write_params(assembling: Assembling, notify_url: str | None) -> str:
    """The JSON text of `params`. https://transloadit.com/docs/topics/assembly-instructions/"""
    order = assembling.order
    auth = {"max_size": order.max_size, "max_number_of_files": order.max_number_of_files}
    params = {
        "auth": {name: value for name, value in auth.items() if value is not None},
        "template_id": order.template_id,
        "steps": order.steps,
        "fields": order.fields,
        "notify_url": notify_url,
    }
    return encode({name: value for name, value in params.items() if value}).decode()


def _check(status: Status, assembling: Assembling, progress: Progress) -> None:
    """Raises UpstreamRefused where the Assembly is not ours, or has failed."""
    order, shown = assembling.order, hash_id(status.assembly_id)
    # Somebody may have learned an id before it was used, and made an Assembly of his own under it. Its state would then
    # pass for that of ours.
    is_ours = (
        status.workspace == assembling.workspace
        and status.template_id == order.template_id
        and status.params.get("steps", {}) == order.steps
        and status.params.get("fields", {}) == order.fields
    )
    if not is_ours:
        progress.notes.alarms.add("ForeignAssembly")
        raise UpstreamRefused(
            "foreign Assembly",
            f"The Assembly (SHA-256 of its id: {shown}) shows another workspace, template or params than ours; "
            "another key, or a higher attempt, makes another.",
        )
    if status.has_failed:
        raise UpstreamRefused(
            "the Assembly has failed",
            f"The Assembly (SHA-256 of its id: {shown}) ended with {status.code}; a higher attempt makes another.",
        )
