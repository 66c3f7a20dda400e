"""Delivery of each alert to each recipient of a channel: at least once, in order, and retried until it succeeds."""

import logging
from collections import defaultdict

import sqlalchemy as sa

from telemetry import alert, buzz
from telemetry.channels import Channel, DeliveryError
from telemetry.messages import AnyAlert
from telemetry.schema import alerts, deliveries, progress
from telemetry.store import Store, reached
from telemetry.worker import EXPECTED, Count, Delayed, report_unexpected

log = logging.getLogger(__name__)

REFUSED = "smtp_refused"


def begin(store: Store, channel: str) -> None:
    """Let a new channel start with the next alert.

    Raises:
        Unavailable: the store cannot be reached or written.
    """
    with store.database.writing(alerts) as connection:
        latest = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(alerts.c.number), 0)))
        row = {"reader": channel, "number": latest}
        connection.execute(store.database.insert(progress).values(row).on_conflict_do_nothing())


def deliver(store: Store, channel: Channel, count: Count = lambda _: None) -> None:
    """Send the alerts that recipients have not received yet, in order.

    A recipient that the server refuses delays nobody else; only that one is tried again.

    Raises:
        Delayed: an alert could not be delivered to everybody; the next call tries again.
        Unavailable: the store cannot be read or written.
    """
    _take_up(store, channel)
    refused: set[str] = set()
    for each, recipients in _pending(store, channel):
        try:
            refused_now = set(channel.send(each, recipients))
        except DeliveryError as error:
            raise Delayed(error.code, f"Alert {each.number} could not be sent by {channel.name}: {error}") from error
        except EXPECTED:
            raise
        except Exception as error:  # noqa: BLE001 (logged, counted and shown; the next alert is sent)
            report_unexpected(f"{channel.name}, alert {each.number}", error, lambda _: count(channel.name))
            _put_aside(store, channel, each, type(error).__name__)
            continue
        _mark(store, channel, each, [recipient for recipient in recipients if recipient not in refused_now])
        refused |= refused_now
    if refused:
        raise Delayed(REFUSED, f"{channel.name}: the server refuses {', '.join(sorted(refused))}")


def _take_up(store: Store, channel: Channel) -> None:
    """Note who must receive each new alert; forget recipients that are no longer configured."""
    this = deliveries.c.channel == channel.name
    with store.database.writing(alerts) as connection:
        gone = this & deliveries.c.time.is_(None) & deliveries.c.recipient.not_in(channel.recipients)
        connection.execute(sa.delete(deliveries).where(gone))
        new = sa.select(alerts.c.number).where(alerts.c.number > reached(connection, channel.name))
        numbers = sorted(connection.scalars(new))
        if numbers:
            rows = [
                {"alert": number, "channel": channel.name, "recipient": recipient}
                for number in numbers
                for recipient in channel.recipients
            ]
            connection.execute(store.database.insert(deliveries).on_conflict_do_nothing(), rows)
            store.advance_within(connection, channel.name, numbers[-1])


def _pending(store: Store, channel: Channel) -> list[tuple[AnyAlert, list[str]]]:
    """Return the alerts that a channel must send, and to whom."""
    unsent = (deliveries.c.channel == channel.name) & deliveries.c.time.is_(None)
    recipients: defaultdict[int, list[str]] = defaultdict(list)
    with store.database.reading() as connection:
        for number, recipient in connection.execute(
            sa.select(deliveries.c.alert, deliveries.c.recipient).where(unsent).order_by(deliveries.c.recipient)
        ):
            recipients[number].append(recipient)
        wanted = alerts.c.number.in_(sa.select(deliveries.c.alert).where(unsent))
        pending: list[AnyAlert] = [*alert.listed(connection, wanted), *buzz.listed(connection, wanted)]
    return [(each, recipients[each.number]) for each in sorted(pending, key=lambda each: each.number)]


def _mark(store: Store, channel: Channel, each: AnyAlert, recipients: list[str]) -> None:
    with store.database.writing(alerts, durable=True) as connection:
        sent = (
            (deliveries.c.alert == each.number)
            & (deliveries.c.channel == channel.name)
            & deliveries.c.recipient.in_(recipients)
        )
        connection.execute(sa.update(deliveries).where(sent).values(time=store.now(connection)))


def _put_aside(store: Store, channel: Channel, each: AnyAlert, error: str) -> None:
    with store.database.writing(alerts, durable=True) as connection:
        store.skip_within(connection, channel.name, each.number, error)
        unsent = (deliveries.c.alert == each.number) & (deliveries.c.channel == channel.name)
        connection.execute(sa.delete(deliveries).where(unsent & deliveries.c.time.is_(None)))
