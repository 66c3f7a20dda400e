"""Sign packaged models with OpenSSF's model-signing; the service verifies the signature (`service.signature`)."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from model_signing import hashing, signing

from sentiment.inference.errors import SettingsError

# The signature, in the folder of the model, which it covers but for itself.
FILE = "model.sig"


def sign(model: Path, private_key: Path) -> None:
    """Sign all files in the folder of a packaged model.

    Args:
        model: the folder; the signature is written into it.
        private_key: a PEM file with an elliptic-curve key (P-256, P-384 or P-521), without a password.

    Raises:
        SettingsError: the key cannot be read or used.
    """
    try:
        signer = signing.Config().use_elliptic_key_signer(private_key=private_key)
    except OSError as error:
        raise SettingsError(f"package.private_key: {private_key} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm) as error:
        raise SettingsError(
            f"package.private_key: {private_key} contains no private key that can sign models. It needs an "
            "elliptic-curve key in PEM format, without a password: openssl ecparam -name prime256v1 -genkey -noout"
        ) from error
    signer.set_hashing_config(covering(model)).sign(model, model / FILE)


def digest(folder: Path, files: Iterable[Path] | None = None) -> str:
    """Return the SHA-256 that stands for a folder, or for some of its files, as in the subject of a signature."""
    manifest = covering(folder).hash(folder, files_to_hash=files)
    return hashlib.sha256(
        b"".join(descriptor.digest.digest_value for descriptor in manifest.resource_descriptors())
    ).hexdigest()


def covering(model: Path) -> hashing.Config:
    """Return the configuration that covers all files of a folder but the signature."""
    return hashing.Config().set_ignored_paths(paths=[model / FILE], ignore_git_paths=False)
