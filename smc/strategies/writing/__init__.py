"""Writers: many prompts written as one batch, for strategies that draft, judge and write again.

A `StepModel` goes on from one prompt; the systems that criticise and revise write a different one
in every call. `StepWriter`, `TokenWriter` and `EndpointWriter` are writers over step models,
language models and endpoints; `smc.strategies.ledger` keeps account of what a run asked of them.
"""

from smc.strategies.writing.endpoint_writer import EndpointWriter
from smc.strategies.writing.protocol import Call, Writer, WrittenText
from smc.strategies.writing.step_writer import StepWriter, as_writer
from smc.strategies.writing.templates import Template, question_of
from smc.strategies.writing.token_writer import TokenWriter

__all__ = [
    "Call",
    "EndpointWriter",
    "StepWriter",
    "Template",
    "TokenWriter",
    "Writer",
    "WrittenText",
    "as_writer",
    "question_of",
]
