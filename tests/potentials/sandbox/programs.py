"""All the hostile programs, by name."""

from tests.potentials.sandbox import (
    programs_harness,
    programs_kernel,
    programs_reaching,
    programs_running,
    programs_taking,
    programs_verdict,
)

PROGRAMS = {
    **programs_running.PROGRAMS,
    **programs_reaching.PROGRAMS,
    **programs_harness.PROGRAMS,
    **programs_verdict.PROGRAMS,
    **programs_kernel.PROGRAMS,
    **programs_taking.PROGRAMS,
}
