"""A notification, in order: open the callback, read, verify, ask api2, complete. The steps meet only here."""

from functools import cached_property
from typing import Literal

from broker.assembly.callback import Waiting, unseal
from broker.assembly.endpoint import BUSY, COMPLETED, AssemblyEndpoint, Status
from broker.assembly.identity import hash_id
from broker.assembly.keys import PipelineKeys
from broker.assembly.notification import NotificationRequest, read_notification, says_ended
from broker.assembly.signatures import NotificationSignatures
from broker.aws.callbacks import Callbacks, Ending
from broker.base.audit import AssemblyNotes
from broker.base.errors import AccessDenied, InvalidRequest, TemporarilyUnavailable
from broker.base.progress import Clock, Progress
from broker.base.values import Value
from broker.policy.model import Policy


class Completed(Value, frozen=True):
    """What became of the callback. `late`: nobody waits any more. `none`: the Assembly has not ended."""

    callback: Literal["completed", "failed", "late", "none"]


class Completer(Value, frozen=True, dict=True):
    """Completes callbacks by what api2 says of their Assemblies, whatever a notification says."""

    policy: Policy
    keys: PipelineKeys
    signatures: NotificationSignatures
    endpoint: AssemblyEndpoint
    callbacks: Callbacks
    clock: Clock

    def complete(self, request: NotificationRequest, progress: Progress) -> Completed:
        """What became of the callback of this notification. Raises a BrokerError."""
        waiting = self._open(request, progress)
        notification = read_notification(request.http)
        self.signatures.verify(waiting.credential, notification, progress)
        has_ended = says_ended(notification.text, request.assembly_id)
        status = self._ask(request, waiting, progress)
        completed = self._end(waiting, status, has_ended, progress)
        _note(request, status.code, completed.callback, progress)
        return completed

    def _open(self, request: NotificationRequest, progress: Progress) -> Waiting:
        """What waits for this Assembly. Raises InvalidRequest where that is not known or too old.

        Strangers can send anything, so nothing else is looked at before this: no body, Auth Secret or status.
        """
        sealed, id_ = request.proof.text, request.assembly_id
        waiting = unseal(self.keys.get(progress), id_, sealed, self.clock())
        if waiting is None:
            # The key may have been rotated since it was read, and the callback be sealed by the new one.
            waiting = unseal(self.keys.look_again(progress), id_, sealed, self.clock())
        if waiting is None or waiting.credential not in self._workspaces:
            raise InvalidRequest("the callback does not open", "The callback in the URL does not open, or is too old.")
        return waiting

    def _ask(self, request: NotificationRequest, waiting: Waiting, progress: Progress) -> Status:
        """api2's status. Raises AccessDenied where it is not that of the Assembly which the callback was sealed for."""
        status = self.endpoint.find(request.assembly_id, progress)
        if status is None:
            raise TemporarilyUnavailable("Transloadit has no status of an Assembly that it notifies of")
        _note(request, status.code, None, progress)
        end = f"/notifications/{request.assembly_id}?c={request.proof.text}"
        is_ours = status.notify_url is None or status.notify_url.endswith(end)
        if status.workspace != self._workspaces[waiting.credential] or not is_ours:
            progress.notes.alarms.add("ForeignAssembly")
            raise AccessDenied("foreign Assembly", "The Assembly is not the one that the callback waits for.")
        return status

    def _end(self, waiting: Waiting, status: Status, has_ended: bool, progress: Progress) -> Completed:
        ending = make_ending(status, waiting.shows_id)
        if ending is None:
            if has_ended and status.code in BUSY:
                # api2 comes again, and its status has caught up by then.
                raise TemporarilyUnavailable("Transloadit's status is older than its notification")
            return Completed("none")
        callback = waiting.callback
        if not self.callbacks.complete(callback.kind, callback.value, ending, progress.deadline):
            return Completed("late")
        return Completed("failed" if ending.error else "completed")

    @cached_property
    def _workspaces(self) -> dict[str, str]:
        """The Workspace of each credential that makes Assemblies."""
        rules = [rule for entry in self.policy.assembling for rule in self.policy.find_assemble_rules(entry)]
        return {rule.credential: rule.workspace for rule in rules}


def make_ending(status: Status, shows_id: bool) -> Ending | None:
    """How the wait for an Assembly ends, None while it runs and for codes that nobody knows.

    No URL is in it, and the id only where the policy says so: they let everybody who reads the execution's history see
    the files. https://transloadit.com/docs/topics/assembly-notifications/
    """
    id_ = {"assembly_id": status.assembly_id} if shows_id else {}
    # `ok` alone is no success: a cancelled Assembly has it, too.
    if status.has_failed:
        return Ending({"error": status.code} | id_, status.code, f"The Assembly ended with {status.code}.")
    return Ending({"ok": status.code} | id_) if status.code == COMPLETED else None


def _note(request: NotificationRequest, code: str, callback: str | None, progress: Progress) -> None:
    progress.notes.assembly = AssemblyNotes(
        source="notification", id_sha256=hash_id(request.assembly_id), status=code, callback=callback
    )
