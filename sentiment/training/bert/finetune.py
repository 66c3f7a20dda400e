"""Fine-tuning: the whole network is trained.

The loop is our own: Transformers' Trainer would take as many lines of settings, one more dependency (accelerate), and a
folder of checkpoints on disk.
"""

import copy
import logging
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm
from transformers import get_scheduler

from sentiment.inference.errors import UserError
from sentiment.training.bert import network
from sentiment.training.bert.network import SentenceClassifier, Training, Tweets

log = logging.getLogger(__name__)


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
    epochs: int,
    class_weight: Literal["balanced"] | None,
    seed: int,
    stage: int,
    stages: int,
) -> Training:
    """Train the network, and keep the weights of its best epoch: the one with the highest validation AUC.

    Confidence does not matter, because probabilities are calibrated afterwards. Selecting by log loss would keep an
    earlier epoch, with a worse ranking and, once calibrated, no better probabilities.

    On a CPU, the same seed gives the same weights. If the GPU or the CPU has bfloat16 instructions, matrix products use
    bfloat16; the weights stay in 32 bits.

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
        epochs: the number of epochs.
        class_weight: `balanced` gives both classes the same total weight in the loss; None gives each tweet the same.
        seed: the seed of the order of tweets and of dropout.
        stage: the number of the stage of the training, from 1: each goes on with the weights of the one before.
        stages: the number of stages.

    Raises:
        TrainingError: the loss became NaN.
    """
    train, validation = tweets["train"], tweets["validation"]
    weights = compute_class_weight(class_weight, classes=np.array([0, 1]), y=train.negative)[train.negative]
    weights = weights * train.weight
    batches = epochs * math.ceil(len(train.tokens) / batch_size)
    model.dropout.p = dropout
    optimizer = torch.optim.AdamW(parameter_groups(model, weight_decay), lr=learning_rate, fused=True)
    schedule = get_scheduler(lr_scheduler_type, optimizer, round(warmup_ratio * batches), batches)
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    history: list[dict[str, float]] = []
    best: dict[str, Any] = {}
    size, device = len(train.tokens), model.head.weight.device
    log.info("Fine-tuning, stage %d of %d: %d tweets, %d epochs on %s", stage, stages, size, epochs, device)
    total = epochs * (len(train.tokens) + len(validation.tokens))
    with network.progress(total, "fine-tuning") as bar, logging_redirect_tqdm():
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            logits, losses = np.empty(len(train.tokens)), np.empty(len(train.tokens))
            model.train()
            for rows in network.batches(train.tokens, batch_size, rng):
                logits[rows], losses[rows] = step(model, train, rows, weights[rows], optimizer, max_grad_norm)
                schedule.step()
                bar.update(len(rows))
                bar.set_postfix(epoch=epoch, loss=f"{losses[rows].mean():.3f}", refresh=False)
            if not np.isfinite(losses).all():
                raise TrainingError(
                    f"The loss became NaN in epoch {epoch}. Lower train_bert.fit.learning_rate={learning_rate}."
                )
            metrics = {
                "loss": losses.mean(),
                "auc": roc_auc_score(train.negative, logits),
                **validate(model, validation, bar),
            }
            if not history or metrics["val_auc"] > max(past["val_auc"] for past in history):
                best = copy.deepcopy(model.state_dict())
            history.append({"epoch": epoch, **metrics, "seconds": time.perf_counter() - started})
            log.info("epoch %d of %d: %s", epoch, epochs, ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
    model.load_state_dict(best)
    return Training(tables={"history": pd.DataFrame(history)})


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
        "val_loss": log_loss(validation.negative, np.nan_to_num(probability, nan=0.5), labels=[0, 1]),
        "val_auc": roc_auc_score(validation.negative, np.nan_to_num(probability, nan=0.5)),
    }


def parameter_groups(model: nn.Module, weight_decay: float) -> Iterator[dict[str, Any]]:
    """Yield two parameter groups: matrices, with weight decay, and biases and norms, without.

    Source: Devlin et al., BERT, 2019, appendix A.2, and their code.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    yield {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay}
    yield {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}
