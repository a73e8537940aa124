"""What Celery is told, and what a worker is made of."""

from typing import Any

import pytest
from celery import current_app
from celery.utils.quorum_queues import detect_quorum_queues
from celery.worker.consumer.delayed_delivery import DelayedDelivery

from notifications.words import Lane
from notifications.workers import Consumer
from notifysite.settings.nudging import transport_options

NEEDED = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure_or_timeout": True,
    "worker_enable_remote_control": False,
    "worker_prefetch_multiplier": 1,
    "task_ignore_result": True,
    "task_time_limit": 900,
    "task_soft_time_limit": 870,
    "worker_soft_shutdown_timeout": 30,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "accept_content": ["json"],
    "task_create_missing_queues": False,
    "worker_detect_quorum_queues": True,
}
REDIS = {
    "visibility_timeout": 1800,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 1.5,
    "health_check_interval": 15,
    "retry_on_timeout": True,
}


@pytest.mark.parametrize(("name", "value"), NEEDED.items(), ids=NEEDED.keys())
def test_celery_is_told_what_it_needs_to_know(name: str, value: Any) -> None:
    assert current_app.conf[name] == value


@pytest.mark.parametrize(
    "url", ["redis://h/0", "rediss://h/0", "redis+socket:///run/r?virtual_host=1"]
)
def test_workers_wait_for_redis_a_bounded_time(url: str) -> None:
    assert transport_options(url) == REDIS


@pytest.mark.parametrize("url", ["amqp://h//", "amqps://h//"])
def test_rabbitmq_confirms_what_it_took(url: str) -> None:
    assert transport_options(url) == {
        "confirm_publish": True,
        "read_timeout": 3,
        "write_timeout": 3,
    }


@pytest.mark.parametrize("lane", Lane)
def test_each_lane_has_a_bounded_quorum_queue(lane: Lane) -> None:
    assert current_app.amqp.queues[lane.name.lower()].queue_arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 3,
        "x-max-length": 100,
        "x-message-ttl": 10_000,
    }


def test_celery_sees_that_they_are_quorum_queues() -> None:
    """Or it would ask for a global prefetch count, which RabbitMQ refuses for them."""
    assert detect_quorum_queues(current_app, "amqp")[0] is True


def test_celery_sets_up_nothing_for_tasks_that_wait() -> None:
    theirs = Consumer.__mro__[1].Blueprint.default_steps
    dropped = [step for step in theirs if step not in Consumer.Blueprint.default_steps]

    assert dropped == [f"{DelayedDelivery.__module__}:{DelayedDelivery.__name__}"]
    assert current_app.conf.worker_consumer == "notifications.workers:Consumer"
