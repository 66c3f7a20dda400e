"""How the judgements of several people become a label, and in which order people should look at answers."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from telemetry.counting import interval
from telemetry.events import Sentiment, Source

Answer = Literal["negative", "positive", "discarded", "skipped"]
Label = Literal["negative", "positive", "discarded"]
# Why an answer is in the queue, the strongest reason first.
Reason = Literal["reported", "disagreement", "uncertain"]
Group = tuple[Reason, Sentiment]
REASONS: tuple[Reason, ...] = ("reported", "disagreement", "uncertain")
SKIPPED: Literal["skipped"] = "skipped"
# People who must agree; if they do not, the next one decides.
AGREEING = 2
DECIDING = AGREEING + 1
RULE = "Two people agree, or a third decides."


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one person says about one tweet.

    Attributes:
        person: keyed hash of the person's name.
        answer: the true sentiment; `discarded` if nothing should be learned from the tweet, `skipped` to leave it to
            others.
        time: when the person first judged the tweet, in seconds since 1970.
    """

    person: str
    answer: Answer
    time: float


@dataclass(frozen=True)
class Found:
    """What people have found in a group of suspects.

    Attributes:
        errors: how many were wrong answers.
        looks: how many people have looked at.
    """

    errors: float = 0.0
    looks: float = 0.0

    @property
    def bound(self) -> float:
        """The highest share of errors that the looks leave possible, by the 95 % interval."""
        return interval(self.errors, self.looks)[1] if self.looks else 1.0

    def after_look(self, *, wrong: bool) -> "Found":
        """Return what is found after one more look."""
        return Found(self.errors + wrong, self.looks + 1)

    def after_expected_look(self) -> "Found":
        """Return what is found after a look whose result is not known yet; the group's mean, with one more error and
        one more correct answer, takes its place.
        """
        return Found(self.errors + (self.errors + 1) / (self.looks + 2), self.looks + 1)


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """An answer of the service that a person may have to correct.

    Attributes:
        id: id of its prediction.
        time: seconds since 1970.
        source: where the tweet was classified.
        model_version: version of the registered model.
        negative_probability: predicted probability of negative.
        sentiment: the answer.
        text: the tweet, as far as it is kept.
        reason: why it is in the queue.
        reports: how many people reported the answer as wrong.
        challenger_probability: probability of negative of a challenger that answered differently.
    """

    id: str
    time: float
    source: Source
    model_version: str
    negative_probability: float
    sentiment: Sentiment
    text: str
    reason: Reason
    reports: int = 0
    challenger_probability: float | None = None

    @property
    def group(self) -> Group:
        """The suspects like this one."""
        return self.reason, self.sentiment


def opinions(judgements: Iterable[Judgement]) -> list[Label]:
    """Return the answers in the order in which they were first given, without those of people who skipped."""
    ordered = sorted(judgements, key=lambda judgement: (judgement.time, judgement.person))
    return [answer for answer in (judgement.answer for judgement in ordered) if answer != SKIPPED]


def decide(judgements: Iterable[Judgement]) -> Label | None:
    """Return the label of a tweet: two people agree, or a third decides; None while it is open.

    If three people give three different answers, that of the third counts.
    """
    answers = opinions(judgements)[:DECIDING]
    for answer, votes in Counter(answers).items():
        if votes >= AGREEING:
            return answer
    return answers[-1] if len(answers) == DECIDING else None


def agreement(units: Iterable[Iterable[Judgement]]) -> tuple[int, int]:
    """Return how many tweets two people have judged, and on how many of these the first two agreed."""
    pairs = [answers[:2] for judgements in units if len(answers := opinions(judgements)) >= AGREEING]
    return len(pairs), sum(first == second for first, second in pairs)


