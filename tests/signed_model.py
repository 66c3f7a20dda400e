"""Pairs of keys for signatures of models, written as PEM files."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

CURVE = ec.SECP256R1()


@dataclass(frozen=True)
class Keys:
    """A pair of keys."""

    private: Path
    public: Path


def save_keys(folder: Path, *, curve: ec.EllipticCurve | None = CURVE, password: bytes | None = None) -> Keys:
    """Write a pair of keys to a new folder; without a curve, they are RSA keys, which sign no models."""
    folder.mkdir()
    key = rsa.generate_private_key(65_537, 2_048) if curve is None else ec.generate_private_key(curve)
    keys = Keys(private=folder / "private.pem", public=folder / "public.pem")
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    keys.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    keys.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return keys
