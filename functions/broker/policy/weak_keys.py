"""Refuses public keys whose private half is known, or easily found. It takes 60 microseconds, once for each key.

Whoever has the private half signs as the issuer, and no other check notices.
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping

_SMALL_FACTORS = math.prod(range(3, 2**10, 2))  # divisible by each odd prime below 1024
# ROCA (CVE-2017-15361): the primes of a chip's generator are powers of 65537 modulo each small prime, so their product
# is one too, and such moduli can be factored. Here are the small primes modulo which not every number is a power of
# 65537, each with the order of 65537. One good key in 240 million is taken for such a key.
# Nemec et al., "The Return of Coppersmith's Attack", CCS 2017.
_ROCA_ORDERS = {
    11: 2, 13: 6, 17: 8, 19: 9, 37: 3, 53: 26, 61: 20, 71: 35, 73: 24, 79: 13, 97: 6,
    103: 51, 107: 53, 109: 54, 127: 42, 151: 50, 157: 78,
}  # fmt: skip
# Each curve's field, and the y of its points of small order. Such a key has no secret: anybody can sign for it.
_P25519, _P448 = 2**255 - 19, 2**448 - 2**224 - 1
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = {
    "Ed25519": (_P25519, {0, 1, _P25519 - 1, _ORDER_8, _P25519 - _ORDER_8}),
    "Ed448": (_P448, {0, 1, _P448 - 1}),
}
# Examples in standards are printed with their private half, and people copy them. By thumbprint (RFC 7638).
_PUBLISHED = frozenset(
    {
        # RFC 7515: appendices A.2 to A.4
        "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8",
        "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
        "u5YUSjQ2-2chBi51NSk3t3g7IM4o2KYcnPqPtCNGd3U",
        # RFC 7516: appendices A.1 and A.2
        "xtIsOV1FqKH77AI_A3jdTg5QfdabzqI-LNpYTPi0IgI",
        "_K0fXS8wlsT7Tn3vvZrs9qdKUIqi5AxQ5EVk41xi_BM",
        # RFC 7517: appendices A.2 and C.1
        "D8R4-FeTJfzuDUy8bZ0c4hcwpul-Q11gCPs3mw6-R9Q",
        "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        # RFC 7518: appendix C
        "_GK0r6GCoJt9zcssg9lay4obIxgCq05ntiRymRHADSU",
        "Vy57XrArUrW0NbpI12tEzDHABxMwrTh6HHXRenSpnCo",
        # RFC 7520: sections 3.2, 3.4, 5.1, 5.2, 5.4, 5.5
        "dHri3SADZkrush5HU_50AoRhcKFryN-PI6jPBtPL55M",
        "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI",
        "h_jutvC-jg3Nwueq8LmdSybXykVsBwk4_5u5Y9JiS7E",
        "Rt-IyDEhXohvTl_ozKQ9YGflXGuDb3uu3QmqN2LoMwM",
        "YlKlB7M2wnS0cPn_V7OW-FuDLuWdJ9z4OvPHmhGDfeE",
        "HsSFalww3yP-dO-lWGYgFcyV5H22oScIFc4V2Y6GOto",
        # RFC 8032: sections 7.1 and 7.4; the first is RFC 8037 appendix A.1, too
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk",
        "FVV5umTuau890q59V-4Ga_R6qWb7ON_ivJc4EjvCwTM",
        "lZI1vM7tnlYapaF5-cy86ptx0tT_8Av721hhiNB5ti4",
        "iiDHHfFVNG6ICMUTsicgrWf1igtFYZEK73xlobt1ah4",
        "zQstisLFDWZb-FiVsZl6490ATVgxw_63L-xYldKyuUY",
        "dmWebDhaEkyn9NH-xdf-tgWROS-EpJOMf1USIWM0_Zg",
        "jIHXW3PjfEN8speUwxCmGsgaahGeUBxDAdTVDKe654I",
        "XGApTj8rhUdUN6BiAzl5a_SEzwN9gtMvRhQDNmZUjkM",
        "-ugd1qGIdtPrqUTa78u1CL4JvWMAKFc_Dc2m26D-X6k",
        "pPh1GpsutoCq7j4fTD4vqpPaULP0NhOg0_VTG_J_z1E",
        "sxI__beGtEGUO6j4v147-Yp5Jci1Z30RF3oOqkItgcg",
        "StsG8pOMaYLgH0SCr8gXRPWChjOXQkBR3SwCx5xhpl0",
        # RFC 6979: appendix A.2
        "DOvxvJiAdIqVWIkFt5hDtCunXLF0BV4-JGv4f-ALSm0",
        "l2tfkSzhekdOr24I18E1O_-49AlK14MTo7OxJMS7-HI",
        "YEV1EIv9vYLGY_GThCEOLkeymqP0eeXUU7MmlJhqgGA",
        # RFC 9421: appendix B.1
        "BHj8s0GPnMEQtkaULIM-PLgEhLBbuGUQ1vMxmBWZzEo",
        "oD0HwocPBSfpNy5W3bpJeyFGY_IQ_YpqxSjQ3Yd-CLA",
        "ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI",
        "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U",
        # RFC 9500: section 2
        "LIstkoCvByn4jk8oZPvigQkzTzO9UwnGnE-VMlkZvYQ",
        "TLOWIUBG7ALE2U13WMeEAErmpD48gp8MllKbX_zBARE",
        "uG5zwmkbOsp4CWXAXpcCwS_BBebz0EP871Y1aRTdY9E",
        "u88se-xodYvJqpVtfxKIhE6bv2S6Z9hy1ikqIcPciAE",
        "Fa5JHFzFB8yHv0Dk3rGTgtCQPXPr3q8midyfylf8CUU",
        # jwt.io, what its page signs with: RS256 and PS256, ES256
        "19J8y7Zprt2-QKLjF2I5pVk0OELX6cY2AfaAv1LC_w8",
        "zFHVsM9dc4OlHIwvEnVqfKzRj1ujqYGsZnXAcgn_CqI",
    }
)


def check_rsa(modulus: int, exponent: int) -> None:
    """Raises ValueError for a modulus that can be factored at once, and for an exponent that hides nothing."""
    # With the exponent 1 every text is its own signature; an even one belongs to no key pair.
    if exponent < 3 or exponent % 2 == 0:
        raise ValueError("its exponent is even or 1")
    if modulus % 2 == 0:
        raise ValueError("its modulus is even")
    if math.gcd(modulus, _SMALL_FACTORS) > 1:
        raise ValueError("its modulus has a small factor")
    # All at once: modulo a single small prime many good keys look like this.
    if all(pow(modulus, order, prime) == 1 for prime, order in _ROCA_ORDERS.items()):
        raise ValueError("its modulus has the fingerprint of ROCA (CVE-2017-15361); make the key with other software")


def check_edwards(curve: str, point: bytes) -> None:
    """Raises ValueError for a point of small order, in each of its encodings, and for a point that is not canonical.

    RFC 8032 sections 5.1.3 and 5.2.3.
    """
    # With a key of small order a signature made without any secret is good for one message in eight, or for all.
    prime, small = _SMALL_ORDER[curve]
    # The highest bit is the sign of x. Without it both encodings of a point have the same y.
    y = int.from_bytes(point, "little") & ~(1 << (len(point) * 8 - 1))
    # y and y + prime are one point, so the list below would miss the larger form.
    if y >= prime:
        raise ValueError("its point is not in canonical form")
    if y in small:
        raise ValueError("its point is of small order: everybody can sign for it")


def check_published(members: Mapping[str, str]) -> None:
    """Raises ValueError for a key that was published with its private half.

    `members`: those of RFC 7638 section 3.2, with numbers in their shortest form. A leading zero would give the key
    another thumbprint.
    """
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    if base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode() in _PUBLISHED:
        raise ValueError("its private half is printed in a standard or on a page: make a pair of your own")