def alpha(units: Iterable[Iterable[Judgement]]) -> float | None:
    """Return Krippendorff's alpha: agreement beyond chance, 1 if people always agree, 0 if as often as by chance.

    None if there are no tweets with two judgements, or if all judgements are the same.

    Source: Krippendorff, Content analysis, 2004, section 11.3 (nominal data).
    """
    coincidences: defaultdict[tuple[Label, Label], float] = defaultdict(float)
    for answers in map(opinions, units):
        for place, first in enumerate(answers):
            for second in answers[:place] + answers[place + 1 :]:
                coincidences[first, second] += 1 / (len(answers) - 1)
    totals: Counter[Label] = Counter()
    for (first, _), count in coincidences.items():
        totals[first] += count  # type: ignore[assignment]  # a float
    every = sum(totals.values())
    expected = every**2 - sum(total**2 for total in totals.values())
    if not expected:
        return None
    observed = sum(count for (first, second), count in coincidences.items() if first != second)
    return 1 - (every - 1) * observed / expected


def merged(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Return one suspect for each text: the one with the strongest reason, with the reports of all.

    Events of the same prediction may have different texts, as feedback may be stored raw: that of the first counts.
    """
    by_text, texts = dict[str, Suspect](), dict[str, str]()
    for suspect in suspects:
        text = texts.setdefault(suspect.id, normalized(suspect.text))
        other = by_text.setdefault(text, suspect)
        if other is suspect:
            continue
        first, second = sorted((other, suspect), key=lambda one: REASONS.index(one.reason))
        probability = first.challenger_probability
        if probability is None and first.sentiment == second.sentiment:
            probability = second.challenger_probability
        by_text[text] = replace(first, reports=first.reports + second.reports, challenger_probability=probability)
    return list(by_text.values())


def in_order(suspects: Iterable[Suspect], most: int, found: Mapping[Group, Found]) -> list[Suspect]:
    """Return the first suspects at which people should look.

    What a reason is worth depends on the tweets: on another subject than that of the training data, errors are where
    the model is sure. So people's own findings order the queue. Of the groups (reason and answer), the one whose share
    of errors may be highest comes first, by the upper bound of its interval; a group that nobody has looked at may be
    all errors. Within a group, answers reported more often come first, then those more likely to be wrong.
    `benchmarks/relabelling.py` measures what that is worth.

    Source: Lai and Robbins, Asymptotically efficient adaptive allocation rules, Advances in Applied Mathematics 6, 1985
    (upper bounds); Desautels, Krause and Burdick, Parallelizing exploration-exploitation tradeoffs in Gaussian process
    bandit optimization, JMLR 15, 2014 (several at a time: looks to come count as the group's mean).

    Args:
        suspects: the suspects.
        most: maximum number to return.
        found: the looks at each group so far.
    """
    queues: dict[Group, deque[Suspect]] = {}
    for suspect in sorted(suspects, key=lambda one: (-one.reports, -chance_of_error(one), one.id)):
        queues.setdefault(suspect.group, deque()).append(suspect)
    looks = {group: found.get(group, Found()) for group in queues}
    chosen = list[Suspect]()
    while queues and len(chosen) < most:
        group = min(queues, key=lambda group: (-looks[group].bound, REASONS.index(group[0]), group[1]))
        chosen.append(queues[group].popleft())
        looks[group] = looks[group].after_expected_look()
        if not queues[group]:
            del queues[group]
    return chosen


def chance_of_error(suspect: Suspect) -> float:
    """Return the probability that an answer is wrong, by the model and by the challenger that contradicts it, if any.

    The threshold minimises costs and is not 0.5, so that it is not the distance from the threshold that counts.
    """
    probabilities: Sequence[float] = [
        probability
        for probability in (suspect.negative_probability, suspect.challenger_probability)
        if probability is not None
    ]
    negative = sum(probabilities) / len(probabilities)
    return 1 - negative if suspect.sentiment == "negative" else negative


def normalized(text: str) -> str:
    """Return a text without differences in case and spaces."""
    return " ".join(text.casefold().split())
