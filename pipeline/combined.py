"""The members of a model that combines several: a blend or a cascade."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline import artifacts, candidates, reuse
from pipeline.candidates import CandidateError


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
    return description | {"members": train_splits, "digest": reuse.digest(train_splits)}
