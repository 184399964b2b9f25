"""The bill and the job slots of a Workspace: https://transloadit.com/docs/api/bill-date-get/"""

import re
from collections.abc import Callable

from local.sandbox.call import Answer, Call
from local.sandbox.clock import iso
from local.sandbox.errors import ApiError
from local.sandbox.store import Store

# The official command line sends months such as 2026-1, without the zero, unless its user types the zero.
_MONTH = re.compile(r"([0-9]{4})-(0?[1-9]|1[0-2])")


class Account:
    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def bill(self, call: Call) -> Answer:
        """The bill of a month, always 0. A month that has not begun has no bill."""
        asked = _MONTH.fullmatch(call.path("month"))
        month = f"{asked[1]}-{asked[2]:0>2}" if asked else ""
        if not month or month > iso(self._clock())[:7]:
            raise ApiError("BILL_NOT_FOUND", "There is no bill for this month")
        used = sum(
            upload["size"]
            for assembly in self._store.assemblies.values()
            if assembly.key.workspace == call.workspace and iso(assembly.created).startswith(month)
            for upload in assembly.uploads
        )
        amounts = dict.fromkeys(("total", "subtotal_bill", "total_tax", "total_bill", "overage_fee", "plan_fee"), 0)
        words = {"ok": "BILL_FOUND", "message": "The bill was found.", "billing_period": month, "currency": "USD"}
        return words | amounts | {"bytes_usage": used}

    async def job_slots(self, call: Call) -> Answer:
        """One slot for each Assembly that executes."""
        now = self._clock()
        busy = [
            {"assembly_id": assembly.id, "started": iso(assembly.uploaded_at or now)}
            for assembly in self._store.assemblies.values()
            if assembly.key.workspace == call.workspace and assembly.state(now) == "ASSEMBLY_EXECUTING"
        ]
        words = {"ok": "PRIORITY_JOB_SLOTS_FOUND", "message": "The job slots were found."}
        return words | {"priority_job_slots": {"count": len(busy), "slots": busy}}
