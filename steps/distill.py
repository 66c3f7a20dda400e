"""Let a trained model label texts that nobody has labelled, for a smaller one to learn from.

In: a corpus and the model that teaches. Out: `corpus/`, whose train split holds those texts too, and a column `target`:
the probability that the student is to answer. Of a tweet with a label it lies between the label and what the teacher
says. Validation and test stay as they are.

Source: Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015; Tang et al., Distilling
task-specific knowledge from BERT into simple neural networks, 2019, for the texts without labels.
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
from sentiment.data import extra_texts, folders, keys, splitting
from sentiment.data.corpus import read_tokenizer, tokenize
from sentiment.data.extra_texts import ExtraTextsError
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.text import Tokenizer

log = logging.getLogger(__name__)

CHUNK = 1_000


def check(settings: DictConfig) -> None:
    """Refuse settings of the section `distill` that would stop the step only after work is done.

    Raises:
        ExtraTextsError: no texts are given, or numbers that mean nothing.
    """
    if settings.extra_texts is None:
        raise ExtraTextsError(
            "Distillation needs texts to label: distill.extra_texts=tweets.csv (or .parquet, or .txt)."
        )
    if settings.max_texts < 1 or not 0 <= settings.label_weight <= 1:
        raise ExtraTextsError(
            f"distill.max_texts={settings.max_texts} and distill.label_weight={settings.label_weight}: give 1 or more, "
            "and a weight from 0 to 1."
        )


def unlabelled(frames: dict[str, pd.DataFrame], cfg: DictConfig) -> list[str]:
    """Return texts of the file that stand in no split, each once, no more than `distill.max_texts` of them.

    Raises:
        ExtraTextsError: all of them stand in a split.
    """
    settings = cfg.distill
    read = extra_texts.read(settings.extra_texts, settings.extra_column, "distill")
    given = {keys.text_key(text): text for text in read}
    known = {keys.text_key(text) for frame in frames.values() for text in frame["text"]}
    found = [text for key, text in given.items() if key not in known]
    log.info("%d extra texts, %d of them different and in no split.", len(read), len(found))
    if not found:
        raise ExtraTextsError(f"{settings.extra_texts} (distill.extra_texts): every text stands in a split already.")
    if len(found) <= settings.max_texts:
        return found
    drawn = np.random.default_rng(cfg.seed).choice(len(found), settings.max_texts, replace=False)
    return [found[index] for index in np.sort(drawn)]


def ask(teacher: Classifier, texts: list[str]) -> Probabilities:
    """Return what the teacher says of each text, shape (n,), with a progress bar."""
    with tqdm(total=len(texts), desc="teacher", unit=" tweets", unit_scale=True) as bar:
        answers = []
        for start in range(0, len(texts), CHUNK):
            answers.append(teacher.negative_probability(texts[start : start + CHUNK]))
            bar.update(len(answers[-1]))
    return np.concatenate(answers)


def teach(
    teacher: Classifier, train: pd.DataFrame, texts: list[str], tokenizer: Tokenizer, *, label_weight: float
) -> pd.DataFrame:
    """Return the train split with the `target` of each row, and after it a row for each unlabelled text.

    The label of an unlabelled text is what its target is nearer to.
    """
    of_train, answers = np.split(ask(teacher, [*train["text"], *texts]), [len(train)])
    target = label_weight * train["negative"] + (1 - label_weight) * of_train
    taught = pd.DataFrame({"text": texts, "negative": (answers >= 0.5).astype(np.int8), "target": answers})
    taught["group"] = [f"taught-{number}" for number in range(len(texts))]
    taught["tokens"] = tokenize(texts, tokenizer)
    return pd.concat([train.assign(target=target), taught], ignore_index=True)


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the corpus."""
    check(cfg.distill)
    with runs.start("distill", cfg) as scratch:
        source = artifacts.fetch(cfg.inputs.corpus, "corpus", scratch)
        frames = folders.read_splits(source)
        description = artifacts.describe_data(source)
        candidates.require_same_splits(pd.DataFrame([candidates.read(cfg.inputs.teacher)]), description)
        texts = unlabelled(frames, cfg)
        teacher = Classifier.load(candidates.fetch_served(cfg.inputs.teacher, scratch / "teacher"))
        frames["train"] = teach(
            teacher, frames["train"], texts, read_tokenizer(source), label_weight=cfg.distill.label_weight
        )

        corpus = scratch / "corpus"
        shutil.copytree(source, corpus)
        folders.write_splits(corpus, {"train": frames["train"]})
        description["digests"]["train"] = splitting.digest({"train": frames["train"]})
        description["digest"] = splitting.digest(frames)
        counts = {"rows": len(frames["train"]), "negative": int(frames["train"]["negative"].sum())}
        description["splits"]["train"] = counts
        description["taught"] = {"texts": len(texts), "teacher": cfg.inputs.teacher}
        (corpus / folders.DESCRIPTIONS["splits"]).write_text(
            yaml.safe_dump(description, sort_keys=False), encoding="utf-8"
        )
        share = frames["train"]["negative"].tail(len(texts)).mean()
        mlflow.log_metrics({"taught_texts": len(texts), "taught_negative_share": share})
        return artifacts.log_folder(corpus, "corpus")


if __name__ == "__main__":
    main()
