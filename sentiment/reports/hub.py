"""The model card for machines: the metadata with which the Hugging Face hub begins a card (`model-index`).

Source: https://huggingface.co/docs/hub/model-cards#model-card-metadata
"""

from collections.abc import Iterator, Mapping

from huggingface_hub import EvalResult, ModelCardData

from sentiment.reports.model_card import LICENCE, METRICS, Card

TASK = "text-classification"


def with_metadata(card: Card, markdown: str) -> str:
    """Return a card as a file `README.md` of the hub: its metadata in YAML, and its text.

    Args:
        card: the content of the card.
        markdown: its text, `sentiment.reports.model_card.markdown`.
    """
    data = ModelCardData(
        model_name=card.name,
        language=list(card.languages),
        license=LICENCE.lower(),
        pipeline_tag=TASK,
        tags=["sentiment", "tweets", card.family],
        metrics=list(METRICS),
        eval_results=list(results(card)),
    )
    return f"---\n{data.to_yaml()}\n---\n\n{markdown}"


def results(card: Card) -> Iterator[EvalResult]:
    """Yield each metric on the test split, and on each target."""
    scores = {name: card.test[name].estimate for name in METRICS}
    yield from measured(card.data["data"], "test", card.data["digest"], scores)
    for name, on_target in card.targets.items():
        yield from measured(name, "target", card.data["targets"][name]["digest"], on_target)


def measured(data: str, split: str, digest: str, scores: Mapping[str, float]) -> Iterator[EvalResult]:
    """Yield metrics on a split of a data set, whose content has a digest."""
    for name, value in scores.items():
        yield EvalResult(
            task_type=TASK,
            task_name="Negative tweets",
            dataset_type=data,
            dataset_name=data,
            dataset_split=split,
            dataset_revision=digest,
            metric_type=name,
            metric_name=METRICS[name][0],
            metric_value=float(value),
        )
