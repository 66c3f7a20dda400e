"""Signatures of packaged models: written by `package`, verified by the service."""

import base64
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import verifying

from pipeline import signing
from sentiment.inference.errors import SettingsError
from service import digests, preflight, signature
from service.settings import Settings
from service.signature import SignatureError
from tests.packaged_model import save_packaged
from tests.signed_model import CURVE, Keys, save_keys
from tests.unit.conftest import StartService


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return save_keys(tmp_path_factory.mktemp("keys") / "pair")


@pytest.fixture(scope="module")
def signed_once(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_packaged(tmp_path_factory.mktemp("signed") / "model")
    signing.sign(folder, keys.private)
    return folder


@pytest.fixture
def signed(signed_once: Path, tmp_path: Path) -> Path:
    """Return a copy of a signed model, so that a test can change it."""
    return shutil.copytree(signed_once, tmp_path / "model")


def subject(model: Path) -> str:
    """Return the digest that a signature states of a whole model."""
    bundle = json.loads((model / signature.FILE).read_text(encoding="utf-8"))
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    return str(statement["subject"][0]["digest"]["sha256"])


@pytest.mark.parametrize("curve", [CURVE, ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_what_package_signs_is_accepted_by_the_service_and_by_model_signing(
    curve: ec.EllipticCurve, signed: Path, tmp_path: Path
) -> None:
    keys = save_keys(tmp_path / "keys", curve=curve)
    signing.sign(signed, keys.private)
    signature.verify(signed, keys.public)
    verifying.Config().use_elliptic_key_verifier(public_key=keys.public).verify(signed, signed / signature.FILE)


def test_service_pipeline_and_signature_agree_on_the_digest_of_a_model(signed: Path) -> None:
    assert digests.total(signature.signed_files(signed)) == signing.digest(signed) == subject(signed)


def change_a_byte(model: Path) -> None:
    file = model / "classifier" / "golden.json"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


def rename(model: Path) -> None:
    (model / "model_card.md").rename(model / "renamed.md")


def replace_a_folder_by_a_link(model: Path) -> None:
    (model / "classifier").rename(model.parent / "elsewhere")
    (model / "classifier").symlink_to(model.parent / "elsewhere")


def edit_the_statement(model: Path) -> None:
    file = model / signature.FILE
    bundle = json.loads(file.read_text(encoding="utf-8"))
    statement = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    edited = statement.replace(b'"about.json"', b'"About.json"')
    assert edited != statement
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(edited).decode()
    file.write_text(json.dumps(bundle), encoding="utf-8")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed byte": (change_a_byte, "not those that were signed: classifier/golden.json. Restore the model"),
    "a new file": (lambda model: (model / "classifier" / "x.py").touch(), "signed: classifier/x.py"),
    "a new hidden file": (lambda model: (model / ".gitignore").touch(), "signed: .gitignore"),
    "a missing file": (lambda model: (model / "model_card.md").unlink(), "signed: model_card.md"),
    "a renamed file": (rename, "signed: model_card.md, renamed.md"),
    "no classifier": (lambda model: shutil.rmtree(model / "classifier"), "signed: classifier/"),
    "many new files": (
        lambda model: [(model / f"{number}.py").touch() for number in range(5)],
        "signed: 0.py, 1.py, 2.py and 2 more. Restore",
    ),
    "a link": (replace_a_folder_by_a_link, "It contains a link, which a signature does not cover: classifier"),
    "no signature": (lambda model: (model / signature.FILE).unlink(), "It is not signed: there is no model.sig"),
    "another statement": (edit_the_statement, "was not made with the private key of this public key"),
    "no JSON": (lambda model: (model / signature.FILE).write_text("{"), "model.sig is not a signature"),
    "another JSON": (lambda model: (model / signature.FILE).write_text("[1]"), "model.sig is not a signature"),
}


@pytest.mark.parametrize(("change", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_model_that_differs_from_what_was_signed_is_refused(
    change: Callable[[Path], object], reason: str, signed: Path, keys: Keys
) -> None:
    change(signed)
    with pytest.raises(SignatureError, match=reason):
        signature.verify(signed, keys.public)


def test_a_signature_by_somebody_else_is_refused(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match="not made with the private key of this public key"):
        signature.verify(signed, save_keys(tmp_path / "keys").public)


@pytest.mark.parametrize("replaced", ["_type", "predicateType"])
def test_a_signed_statement_about_something_else_is_refused(replaced: str, signed: Path) -> None:
    bundle = json.loads((signed / signature.FILE).read_text(encoding="utf-8"))
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    with pytest.raises(SignatureError, match="something else than the SHA-256 of files"):
        signature.stated({**statement, replaced: "https://example.org"})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nothing", "contains no public key in PEM format"),
        (None, re.escape("contains no key on the curve P-256, P-384 or P-521")),
    ],
    ids=["not a key", "an RSA key"],
)
def test_a_public_key_that_verifies_no_model_is_refused(
    content: bytes | None, reason: str, signed: Path, tmp_path: Path
) -> None:
    public = save_keys(tmp_path / "keys", curve=None).public
    if content is not None:
        public.write_bytes(content)
    with pytest.raises(SignatureError, match=reason):
        signature.verify(signed, public)


def private_key(kind: str, folder: Path) -> Path:
    if kind == "with a password":
        return save_keys(folder, password=b"secret").private
    keys = save_keys(folder, curve=None if kind == "RSA" else CURVE)
    return keys.public if kind == "public" else keys.private


@pytest.mark.parametrize("kind", ["with a password", "RSA", "public"])
def test_a_private_key_that_signs_no_model_is_refused_with_the_remedy(kind: str, signed: Path, tmp_path: Path) -> None:
    file = private_key(kind, tmp_path / "keys")
    with pytest.raises(SettingsError, match="package.private_key: .* no private key that can sign models.*openssl"):
        signing.sign(signed, file)


def test_a_missing_private_key_is_named(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="package.private_key: .*nothing.pem cannot be read: No such file"):
        signing.sign(signed, tmp_path / "nothing.pem")


def test_a_service_with_the_key_says_that_it_has_verified_the_model(
    start_service: StartService, signed: Path, keys: Keys
) -> None:
    with start_service(model=signed, model_public_key=keys.public) as client:
        description = client.get("/model").raise_for_status().json()
        assert client.get("/readyz").is_success
    assert description["signature_verified"]
    assert description["digests"]["model"] == subject(signed)


@pytest.mark.parametrize("role", ["model", "shadow"])
def test_a_service_is_not_ready_if_a_byte_of_a_model_has_changed(
    role: str, start_service: StartService, signed: Path, signed_once: Path, keys: Keys
) -> None:
    change_a_byte(signed)
    settings = {"model": signed_once, "model_public_key": keys.public, role: signed}
    with start_service(**settings) as client:
        assert client.get("/readyz").status_code == 503
        answer = client.post("/predict", json={"text": "late"})
    assert answer.status_code == 503
    assert "not those that were signed: classifier/golden.json" in answer.json()["detail"]


@pytest.mark.parametrize("named", ["model", "shadow", "packaged"])
def test_a_wrong_signature_is_found_before_the_start(named: str, signed: Path, signed_once: Path, keys: Keys) -> None:
    change_a_byte(signed)
    folders = {} if named == "packaged" else {named: signed}
    packaged = signed if named == "packaged" else signed_once
    with pytest.raises(ValueError, match=f"SERVICE_MODEL_PUBLIC_KEY: The model in {signed} is not served. These files"):
        preflight.check_signatures(Settings(model_public_key=keys.public, **folders), packaged)
    preflight.check_signatures(Settings(**folders), packaged)


def test_a_missing_public_key_is_found_before_the_start(signed: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SERVICE_MODEL_PUBLIC_KEY: .*No such file.*nothing.pem"):
        preflight.check_signatures(Settings(model_public_key=tmp_path / "nothing.pem"), signed)


def test_the_digest_of_the_code_changes_with_it_but_not_with_its_bytecode(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "a.py").write_text("A = 1\n", encoding="utf-8")
    before = digests.of_code(tmp_path)
    (tmp_path / "service" / "__pycache__").mkdir()
    (tmp_path / "service" / "__pycache__" / "a.pyc").write_bytes(os.urandom(8))
    assert digests.of_code(tmp_path) == before
    (tmp_path / "service" / "a.py").write_text("A = 2\n", encoding="utf-8")
    assert digests.of_code(tmp_path) != before
