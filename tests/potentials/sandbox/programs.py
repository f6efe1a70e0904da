"""All the hostile programs, by name."""

from tests.potentials.sandbox import programs_harness, programs_reaching, programs_running

PROGRAMS = {
    **programs_running.PROGRAMS,
    **programs_reaching.PROGRAMS,
    **programs_harness.PROGRAMS,
}
