"""Checkpoints of a few thousand random weights, in the form of the real ones."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    set_seed,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [
    "late",
    "rude",
    "again",
    "thank",
    "you",
    "lovely",
    "crew",
    "seat",
    "and",
    "so",
    "the",
    "http",
    "@",
    "user",
    "s",
]
LETTERS = [f"{hashes}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for hashes in ("", "##")]
MAX_TOKENS = 32


def save_checkpoint(folder: Path, kind: str = "bert", *, ends: bool = True) -> Path:
    """Save a small encoder and a WordPiece tokenizer; without `ends` an empty text has no token."""
    vocabulary = list(dict.fromkeys([*SPECIAL, *WORDS, *LETTERS]))
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if ends:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=MAX_TOKENS,
    ).save_pretrained(folder)
    set_seed(0)
    encoder(kind, len(vocabulary)).save_pretrained(folder)
    return folder


def encoder(kind: str, words: int) -> PreTrainedModel:
    """Return an encoder with random weights, wider spread than usual so that they tell texts apart."""
    shape: dict[str, Any] = {"vocab_size": words, "pad_token_id": 0, "initializer_range": 0.2}
    if kind == "distilbert":
        small = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2, "max_position_embeddings": MAX_TOKENS}
        return DistilBertModel(DistilBertConfig(**shape, **small))
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "roberta":  # its positions start after the padding's own number
        return RobertaModel(RobertaConfig(**shape, **small, max_position_embeddings=MAX_TOKENS + 2))
    return BertModel(BertConfig(**shape, **small, max_position_embeddings=MAX_TOKENS))
