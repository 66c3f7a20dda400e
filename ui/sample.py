"""Made-up tweets of two weeks with one bad day, for those who have no file at hand."""

import csv as csv_format
import io
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product

DAYS, BAD_DAY = 14, 9
BAD_SHARE, USUAL_SHARE = 0.62, 0.34
BAD_COUNT, LEAST_COUNT, MOST_COUNT = 150, 60, 95
# On the bad day, the airline's app is down.
CAUSES = ["the app is down", "the app crashed at check-in", "the app lost my booking", "no boarding pass in the app"]
# The tweets are all combinations of these.
OPENINGS = ["@AirParadis", "Hey @AirParadis,", "So @AirParadis", "Dear @AirParadis,", "@AirParadis seriously:"]
COMPLAINTS = [
    *("my bag is lost again", "two hours late", "nobody answers the phone", "the crew was rude", "flight cancelled"),
    *("three hours in the queue", "the seat was broken", "no refund after two months"),
]
CONSEQUENCES = [
    *(" and nobody tells us why.", " for the third time this month :(", ", and no hotel.", ". No apology!", " #fail"),
    *(". Never again.", ". Worst airline ever.", ". Not even a message.", ". We missed our connection."),
]
PRAISE = [
    *("the crew was lovely", "boarding was quick", "a smooth flight", "great seats", "we landed early", "good food"),
    *("my bag came first", "the new lounge is great"),
]
THANKS = [
    *(
        " on the way to Lisbon.",
        " today!",
        ", even with three children.",
        " as always.",
        " from Rome :)",
        ". Thank you!",
    ),
    *(". See you soon.", ". Best airline!", ". Happy to fly with you."),
]


@cache
def pools() -> dict[str, list[str]]:
    """Return tweets: `cause` (what is wrong on the bad day), `complaint` and `praise`."""
    parts = {"cause": (CAUSES, CONSEQUENCES), "complaint": (COMPLAINTS, CONSEQUENCES), "praise": (PRAISE, THANKS)}
    return {
        name: [f"{opening} {fact}{end}" for opening, fact, end in product(OPENINGS, middle, ends)]
        for name, (middle, ends) in parts.items()
    }


@cache
def csv() -> bytes:
    """Return the tweets as CSV: columns `date`, `tweet`, `author`; always the same."""
    rng = random.Random(1)
    file = io.StringIO(newline="")
    table = csv_format.writer(file)
    table.writerow(["date", "tweet", "author"])
    first = datetime(2026, 3, 1, tzinfo=UTC)
    for day in range(DAYS):
        is_bad = day + 1 == BAD_DAY
        count, share = (BAD_COUNT, BAD_SHARE) if is_bad else (rng.randint(LEAST_COUNT, MOST_COUNT), USUAL_SHARE)
        for _ in range(count):
            is_negative = rng.random() < share
            cause = "cause" if is_bad and rng.random() < BAD_SHARE else "complaint"
            when = first + timedelta(days=day, minutes=rng.randint(300, 1380))
            text = rng.choice(pools()[cause if is_negative else "praise"])
            table.writerow([when.isoformat(sep=" "), text, f"traveller{rng.randint(1, 400)}"])
    return file.getvalue().encode()
