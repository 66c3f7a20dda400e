"""Environment variables that something else has set or changed: Kubernetes, or a file whose quotation marks stay."""

import re
from collections.abc import Iterable, Mapping

# Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://\S+:\d+")
QUOTES = "\"'"


def mistakes(names: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable whose value is not what its user meant; values are never repeated."""
    sentences = []
    for name in names:
        value = environment.get(name, "").strip()
        if SERVICE_LINK.fullmatch(value):
            sentences.append(
                f"{name}: Kubernetes has set this variable for a Service named `{name.partition('_')[0].lower()}`. "
                "Set `enableServiceLinks: false` in the pod, give that Service another name, or set the variable."
            )
        elif len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES:
            sentences.append(
                f"{name}: the value is in quotation marks, which count as part of it (as in files for "
                "`docker run --env-file`). Remove them."
            )
    return sentences
