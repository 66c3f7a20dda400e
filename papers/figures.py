"""The figures of the papers, drawn from the same values. Each file keeps what it shows: a test compares it."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, ScalarFormatter

from papers.language import LANGUAGES, Language
from papers.results import Result
from sentiment.reports.canvas import COLOURS, REFERENCE

# Within docs/.
FOLDER = "pictures/papers"
# PNG text chunk with the values of a figure.
SHOWN = "Comment"
STYLE: Any = {"font.size": 15, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 17}
SIZE = (9.6, 5.4)
# Columns of the tables of alarms: how large a crisis is.
SIZES = {2: "x 2 in 1 h", 3: "x 3 in 1 h", 5: "x 5 in 1 h"}
# Rows of a comparison that have room for large labels.
FEW = 10
# Milliseconds on the axis of time.
TIMES = (0.1, 0.2, 0.5, 1, 2, 5)
WORDS = {
    "fr": {
        "simple": "simple",
        "advanced": "réseau de neurones",
        "bert": "BERT",
        "comparison": "AUC et intervalle de confiance à {level} %",
        "area": "AUC (validation)",
        "area_of": "AUC",
        "roc": "Tweets négatifs trouvés et fausses alertes",
        "found": "tweets négatifs trouvés",
        "false": "fausses alertes parmi les autres tweets",
        "chance": "au hasard",
        "speed": "Qualité, temps et taille",
        "time": "millisecondes par tweet (échelle logarithmique)",
        "megabytes": "Mo",
        "labels": "Ce que valent les étiquettes humaines",
        "emoticons": "émoticônes",
        "people": "jugement humain",
        "airline": "compagnies aériennes",
        "alarm": "Crises simulées détectées en une heure ({tweets} tweets par heure)",
        "times": "nombre de tweets négatifs, en multiple du nombre habituel",
        "detected": "crises détectées",
        "the alarm, as shipped": "l’alarme du projet",
        "p chart": "carte de contrôle p",
        "negative binomial CUSUM": "CUSUM",
        "Bollinger bands": "bandes de Bollinger",
    },
    "en": {
        "simple": "simple",
        "advanced": "neural network",
        "bert": "BERT",
        "comparison": "AUC and {level} % confidence interval",
        "area": "AUC (validation)",
        "area_of": "AUC",
        "roc": "Negative tweets found, and false alarms",
        "found": "negative tweets found",
        "false": "false alarms among the other tweets",
        "chance": "chance",
        "speed": "Quality, time and size",
        "time": "milliseconds per tweet (logarithmic scale)",
        "megabytes": "MB",
        "labels": "What human labels are worth",
        "emoticons": "emoticons",
        "people": "human judgement",
        "airline": "airlines",
        "alarm": "Simulated crises detected within an hour ({tweets} tweets an hour)",
        "times": "negative tweets, as a multiple of the usual number",
        "detected": "crises detected",
        "the alarm, as shipped": "the project's alarm",
        "p chart": "p chart",
        "negative binomial CUSUM": "CUSUM",
        "Bollinger bands": "Bollinger bands",
    },
}
# The comparison of labels, in candidates of the stage `human labels`.
LABELS = {
    "finetune": {"fr": "émoticônes seules", "en": "emoticons only"},
    "finetune human labels only": {"fr": "étiquettes\nhumaines seules", "en": "people only"},
    "finetune mixed": {"fr": "mélangées", "en": "mixed"},
    "finetune human labels last": {"fr": "émoticônes, puis\nétiquettes humaines", "en": "emoticons,\nthen people"},
}
Values = dict[str, Any]


def comparison(named: Mapping[str, Any]) -> Values:
    """Return the AUC and its interval of all candidates before distillation, and of the later ones of the study."""
    study: Result = named["study"]
    rows: Values = {}
    for stage, candidates in study.stages.items():
        if stage == "human labels":
            continue
        kind = approach_of(stage)
        for row in candidates:
            if float(row["roc_auc"]) > named["constants"]["random_auc"]:
                rows[row["name"]] = [kind, float(row["roc_auc"]), *study.interval(float(row["roc_auc"]))]
    return {"rows": dict(sorted(rows.items(), key=lambda item: item[1][1])), "level": level(study)}


def approaches(named: Mapping[str, Any]) -> Values:
    """Return what `comparison` does, of the best candidate of each approach only."""
    both = comparison(named)
    return both | {"rows": {name: row for name, row in both["rows"].items() if name in speed(named)}}


def level(study: Result) -> float:
    """Return the confidence level in percent."""
    return 100 * study.settings["select.confidence"]


def approach_of(stage: str) -> str:
    """Return the approach that a stage of the study belongs to; distillation trains networks, the others use BERT."""
    if stage in ("baselines", "simple"):
        return "simple"
    return "advanced" if stage in ("preprocessing", "embedding", "network", "advanced", "distillation") else "bert"


def draw_comparison(axes: Axes, shown: Values, code: str) -> None:
    """Draw a point and an interval for each candidate, the best on top."""
    words, language = WORDS[code], LANGUAGES[code]
    colours = dict(zip(("simple", "advanced", "bert"), COLOURS, strict=False))
    for place, (kind, area, low, high) in enumerate(shown["rows"].values()):
        first = kind not in {row[0] for row in list(shown["rows"].values())[:place]}
        axes.plot([low, high], [place, place], color=colours[kind], linewidth=2)
        axes.plot(area, place, "o", color=colours[kind], label=words[kind] if first else None)
    axes.set_yticks(range(len(shown["rows"])), labels=[language.model(name) for name in shown["rows"]])
    axes.tick_params(axis="y", labelsize=13 if len(shown["rows"]) > FEW else 17, length=0)
    axes.xaxis.set_major_formatter(Digits(language))
    axes.set(xlabel=words["area"])
    axes.set_title(words["comparison"].format(level=f"{shown['level']:g}"), loc="left", fontweight="bold")
    axes.grid(axis="x", color="0.9")
    axes.legend(loc="lower right", frameon=False)


class Digits(ScalarFormatter):
    """Write the ticks of an axis with as many digits as they need, and with the decimal sign of a language."""

    def __init__(self, language: Language) -> None:
        """Write with the decimal sign of this language."""
        super().__init__(useOffset=False, useLocale=False)
        self.language = language

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of a tick."""
        return super().__call__(x, pos).replace(".", self.language.decimal)


