"""Which addresses are simulated, and what they ask for."""

import json

import pytest

from delivery.simulation import Simulation, simulated


@pytest.mark.parametrize("simulation", list(Simulation))
def test_a_mailbox_of_the_simulator_names_its_outcome(simulation) -> None:
    assert simulated(f"{simulation}@simulator.notifysite.test") is simulation
    assert simulated(f"{simulation}+order-7@simulator.notifysite.test") is simulation
    assert simulated(f"{simulation.upper()}@Simulator.Notifysite.TEST") is simulation


@pytest.mark.parametrize(
    ("number", "simulation"),
    [
        ("+15555550100", Simulation.DELIVERED),
        ("+15555550101", Simulation.PERMANENT_FAIL),
        ("+15555550102", Simulation.TEMPORARY_FAIL),
        ("+15555550103", Simulation.SLOW),
        ("+15555550104", Simulation.SILENT),
    ],
)
def test_a_fictitious_number_stands_for_an_outcome(number, simulation) -> None:
    assert simulated(number) is simulation


@pytest.mark.parametrize("simulation", list(Simulation))
def test_tokens_endpoints_and_subscriptions_carry_the_word(simulation) -> None:
    endpoint = f"https://push.example.com/simulator-{simulation}/abc"
    assert simulated(f"simulator-{simulation}") is simulation
    assert simulated(f"fcm:simulator-{simulation}:1") is simulation
    assert simulated(endpoint) is simulation
    assert simulated(json.dumps({"endpoint": endpoint, "keys": {"auth": "x@y"}})) is simulation


def test_other_mailboxes_of_the_simulator_never_go_out_either() -> None:
    assert simulated("anybody@simulator.notifysite.test") is Simulation.DELIVERED


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann@example.com",
        "delivered@example.com",
        "simulator-delivered@example.com",
        "delivered@simulator.notifysite.test.example.com",
        "delivered@simulator.notifysite.test\n",
        "ann@example.com, delivered@simulator.notifysite.test",
        "+15555550105",
        "+155555501000",
        "https://example.com/my-simulator-delivered",
        "https://example.com/simulator-delivered-not",
        "https://example.com/simulator",
    ],
)
def test_everything_else_is_real(address) -> None:
    assert simulated(address) is None
