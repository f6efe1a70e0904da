"""`smc generate`: a weighted set of texts."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from smc.backends.load_arguments import load_options
from smc.cli.engine_options import boundary_of, output_type_of, proposal_of
from smc.cli.files import check_writable, read
from smc.cli.live import LiveParticles
from smc.cli.output import quiet_libraries, show_table
from smc.errors import GrammarError, SettingsError
from smc.model import Prompt
from smc.pages.deaths import death_lines, deaths_line, remedies
from smc.pages.markup import one_line
from smc.pages.summary import tries_line, truncated_line
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential
from smc.references import find_potential
from smc.retries import Retries
from smc.sampling import sample
from smc.settings import Settings, method_settings


def generate(options: argparse.Namespace) -> bool:
    """Run the command; return whether every particle died."""
    free = Settings(
        num_particles=options.particles,
        max_tokens=options.max_tokens,
        ess_threshold=options.ess_threshold,
        resampling=options.resampling,
        resample_among=options.resample_among,
        at_max_tokens=options.at_max_tokens,
    )
    Retries(options.retries)
    settings = method_settings(options.method, free)  # before the weights are read
    constraints = potentials(options)
    resample_at = boundary_of(options.resample_at)
    stop = [_stop(given) for given in options.stop]
    if options.html is not None:
        check_writable(options.html, "--html")
    loading = load_options(options)
    quiet_libraries()
    proposal = proposal_of(options.proposal, options.device)
    from smc import load

    model = load(options.model, **loading)
    console = Console(stderr=options.json)
    with LiveParticles(console, options.method, settings.ess_threshold) as live:
        posterior = sample(
            model,
            _prompt(options.prompt, options.chat, options.system),
            constraints,
            num_particles=options.particles,
            max_tokens=options.max_tokens,
            at_max_tokens=options.at_max_tokens,
            ess_threshold=options.ess_threshold,
            resampling=options.resampling,
            resample_at=resample_at,
            proposal=proposal,
            resample_among=options.resample_among,
            method=options.method,
            stop=stop,
            seed=options.seed,
            on_step=live,
            retries=options.retries,
        )
    if options.json:
        print(as_json(posterior))
    else:
        _show(Console(), posterior, options.output_type is not None)
    if options.html is not None:
        from smc.pages import posterior_page

        title = one_line(options.prompt, 80)
        page = posterior_page(posterior, title=title, ess_threshold=settings.ess_threshold)
        options.html.write_text(page, encoding="utf-8")
        print(f"page: {options.html}", file=sys.stderr if options.json else sys.stdout)
    return posterior.status is Status.EXTINCT


def potentials(options: argparse.Namespace) -> list[AnyPotential]:
    """Return the constraints: grammars, expressions, schemas, choices, types, potentials.

    Raises:
        SMCError: One of them cannot be made.
    """
    from potentials import Choice, Grammar, JSONSchema, Regex

    constraints: list[AnyPotential] = []
    for path in options.grammar:
        source, folder = read(path, "--grammar"), Path(path).parent
        constraints.append(
            _made(f"--grammar {path}", lambda s=source, f=folder: Grammar(s, base_path=f))
        )
    for pattern in options.regex:
        constraints.append(_made(f"--regex {pattern!r}", lambda p=pattern: Regex(p)))
    for path in options.json_schema:
        schema = read(path, "--json-schema")
        constraints.append(_made(f"--json-schema {path}", lambda s=schema: JSONSchema(s)))
    if options.choice:
        constraints.append(_made("--choice", lambda: Choice(map(unescape, options.choice))))
    constraints += output_type_of(options.output_type)
    return constraints + [find_potential(reference) for reference in options.potential]


def unescape(text: str) -> str:
    r"""Return the text with `\n`, `\t` and `\\` as the characters they stand for."""
    signs = {"n": "\n", "t": "\t", "\\": "\\"}
    out, rest = "", iter(text)
    for character in rest:
        after = next(rest, "") if character == "\\" else ""
        out += signs.get(after, character + after) if character == "\\" else character
    return out


def as_json(posterior: Posterior) -> str:
    """Return `Posterior.to_json` with the status and what else is derived from it beside it."""
    record = json.loads(posterior.to_json())
    extinct = posterior.status is Status.EXTINCT
    record["status"] = posterior.status.value
    record["log_evidence"] = None if extinct else posterior.log_evidence
    record["ess"] = posterior.ess
    record["probabilities"] = posterior.probabilities()
    record["truncated"] = posterior.truncated
    record["truncated_share"] = posterior.truncated_share
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _made(option: str, make: Callable[[], AnyPotential]) -> AnyPotential:
    """Return what `make` makes; an error says which option it came from."""
    try:
        return make()
    except GrammarError as error:
        raise GrammarError(f"{option}: {error}") from error


def _stop(given: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(
            f"--stop {given!r}: {error}; expected text that can be written as UTF-8."
        ) from error
    return unescape(given)


def _prompt(text: str, chat: bool, system: str | None) -> Prompt:
    text = sys.stdin.read() if text == "-" else text
    if not chat and system is None:
        return text
    said = [] if system is None else [{"role": "system", "content": system}]
    return [*said, {"role": "user", "content": text}]


def _show(console: Console, posterior: Posterior, typed: bool) -> None:
    cut = posterior.truncated
    rows = [
        [f"{p:.4f}", one_line(text) + (" (cut)" if text in cut else "")]
        for text, p in posterior.probabilities().items()
    ]
    if rows:
        show_table(console, ("probability", "text"), rows, numeric=(0,))
        print()
    if typed and rows:
        values = [[f"{p:.4f}", one_line(repr(value))] for value, p in posterior.parsed()]
        show_table(console, ("probability", "value"), values, numeric=(0,))
        print()
    print(f"log evidence: {posterior.log_evidence:.4f}")
    print(f"effective sample size: {posterior.ess:.2f} of {len(posterior.sequences)}")
    print(f"status: {posterior.status.value}")
    for line in filter(None, (tries_line(posterior), truncated_line(posterior))):
        print(line)
    if not posterior.reason:
        print(deaths_line(posterior) or "nobody died")
        return
    print(f"reason: {one_line(posterior.reason)}")
    for line in death_lines(posterior):
        print(line)
    for line in remedies(posterior):
        print(f"what may help: {line}")
