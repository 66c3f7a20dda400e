"""Label texts with a trained model (the teacher), for a smaller model (the student) to learn from.

In: a corpus and the teacher. Out: `corpus/`, whose training split also contains unlabelled texts, and a column
`target`: the probability that the student learns to predict. For a labelled tweet it is a weighted mean of the label
and the teacher's probability. Validation and test are unchanged.

Source: Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015; Tang et al., Distilling
task-specific knowledge from BERT into simple neural networks, 2019, for unlabelled texts.
"""

import logging
import shutil

import mlflow
import numpy as np
import pandas as pd
import yaml
from omegaconf import DictConfig
from tqdm import tqdm

from pipeline import artifacts, candidates, door, runs
from sentiment.data import extra_texts, folders, keys
from sentiment.data.corpus import read_tokenizer, tokenize
from sentiment.data.extra_texts import ExtraTextsError
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.text import Tokenizer

log = logging.getLogger(__name__)

CHUNK = 1_000


def check(settings: DictConfig) -> None:
    """Validate the section `distill` before any work is done.

    Raises:
        ExtraTextsError: the teacher would have nothing to label, or a number is out of range.
    """
    if settings.extra_texts is None and settings.label_weight == 1:
        raise ExtraTextsError(
            "The teacher has nothing to label: set distill.extra_texts=tweets.csv (or .parquet, or .txt), or "
            "distill.label_weight below 1."
        )
    if settings.max_texts < 1 or not 0 <= settings.label_weight <= 1:
        raise ExtraTextsError(
            f"distill.max_texts={settings.max_texts}, distill.label_weight={settings.label_weight}: max_texts must be "
            "at least 1, label_weight between 0 and 1."
        )


def unlabelled_texts(frames: dict[str, pd.DataFrame], cfg: DictConfig) -> list[str]:
    """Return the distinct texts of the file that occur in no split; a random sample of `distill.max_texts`, if more.

    Without a file, returns none.

    Raises:
        ExtraTextsError: every text occurs in a split.
    """
    settings = cfg.distill
    if settings.extra_texts is None:
        return []
    texts = extra_texts.read(settings.extra_texts, settings.extra_column, "distill")
    distinct = {keys.text_key(text): text for text in texts}
    in_splits = {keys.text_key(text) for frame in frames.values() for text in frame["text"]}
    unseen = [text for key, text in distinct.items() if key not in in_splits]
    log.info("Read %d extra texts; %d are distinct and occur in no split.", len(texts), len(unseen))
    if not unseen:
        raise ExtraTextsError(
            f"{settings.extra_texts} (distill.extra_texts): every text already occurs in a split. Provide other texts."
        )
    if len(unseen) <= settings.max_texts:
        return unseen
    sampled = np.random.default_rng(cfg.seed).choice(len(unseen), settings.max_texts, replace=False)
    return [unseen[index] for index in np.sort(sampled)]


def predict_with_progress(teacher: Classifier, texts: list[str]) -> Probabilities:
    """Return the teacher's probabilities, shape (n,); show a progress bar."""
    with tqdm(total=len(texts), desc="teacher", unit=" tweets", unit_scale=True) as bar:
        probabilities = []
        for start in range(0, len(texts), CHUNK):
            probabilities.append(teacher.negative_probability(texts[start : start + CHUNK]))
            bar.update(len(probabilities[-1]))
    return np.concatenate(probabilities)


def pseudo_label(
    teacher: Classifier,
    train: pd.DataFrame,
    texts: list[str],
    tokenizer: Tokenizer,
    *,
    label_weight: float,
    source: str,
) -> pd.DataFrame:
    """Return the training split with a column `target`, followed by one row per pseudo-labelled text.

    A pseudo-labelled text is `negative` if its target is at least 0.5. It counts as a row of the `source`.
    """
    on_train, on_texts = np.split(predict_with_progress(teacher, [*train["text"], *texts]), [len(train)])
    labelled = train.assign(
        target=label_weight * train.get("target", train["negative"]) + (1 - label_weight) * on_train
    )
    if not texts:
        return labelled
    pseudo_labelled = pd.DataFrame({"text": texts, "negative": (on_texts >= 0.5).astype(np.int8), "target": on_texts})
    pseudo_labelled["group"] = [f"taught-{number}" for number in range(len(texts))]
    if "source" in train:
        pseudo_labelled["source"] = source
    pseudo_labelled["tokens"] = tokenize(texts, tokenizer)
    return pd.concat([labelled, pseudo_labelled], ignore_index=True)


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the corpus."""
    check(cfg.distill)
    with runs.start("distill", cfg) as scratch:
        source = artifacts.fetch(cfg.inputs.corpus, "corpus", scratch)
        frames = folders.read_splits(source)
        description = artifacts.describe_data(source)
        candidates.require_same_splits(pd.DataFrame([candidates.read(cfg.inputs.teacher)]), description)
        texts = unlabelled_texts(frames, cfg)
        teacher = Classifier.load(candidates.fetch_served(cfg.inputs.teacher, scratch / "teacher"))
        frames["train"] = pseudo_label(
            teacher,
            frames["train"],
            texts,
            read_tokenizer(source),
            label_weight=cfg.distill.label_weight,
            source=description["data"],
        )

        corpus = scratch / "corpus"
        shutil.copytree(source, corpus)
        folders.write_splits(corpus, {"train": frames["train"]})
        description["digests"]["train"] = keys.digest({"train": frames["train"]})
        description["digest"] = keys.digest(frames)
        counts = {"rows": len(frames["train"]), "negative": int(frames["train"]["negative"].sum())}
        description["splits"]["train"] = counts
        description["taught"] = {"texts": len(texts), "teacher": cfg.inputs.teacher}
        (corpus / folders.DESCRIPTIONS["splits"]).write_text(
            yaml.safe_dump(description, sort_keys=False), encoding="utf-8"
        )
        mlflow.log_metric("taught_texts", len(texts))
        if texts:
            mlflow.log_metric("taught_negative_share", frames["train"]["negative"].tail(len(texts)).mean())
        return artifacts.log_folder(corpus, "corpus")


if __name__ == "__main__":
    main()
