"""What a start does before its imports, which take most of its time."""

import gc
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future

MakeContext = Callable[[], ssl.SSLContext]


def make_default_context() -> ssl.SSLContext:
    """A TLS context that verifies certificates and names, by the certificates of the system or of SSL_CERT_FILE."""
    return ssl.create_default_context()


def begin_start() -> MakeContext:
    """Begin the start of an entry point. Returns what waits for the TLS context, which a thread makes meanwhile."""
    # A start makes no garbage, and the collector's search for some takes 14 of its 236 ms. Imports make the most
    # objects, so it is off before them; `wiring.start` turns it on again.
    gc.disable()
    context = Future[ssl.SSLContext]()

    def make() -> None:
        try:
            context.set_result(make_default_context())
        except Exception as error:  # noqa: BLE001 - raised again by each call that needs the context
            context.set_exception(error)

    # OpenSSL takes 24 to 34 ms to read the certificates, in which Python runs on. After the imports every connection to
    # an issuer or api2 would wait for that.
    threading.Thread(target=make, daemon=True).start()
    return context.result
