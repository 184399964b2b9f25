"""Immutable values. msgspec's structs, since thirty dataclasses cost more at start than the JWT's cryptography."""

from typing import ClassVar

from msgspec import Struct


class Value(Struct, frozen=True):
    """Its repr leaves out the members named by `hidden`: secrets, and what is long."""

    hidden: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.hidden]
        return f"{type(self).__name__}({', '.join(shown)})"
