"""Convert BERTweet's tokenizer, which exists in Transformers as Python code only, for the library `tokenizers`.

It is a byte pair encoding in two fastBPE files. `bpe.codes` contains the merges, and marks the last piece of a word:
`la`, `te</w>`. `vocab.txt` contains the encoder's tokens, and marks all pieces except the last: `la@@`, `te`.

Source: Nguyen, Vu and Nguyen, BERTweet: a pre-trained language model for English tweets, EMNLP 2020, demonstrations.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import RobertaProcessing
from torch import nn
from transformers import BertweetTokenizer, PreTrainedModel, PreTrainedTokenizerFast

LAST = "</w>"
NOT_LAST = "@@"


def convert(tokenizer: BertweetTokenizer, encoder: PreTrainedModel) -> PreTrainedTokenizerFast:
    """Return the converted tokenizer, and resize the encoder's word embeddings to its tokens.

    Some merges result in a piece missing from `vocab.txt`, because it was rare or only a step towards longer pieces.
    BertweetTokenizer reads it as `<unk>`, but for `tokenizers` each piece must be a token. The new tokens follow those
    of `vocab.txt`, whose numbers do not change, and start with the embedding of `<unk>`: the encoder reads every text
    as before.

    Texts must come from a `Cleaner`, which replaces BertweetTokenizer's own normalization. They must be on one line,
    since BertweetTokenizer treats a line break as a letter.

    Raises:
        ValueError: `bpe.codes` is damaged, or the encoder has fewer tokens than `vocab.txt`.
    """
    merges = list(read_merges(tokenizer))
    numbers = original_numbers(tokenizer, merges)
    embed(encoder, list(numbers.values()))
    vocabulary = {token: number for number, token in enumerate(numbers)}
    backend = Tokenizer(BPE(vocabulary, merges, unk_token=tokenizer.unk_token, end_of_word_suffix=LAST))
    backend.pre_tokenizer = WhitespaceSplit()
    backend.post_processor = RobertaProcessing(
        (tokenizer.sep_token, vocabulary[tokenizer.sep_token]), (tokenizer.cls_token, vocabulary[tokenizer.cls_token])
    )
    special: dict[str, Any] = tokenizer.special_tokens_map
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)  # type: ignore[no-untyped-call]


def read_merges(tokenizer: BertweetTokenizer) -> Iterator[tuple[str, str]]:
    """Yield the two pieces of each merge, in merge order.

    Raises:
        ValueError: a line of `bpe.codes` is not a merge.
    """
    ranks: dict[Any, int] = tokenizer.bpe_ranks  # the keys are tuples, unlike Transformers' own type hint
    for pieces in sorted(ranks, key=ranks.__getitem__):
        if len(pieces) != 2:
            raise ValueError(
                f"line {ranks[pieces] + 1} of bpe.codes is not two pieces and their count. Use the file of the "
                "original checkpoint: BertweetTokenizer.save_pretrained writes it without the counts."
            )
        left, right = pieces
        yield left, right


def original_numbers(tokenizer: BertweetTokenizer, merges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return BertweetTokenizer's number of each token of the new vocabulary, in the order of the new numbers."""
    old_numbers: dict[str, int] = tokenizer.get_vocab()  # type: ignore[no-untyped-call]
    special = tokenizer.all_special_tokens
    numbers = {
        token if token in special else in_codes(token): old_numbers[token]
        for token in sorted(old_numbers, key=old_numbers.__getitem__)
    }
    for left, right in merges:
        for piece in (left, right, left + right):
            numbers.setdefault(piece, old_numbers.get(in_vocabulary(piece), tokenizer.unk_token_id))
    return numbers


def embed(encoder: PreTrainedModel, rows: list[int]) -> None:
    """Replace the word embeddings of an encoder by the given rows of them.

    Raises:
        ValueError: the encoder has fewer rows.
    """
    embeddings = encoder.get_input_embeddings()
    assert isinstance(embeddings, nn.Embedding)  # true of every BERT
    if max(rows) >= embeddings.num_embeddings:
        raise ValueError(
            f"vocab.txt and the special tokens contain {max(rows) + 1} tokens, but the encoder has only "
            f"{embeddings.num_embeddings}. Use files from the same checkpoint."
        )
    weights = embeddings.weight.detach()[rows]
    encoder.set_input_embeddings(
        nn.Embedding.from_pretrained(weights, freeze=False, padding_idx=embeddings.padding_idx)  # type: ignore[no-untyped-call]
    )
    encoder.config.vocab_size = len(rows)


def in_codes(token: str) -> str:
    """Convert a token from the spelling of `vocab.txt` to that of `bpe.codes`."""
    return token.removesuffix(NOT_LAST) if token.endswith(NOT_LAST) else token + LAST


def in_vocabulary(piece: str) -> str:
    """Convert a piece from the spelling of `bpe.codes` to that of `vocab.txt`."""
    return piece.removesuffix(LAST) if piece.endswith(LAST) else piece + NOT_LAST
