"""Verify the signature of a packaged model, which the step `package` writes with OpenSSF's model-signing.

The signature is a Sigstore bundle: a signed list (in-toto statement) of the SHA-256 of every file. model-signing can
verify it too, but would bring 20 more packages into the image, among them clients of Sigstore's servers. This module
does what it does for a key, with the cryptography that the image contains anyway, and a test compares both.

Source: https://github.com/sigstore/model-transparency, https://github.com/secure-systems-lab/dsse (PAE)
"""

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from service import digests

# The signature of a model: a file in its folder, and the only one that it does not cover.
FILE = "model.sig"
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT, PREDICATE = "https://in-toto.io/Statement/v1", "https://model_signing/signature/v1.0"
# The hash function that model-signing uses, by the size of the key.
HASHES = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
MOST_NAMED = 3


class SignatureError(ValueError):
    """A model without a valid signature, or a public key that cannot be used."""


def signed_files(folder: Path) -> dict[str, str]:
    """Return the digest of each file of a model that a signature covers, by its path.

    Raises:
        OSError: a file cannot be read.
    """
    return digests.of_files(folder, (path for path in folder.rglob("*") if path.is_file() and path != folder / FILE))


def verify(folder: Path, public_key: Path) -> None:
    """Check that somebody with the private key has signed exactly the files of this folder.

    Args:
        folder: the packaged model.
        public_key: a PEM file, with an elliptic-curve key (P-256, P-384 or P-521).

    Raises:
        SignatureError: there is no signature, it is not by this key, or a file was changed, added or removed.
        OSError: a file cannot be read.
    """
    key = read_key(public_key)
    signed = read_statement(folder, key)
    if links := [path for path in folder.rglob("*") if path.is_symlink()]:
        raise SignatureError(f"It contains a link, which a signature does not cover: {links[0].relative_to(folder)}.")
    present = signed_files(folder)
    if present != signed:
        names = sorted(name for name in present.keys() | signed.keys() if present.get(name) != signed.get(name))
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        raise SignatureError(
            f"These files are not those that were signed: {', '.join(names[:MOST_NAMED])}{more}. "
            "Restore the model, or package it again with the private key."
        )


def read_key(file: Path) -> ec.EllipticCurvePublicKey:
    """Read a public key.

    Raises:
        SignatureError: the file contains none that can be used.
        OSError: the file cannot be read.
    """
    try:
        key = load_pem_public_key(file.read_bytes())
    except ValueError:
        raise SignatureError(f"{file} contains no public key in PEM format.") from None
    if (
        not isinstance(key, ec.EllipticCurvePublicKey)
        or not key.curve.name.startswith("secp")
        or (key.curve.key_size not in HASHES)
    ):
        raise SignatureError(f"{file} contains no key on the curve P-256, P-384 or P-521.")
    return key


def read_statement(folder: Path, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Return the digests that the signature of a model states, by file.

    Raises:
        SignatureError: there is no signature, it is not by this key, or it states something else.
    """
    try:
        bundle = json.loads((folder / FILE).read_text(encoding="utf-8"))
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        key.verify(
            base64.b64decode(envelope["signatures"][0]["sig"], validate=True),
            f"DSSEv1 {len(PAYLOAD)} {PAYLOAD} {len(payload)} ".encode() + payload,
            ec.ECDSA(HASHES[key.curve.key_size]),
        )
    except FileNotFoundError:
        raise SignatureError(
            f"It is not signed: there is no {FILE}. Package it with `package.private_key=<file>`."
        ) from None
    except InvalidSignature:
        raise SignatureError("Its signature was not made with the private key of this public key.") from None
    except (ValueError, LookupError, TypeError):
        raise SignatureError(f"{FILE} is not a signature: it is damaged, or of another kind.") from None
    return stated(json.loads(payload))


def stated(statement: dict[str, Any]) -> dict[str, str]:
    """Return the digests of a signed statement, by file.

    Raises:
        SignatureError: the statement is not one about the files of a model.
    """
    predicate = statement["predicate"]
    kind = (statement["_type"], statement["predicateType"], predicate["serialization"]["method"])
    resources = predicate["resources"]
    if kind != (STATEMENT, PREDICATE, "files") or {resource["algorithm"] for resource in resources} - {"sha256"}:
        raise SignatureError(f"{FILE} states something else than the SHA-256 of files.")
    return {resource["name"]: resource["digest"] for resource in resources}
