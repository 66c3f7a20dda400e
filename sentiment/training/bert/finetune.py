"""Fine-tuning: the whole network is trained.

The loop is our own: Transformers' Trainer would take as many lines of settings, one more dependency (accelerate), and a
folder of checkpoints on disk.
"""

import copy
import json
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm
from transformers import get_scheduler

from sentiment.inference.errors import SettingsError, UserError
from sentiment.training.bert import network
from sentiment.training.bert.network import SentenceClassifier, Training, Tweets
from sentiment.training.bert.saved_progress import SavedProgress

log = logging.getLogger(__name__)

# The parts of the state of a training that PyTorch saves.
STATEFUL = ("model", "optimizer", "schedule")


class TrainingError(UserError):
    """A training that failed because of its settings."""


def fit(
    model: SentenceClassifier,
    tweets: Mapping[str, Tweets],
    *,
    learning_rate: float,
    lr_scheduler_type: Literal["linear", "cosine"],
    warmup_ratio: float,
    weight_decay: float,
    max_grad_norm: float,
    dropout: float,
    batch_size: int,
    epochs: int | Sequence[int],
    class_weight: Literal["balanced"] | None,
    seed: int,
    stage: int,
    stages: int,
    progress: SavedProgress,
) -> Training:
    """Train the network, and keep the weights of its best epoch: the one with the highest validation AUC.

    Confidence does not matter, because probabilities are calibrated afterwards. Selecting by log loss would keep an
    earlier epoch, with a worse ranking and, once calibrated, no better probabilities.

    On a CPU, the same seed gives the same weights, also after an interruption. If the GPU or the CPU has bfloat16
    instructions, matrix products use bfloat16; the weights stay in 32 bits.

    Source of mixed precision: Kalamkar et al., A Study of BFLOAT16 for Deep Learning Training, 2019.

    Args:
        model: the network; its weights are changed.
        tweets: `train` and `validation`.
        learning_rate: the peak learning rate of AdamW.
        lr_scheduler_type: how the learning rate falls to zero after the warm-up.
        warmup_ratio: the share of all batches in which it rises.
        weight_decay: the weight decay of AdamW, for matrices only.
        max_grad_norm: the norm to which longer gradients are clipped.
        dropout: the dropout rate before the linear layer; the encoder has its own.
        batch_size: tweets per batch.
        epochs: the number of epochs, or one number for each stage.
        class_weight: `balanced` gives both classes the same total weight in the loss; None gives each tweet the same.
        seed: the seed of the order of tweets and of dropout.
        stage: the number of the stage of the training, from 1: each goes on with the weights of the one before.
        stages: the number of stages.
        progress: where the state is saved from time to time, and read if the training was interrupted.

    Raises:
        SavedProgressError: the saved state is damaged.
        SettingsError: the number of epochs is not positive, or the list does not have one for each stage.
        TrainingError: the loss became NaN.
    """
    epochs = epochs_of_stage(epochs, stage, stages)
    train, validation = tweets["train"], tweets["validation"]
    weights = compute_class_weight(class_weight, classes=np.array([0, 1]), y=train.negative)[train.negative]
    weights = weights * train.weight
    batches = epochs * math.ceil(len(train.tokens) / batch_size)
    model.dropout.p = dropout
    optimizer = torch.optim.AdamW(parameter_groups(model, weight_decay), lr=learning_rate, fused=True)
    schedule = get_scheduler(lr_scheduler_type, optimizer, round(warmup_ratio * batches), batches)
    torch.manual_seed(seed)
    state = State(model=model, optimizer=optimizer, schedule=schedule, rng=np.random.default_rng(seed))
    size, device = len(train.tokens), model.head.weight.device
    log.info("Fine-tuning, stage %d of %d: %d tweets, %d epochs on %s", stage, stages, size, epochs, device)
    if (saved := progress.read()) is not None:
        state.restore(saved)
        log.info("Resuming in epoch %d, after %d batches (%s)", state.epoch, state.batch, progress.file)
    total = epochs * (len(train.tokens) + len(validation.tokens))
    with network.progress(total, "fine-tuning") as bar, logging_redirect_tqdm():
        bar.update((state.epoch - 1) * (len(train.tokens) + len(validation.tokens)))
        while state.epoch <= epochs:
            order = network.batches(train.tokens, batch_size, state.begin_epoch(len(train.tokens)))
            bar.update(sum(map(len, order[: state.batch])))
            started = time.perf_counter() - state.seconds
            model.train()
            for rows in order[state.batch :]:
                state.logits[rows], state.losses[rows] = step(
                    model, train, rows, weights[rows], optimizer, max_grad_norm
                )
                schedule.step()
                state.batch += 1
                bar.update(len(rows))
                bar.set_postfix(epoch=state.epoch, loss=f"{state.losses[rows].mean():.3f}", refresh=False)
                if progress.due:
                    state.seconds = time.perf_counter() - started
                    progress.write(state.content())
            if not np.isfinite(state.losses).all():
                raise TrainingError(
                    f"The loss became NaN in epoch {state.epoch}. Lower train_bert.fit.learning_rate={learning_rate}."
                )
            metrics = {
                "loss": float(state.losses.mean()),
                "auc": float(roc_auc_score(train.negative, state.logits)),
                **validate(model, validation, bar),
            }
            log.info("epoch %d of %d: %s", state.epoch, epochs, ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
            state.end_epoch({"epoch": state.epoch, **metrics, "seconds": time.perf_counter() - started})
    model.load_state_dict(state.best)
    return Training(tables={"history": pd.DataFrame(state.history)})


@dataclass(kw_only=True)
class State:
    """The state of a training between two batches.

    Attributes:
        model: the network.
        optimizer: the optimizer.
        schedule: its learning rate schedule.
        rng: the generator of the order of tweets.
        epoch: the number of the epoch, from 1.
        batch: the number of batches of the epoch that are done.
        seconds: the time spent on the epoch before an interruption.
        logits: logits of the tweets of these batches, shape (n,).
        losses: their losses, shape (n,).
        history: the metrics of finished epochs.
        best: the weights of the best of them.
    """

    model: SentenceClassifier
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    rng: np.random.Generator
    epoch: int = 1
    batch: int = 0
    seconds: float = 0.0
    logits: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)

    def begin_epoch(self, tweets: int) -> np.random.Generator:
        """Return the generator of the order of an epoch's tweets, as it was at the epoch's start."""
        if self.batch == 0:
            self.order = dict(self.rng.bit_generator.state)
            self.logits, self.losses = np.zeros(tweets), np.zeros(tweets)
        self.rng.bit_generator.state = self.order
        return self.rng

    def end_epoch(self, metrics: dict[str, float]) -> None:
        """Record an epoch's metrics, and its weights if they are the best so far."""
        if not self.history or metrics["val_auc"] > max(past["val_auc"] for past in self.history):
            self.best = copy.deepcopy(self.model.state_dict())
        self.history.append(metrics)
        self.epoch, self.batch, self.seconds = self.epoch + 1, 0, 0.0

    def content(self) -> dict[str, Any]:
        """Return the state as tensors, numbers and text."""
        return {
            **{name: getattr(self, name).state_dict() for name in STATEFUL},
            **{name: getattr(self, name) for name in ("epoch", "batch", "seconds", "history", "best")},
            **{name: torch.from_numpy(getattr(self, name)) for name in ("logits", "losses")},
            "order": json.dumps(self.order),
            "random": torch.get_rng_state(),
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Take the state that `content` has returned."""
        for name in STATEFUL:
            getattr(self, name).load_state_dict(content[name])
        self.epoch, self.batch, self.seconds = (content[name] for name in ("epoch", "batch", "seconds"))
        self.history, self.best = content["history"], content["best"]
        self.logits, self.losses = (content[name].numpy() for name in ("logits", "losses"))
        self.order = json.loads(content["order"])
        torch.set_rng_state(content["random"])


def epochs_of_stage(epochs: int | Sequence[int], stage: int, stages: int) -> int:
    """Return the number of epochs of a stage, numbered from 1.

    Raises:
        SettingsError: the number is not positive, or the list does not have one for each stage.
    """
    each = [epochs] * stages if isinstance(epochs, int) else list(epochs)
    if len(each) != stages or not all(type(number) is int and number > 0 for number in each):
        raise SettingsError(
            f"train_bert.fit.epochs={epochs}: set a positive number, or a list of one for each stage of "
            f"training.stages ({stages})."
        )
    return each[stage - 1]


def step(
    model: SentenceClassifier,
    train: Tweets,
    rows: Any,
    weights: Any,
    optimizer: torch.optim.Optimizer,
    max_grad_norm: float,
) -> tuple[Any, Any]:
    """Train on one batch; return the logit and the weighted loss of each of its tweets, shape (rows,)."""
    ids, mask = model.pad([train.tokens[row] for row in rows])
    with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=network.has_bfloat16(ids.device)):
        logits = model(ids, mask).float()
    target = torch.as_tensor(train.target[rows], dtype=torch.float32, device=ids.device)
    weight = torch.as_tensor(weights, dtype=torch.float32, device=ids.device)
    losses = binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="none")
    optimizer.zero_grad()
    losses.mean().backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
    optimizer.step()
    return logits.detach().cpu().numpy(), losses.detach().cpu().numpy()


def validate(model: SentenceClassifier, validation: Tweets, bar: tqdm) -> dict[str, float]:
    """Return the log loss and the AUC on validation."""
    probability = network.negative_probability(model, validation.tokens, bar)
    return {
        "val_loss": float(log_loss(validation.negative, np.nan_to_num(probability, nan=0.5), labels=[0, 1])),
        "val_auc": float(roc_auc_score(validation.negative, np.nan_to_num(probability, nan=0.5))),
    }


def parameter_groups(model: nn.Module, weight_decay: float) -> Iterator[dict[str, Any]]:
    """Yield two parameter groups: matrices, with weight decay, and biases and norms, without.

    Source: Devlin et al., BERT, 2019, appendix A.2, and their code.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    yield {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay}
    yield {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}
