"""The members of a model that combines several: a blend or a cascade."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from pipeline import artifacts, candidates, stored_predictions
from pipeline.candidates import CandidateError
from pipeline.digests import digest
from sentiment.inference import classifier


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of a step that combines models.

    Attributes:
        frames: the splits `train` and `validation`.
        targets: the targets of the splits.
        members: the models, `read`.
    """

    frames: Mapping[str, pd.DataFrame]
    targets: Mapping[str, pd.DataFrame]
    members: pd.DataFrame


def fetch(cfg: DictConfig, scratch: Path) -> Inputs:
    """Fetch the splits and read the members that a step combines (section `inputs`); log the data.

    Raises:
        CandidateError: there are fewer than two models, or one has other splits.
    """
    splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
    frames, description = artifacts.read_splits(splits), artifacts.describe_data(splits)
    members = read(cfg.inputs.candidates)
    candidates.require_same_splits(members, description)
    artifacts.log_data(frames, describe(description, members))
    return Inputs(frames=frames, targets=artifacts.read_targets(splits), members=members)


def copy_served(members: pd.DataFrame, validation: pd.DataFrame, served: Path, scratch: Path) -> pd.DataFrame:
    """Copy the served form of each member to a new folder, each into a folder of its name.

    Returns:
        Their calibrated probabilities on the validation split: a row for each tweet, a column for each member.
    """
    served.mkdir()
    probabilities = {}
    for name, uri in zip(members["member"], members["uri"], strict=True):
        shutil.copytree(candidates.fetch_served(uri, scratch / name), served / name)
        score = stored_predictions.read(uri, validation, None).score
        probabilities[name] = classifier.read_calibration(served / name)(score)
    return pd.DataFrame(probabilities)


def read(uris: Sequence[str]) -> pd.DataFrame:
    """Return one row per model: `candidates.read`, and a unique name `member` (its family, plus an id if needed).

    Raises:
        CandidateError: there are fewer than two models.
    """
    members = pd.DataFrame([candidates.read(uri) for uri in dict.fromkeys(uris)])
    if len(members) < 2:
        raise CandidateError("This step needs at least two models (inputs.candidates), each runs:/<run id>/model.")
    same_family = members["family"].duplicated(keep=False)
    ids = "_" + members["uri"].map(artifacts.run_id).str[:4]
    return members.assign(member=members["family"] + ids.where(same_family, ""))


def describe(description: dict[str, Any], members: pd.DataFrame) -> dict[str, Any]:
    """Add the training split of each member to the description of the data, if any differs from that of the splits."""
    data = {name: candidates.read_data(uri) for name, uri in zip(members["member"], members["uri"], strict=True)}
    if {member_data["digest"] for member_data in data.values()} == {description["digest"]}:
        return description
    train_splits = {
        name: {"digest": member_data["digest"], **member_data["splits"]["train"]} for name, member_data in data.items()
    }
    return description | {"members": train_splits, "digest": digest(train_splits)}
