"""`sentiment.training.bert.bertweet`: texts get the same tokens as when BERTweet was trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from transformers import BertweetTokenizer, PreTrainedTokenizerFast, RobertaModel

from sentiment.inference.text import Cleaner
from sentiment.training.bert import bertweet, checkpoints, export, network
from sentiment.training.bert.network import SentenceClassifier
from tests.checkpoints import MAX_TOKENS, save_bertweet
from tests.served import describe_and_load

CLEANER = Cleaner(links="HTTPURL", mentions="@USER", emoji=True, max_repeats=3)
TWEETS = [
    "Late again",
    "@AirParadis thank you , lovely crew http://t.co/x1",
    "so rude \U0001f620",
    "",
    "late " * 300,
    "\x00",
    "caf\u00e9 \u822a\u7a7a",
]
WORDS = st.one_of(
    st.sampled_from(
        ["late", "latest", "lovely", "angry_face", "@USER", "HTTPURL", "\U0001f620", "<mask>", "<s>", "@@"]
    ),
    st.text("adelorstuvwy@/<>", max_size=8),
    st.text(max_size=5),
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bertweet(tmp_path_factory.mktemp("bertweet"))


@pytest.fixture(scope="module")
def original(checkpoint: Path) -> BertweetTokenizer:
    return BertweetTokenizer.from_pretrained(checkpoint, normalization=False)


@pytest.fixture(scope="module")
def original_encoder(checkpoint: Path) -> RobertaModel:
    return RobertaModel.from_pretrained(checkpoint)


@pytest.fixture(scope="module")
def converted(checkpoint: Path, original: BertweetTokenizer) -> tuple[PreTrainedTokenizerFast, RobertaModel]:
    encoder = RobertaModel.from_pretrained(checkpoint)
    return bertweet.convert(original, encoder), encoder


def embedded(encoder: RobertaModel, ids: list[int]) -> Tensor:
    return encoder.get_input_embeddings()(torch.tensor(ids)).detach()


@given(st.lists(WORDS, max_size=6).map(" ".join).map(lambda text: " ".join(text.split())))
@example("")
@example("rat attend crewlate")  # the pieces at@@ and cr@@ result from merges, but are missing from the vocabulary
def test_a_text_is_tokenized_as_by_the_original_tokenizer(
    original: BertweetTokenizer,
    original_encoder: RobertaModel,
    converted: tuple[PreTrainedTokenizerFast, RobertaModel],
    text: str,
) -> None:
    tokenizer, encoder = converted
    expected = original(text)["input_ids"]
    ids = tokenizer.backend_tokenizer.encode(text).ids
    assert [token if token < len(original) else original.unk_token_id for token in ids] == expected
    assert torch.equal(embedded(encoder, ids), embedded(original_encoder, expected))
    assert tokenizer(text)["input_ids"] == ids


def test_the_vocabulary_lacks_pieces_that_merges_produce(original: BertweetTokenizer) -> None:
    assert original.tokenize("attend crewlate") == ["at@@", "t@@", "e@@", "n@@", "d", "cr@@", "e@@", "w@@", "late"]
    assert original.convert_tokens_to_ids(["at@@", "cr@@"]) == [original.unk_token_id] * 2


def test_tokens_of_the_original_vocabulary_keep_their_ids(
    original: BertweetTokenizer, converted: tuple[PreTrainedTokenizerFast, RobertaModel]
) -> None:
    tokenizer, encoder = converted
    assert tokenizer.special_tokens_map == original.special_tokens_map
    assert tokenizer.all_special_ids == original.all_special_ids == [0, 2, 3, 1, len(original) - 1]
    assert tokenizer.convert_tokens_to_ids(["late</w>", "lat"]) == original.convert_tokens_to_ids(["late", "lat@@"])
    assert len(tokenizer) == encoder.config.vocab_size > len(original)


@pytest.mark.parametrize(
    ("codes", "text", "tokens"),
    [
        ("y o 1\no u 1\n", "youn", ["yo@@", "u@@", "n"]),
        ("o u 1\ny o 1\n", "youn", ["y@@", "ou@@", "n"]),
        ("y o 1\no u 1\ny o 1\n", "youn", ["y@@", "ou@@", "n"]),
        ("@ @</w> 1\nlat @@</w> 1\n", "lat@@ latx", ["lat@@", "lat@@", "x"]),  # the first one is a whole word
    ],
)
def test_merges_are_applied_in_order(codes: str, text: str, tokens: list[str], tmp_path: Path) -> None:
    save_bertweet(tmp_path)
    with (tmp_path / "bpe.codes").open("a", encoding="utf-8") as file:
        file.write(codes)
    original = BertweetTokenizer.from_pretrained(tmp_path)
    encoder, original_encoder = (RobertaModel.from_pretrained(tmp_path) for _ in range(2))
    ids = bertweet.convert(original, encoder).backend_tokenizer.encode(text).ids
    assert original.tokenize(text) == tokens
    assert torch.equal(embedded(encoder, ids), embedded(original_encoder, original(text)["input_ids"]))


def test_files_of_different_checkpoints_are_refused(checkpoint: Path, original: BertweetTokenizer) -> None:
    encoder = RobertaModel.from_pretrained(checkpoint)
    encoder.resize_token_embeddings(len(original) - 1)
    with pytest.raises(ValueError, match="contain 40 tokens, but the encoder has only 39.*from the same checkpoint"):
        bertweet.convert(original, encoder)


def test_a_damaged_line_of_the_codes_is_reported(tmp_path: Path) -> None:
    save_bertweet(tmp_path)
    with (tmp_path / "bpe.codes").open("a", encoding="utf-8") as codes:
        codes.write("late 1\n")
    lines = (tmp_path / "bpe.codes").read_text(encoding="utf-8").count("\n")
    with pytest.raises(ValueError, match=rf"line {lines} of bpe\.codes.*Use the file of the original checkpoint"):
        bertweet.convert(BertweetTokenizer.from_pretrained(tmp_path), RobertaModel.from_pretrained(tmp_path))


def test_native_and_served_form_agree_with_the_trained_network_and_the_export_is_silent(
    checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    encoder, tokenizer = checkpoints.load(str(checkpoint), max_tokens=MAX_TOKENS)
    torch.manual_seed(0)
    model = SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id)
    tokens = network.tokenize(tokenizer, map(CLEANER, TWEETS))
    assert max(map(len, tokens)) == MAX_TOKENS
    with network.progress(2 * len(tokens), "test") as bar:
        probability = network.negative_probability(model, tokens, bar)
        network.save(model, tokenizer, tmp_path / "native")
        loaded, loaded_tokenizer = network.load(tmp_path / "native", max_tokens=MAX_TOKENS)
        assert network.tokenize(loaded_tokenizer, map(CLEANER, TWEETS)) == tokens
        assert np.array_equal(network.negative_probability(loaded, tokens, bar), probability)

    served = tmp_path / "served"
    capfd.readouterr()
    export.export(model, tokenizer, served, max_tokens=MAX_TOKENS)
    assert capfd.readouterr() == ("", "")
    answers = describe_and_load(served, "onnx", CLEANER).negative_probability(TWEETS)
    assert np.abs(answers - probability).max() < 0.03
    assert probability.std() > 0.01
