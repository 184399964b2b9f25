"""What a start does before its imports, which take most of its time."""

import gc
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MakeContext = Callable[[], ssl.SSLContext]
# It verifies certificates and names, by the certificates of the system or of SSL_CERT_FILE.
make_default_context: MakeContext = ssl.create_default_context


def begin_start() -> MakeContext:
    """Begin the start of an entry point. Returns what waits for the TLS context, which a thread makes meanwhile."""
    # A start makes no garbage, and the collector's search for some takes 14 of its 236 ms. Imports make the most
    # objects, so it is off before them; `wiring.start` turns it on again.
    gc.disable()
    # OpenSSL takes 24 to 34 ms to read the certificates, in which Python runs on. After the imports every connection to
    # an issuer or api2 would wait for that.
    return ThreadPoolExecutor(1).submit(make_default_context).result