def roc(named: Mapping[str, Any]) -> Values:
    """Return the ROC curves that the study has kept; empty if it was documented before curves were kept."""
    return dict(named["study"].curves)


def draw_roc(axes: Axes, shown: Values, code: str) -> None:
    """Draw the curves, the best model first in the legend."""
    words, language = WORDS[code], LANGUAGES[code]
    for (name, recall), colour in zip(shown.items(), COLOURS, strict=False):
        axes.plot(
            [place / (len(recall) - 1) for place in range(len(recall))],
            recall,
            color=colour,
            label=language.model(name),
        )
    axes.plot([0, 1], [0, 1], label=words["chance"], **REFERENCE)
    axes.set(xlabel=words["false"], ylabel=words["found"], xlim=(0, 1), ylim=(0, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_title(words["roc"], loc="left", fontweight="bold")
    axes.legend(loc="lower right", frameon=False)


def speed(named: Mapping[str, Any]) -> Values:
    """Return AUC, milliseconds per tweet and megabytes of the best candidates."""
    study: Result = named["study"]
    chosen = {kind: study.best(kind) for kind in ("simple", "advanced", "bert")}
    rows = {row["name"]: [kind, *measured(row)] for kind, row in chosen.items()}
    for stage in ("distillation", "blend", "cascade", "more data"):
        if study.has(stage):
            rows[study.stages[stage][0]["name"]] = [approach_of(stage), *measured(study.stages[stage][0])]
    return rows


def measured(row: Mapping[str, Any]) -> list[float]:
    """Return AUC, milliseconds and megabytes of a candidate."""
    return [float(row[name]) for name in ("roc_auc", "predict_milliseconds", "megabytes")]


def draw_speed(axes: Axes, shown: Values, code: str) -> None:
    """Draw a disc for each candidate, whose area is its size in megabytes."""
    words, language = WORDS[code], LANGUAGES[code]
    colours = dict(zip(("simple", "advanced", "bert"), COLOURS, strict=False))
    # Labels go beside the plot, so that they never cover a disc, and at least a line of text apart.
    areas = [row[1] for row in shown.values()]
    line, height = (max(areas) - min(areas)) / 11, 1.0
    for name, (kind, area, milliseconds, megabytes) in sorted(shown.items(), key=lambda item: -item[1][1]):
        axes.scatter(milliseconds, area, s=12 * megabytes + 20, color=colours[kind], alpha=0.6, zorder=3)
        height = min(area, height - line)
        axes.annotate(
            f"{language.model(name)}, {megabytes:.0f} {words['megabytes']}",
            (milliseconds, area),
            xytext=(1.02, height),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=14,
            arrowprops={"arrowstyle": "-", "color": "0.7", "relpos": (0, 0.5)},
        )
    axes.set_xscale("log")
    axes.set_xticks(TIMES, labels=[language.number(time, 1) for time in TIMES])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(Digits(language))
    axes.set(xlabel=words["time"], ylabel=words["area"])
    axes.margins(x=0.2, y=0.15)
    axes.set_title(words["speed"], loc="left", fontweight="bold")
    axes.grid(color="0.92")


def labels(named: Mapping[str, Any]) -> Values:
    """Return the AUC on each target of models that differ in their labels; empty without the stage `human labels`."""
    study: Result = named["study"]
    if not study.has("human labels"):
        return {}
    rows = {name: study.called("human labels", name) for name in LABELS if study.has("human labels", name)}
    return {
        name: {"emoticons": row["roc_auc"], "people": row["people_roc_auc"], "airline": row["airline_roc_auc"]}
        for name, row in rows.items()
    }


def draw_labels(axes: Axes, shown: Values, code: str) -> None:
    """Draw a group of bars for each way to train."""
    words, language = WORDS[code], LANGUAGES[code]
    targets = ("emoticons", "people", "airline")
    width = 0.27
    for number, target in enumerate(targets):
        places = [place + (number - 1) * width for place in range(len(shown))]
        heights = [row[target] for row in shown.values()]
        axes.bar(places, heights, width, color=COLOURS[number], label=words[target])
        for place, height in zip(places, heights, strict=True):
            axes.text(place, height + 0.003, language.number(height, 2), ha="center", fontsize=13)
    axes.set_ylim(0.5, 1.02)  # from the AUC of chance
    axes.yaxis.set_major_formatter(Digits(language))
    axes.set_xticks(range(len(shown)), labels=[LABELS[name][code] for name in shown])
    axes.set(ylabel=words["area_of"])
    axes.set_title(words["labels"], loc="left", fontweight="bold", pad=34)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)


def alarm(named: Mapping[str, Any]) -> Values:
    """Return the share of crises that each method detects within an hour, by the size of the crisis."""
    table = named["tables"]["busy"]
    methods = ("the alarm, as shipped", "p chart", "negative binomial CUSUM", "Bollinger bands")
    shares = {method: {str(size): table.number(method, column) for size, column in SIZES.items()} for method in methods}
    return {"tweets": named["constants"]["simulated_tweets_an_hour"], "shares": shares}


def draw_alarm(axes: Axes, shown: Values, code: str) -> None:
    """Draw a line for each method."""
    words = WORDS[code]
    for (method, shares), colour in zip(shown["shares"].items(), COLOURS, strict=False):
        heavy = method.startswith("the alarm")
        axes.plot(list(map(int, shares)), list(shares.values()), "o-", color=colour, label=words[method],
                  linewidth=3 if heavy else 1.5, zorder=3 if heavy else 2)  # fmt: skip
    axes.set_xticks(list(SIZES))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set(xlabel=words["times"], ylabel=words["detected"], ylim=(0, 1.05))
    axes.set_title(words["alarm"].format(tweets=shown["tweets"]), loc="left", fontweight="bold")
    axes.legend(loc="lower right", frameon=False)


# For each figure: what it shows, and how it is drawn.
FIGURES: dict[str, tuple[Callable[[Mapping[str, Any]], Values], Callable[..., None]]] = {
    "comparison": (comparison, draw_comparison),
    "approaches": (approaches, draw_comparison),
    "roc": (roc, draw_roc),
    "speed": (speed, draw_speed),
    "labels": (labels, draw_labels),
    "alarm": (alarm, draw_alarm),
}


def shown(name: str, named: Mapping[str, Any]) -> str:
    """Return what a figure shows, as JSON; `{}` if there is nothing to show."""
    return json.dumps(FIGURES[name][0](named), ensure_ascii=True)


def write(folder: Path, named: Mapping[str, Any], codes: Iterable[str] = tuple(LANGUAGES)) -> list[Path]:
    """Draw all figures that have something to show, in each language; delete the others."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in FIGURES:
        content = shown(name, named)
        for code in codes:
            file = folder / f"{name}.{code}.png"
            if content == "{}":
                file.unlink(missing_ok=True)
                continue
            draw(name, content, code).savefig(file, metadata={SHOWN: content, "Software": None})
            files.append(file)
    return files


def draw(name: str, content: str, code: str) -> Figure:
    """Draw what a figure shows (see `shown`), in a language."""
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained", dpi=120)
        FIGURES[name][1](figure.add_subplot(), json.loads(content), code)
        return figure
