"""Sharing of the rate limits' counts between replicas, through PostgreSQL.

No request waits for the database: each replica adds what its clients have used every second, and learns what they have
used at the others. So a client of several replicas may use up to a second's worth more than the limit.
"""

import logging
import threading

import sqlalchemy as sa

from service.limits import Counts, Limiter, Use
from telemetry.database import Database, Unavailable

log = logging.getLogger(__name__)

SECONDS = 1.0
USES = sa.Table(
    "rate_limits",
    sa.MetaData(),
    sa.Column("period", sa.BigInteger, primary_key=True),
    sa.Column("client", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("uses", sa.BigInteger, nullable=False),
    prefixes=["UNLOGGED"],  # a crash of the database may forget the last two minutes
)


class Sharing:
    """Share the counts of a limiter with other replicas, in a background thread."""

    def __init__(self, limiter: Limiter, database: Database, *, seconds: float = SECONDS) -> None:
        """Configure the limiter, the database of all replicas, and the seconds between exchanges."""
        self._limiter, self._database, self._seconds = limiter, database, seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rate limits", daemon=True)

    def start(self) -> "Sharing":
        """Start the thread."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        works = True
        while not self._closing.wait(self._seconds):
            try:
                self._limiter.share(self.exchange)
            except (Unavailable, sa.exc.SQLAlchemyError) as error:
                if works:
                    log.warning("Rate limits are not shared for now; each replica applies them on its own: %s", error)
                works = False
            else:
                if not works:
                    log.info("The replicas share the rate limits again.")
                works = True

    def exchange(self, added: Counts) -> Counts:
        """Add counts to the shared ones, delete those of earlier periods, and return the sums.

        Raises:
            Unavailable: the database cannot be reached.
        """
        rows = [{**use._asdict(), "uses": uses} for use, uses in sorted(added.items())]
        insert = self._database.insert(USES)
        statement = insert.on_conflict_do_update(
            index_elements=["period", "client", "kind"], set_={"uses": USES.c.uses + insert.excluded.uses}
        ).returning(*USES.c)
        with self._database.writing(USES) as connection:
            USES.create(connection, checkfirst=True)
            earliest = max(use.period for use in added) - 1
            connection.execute(sa.delete(USES).where(USES.c.period < earliest))
            return {Use(*row[:3]): row[3] for row in connection.execute(statement, rows)}
