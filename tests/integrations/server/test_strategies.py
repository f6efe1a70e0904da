"""Strategies behind the server: `extra_body={"strategy": …}` on both routes."""

import threading

import openai
import pytest

from potentials.reward_model import FunctionReward
from smc.integrations.server import Served, create_app
from smc.integrations.server.jobs import QueueFull
from smc.integrations.server.lane_steps import Cancelled, LaneSteps
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.shared_rewards import SharedReward
from smc.steps import TokenText
from tests.integrations.server.conftest import TEMPLATE, Live
from tests.models import byte_level_tokenizer, tiny_model
from tests.step_worlds import rngs

LIMITS = ServerLimits(max_queue=64, max_particles=64, max_tokens=100)


def shorter() -> FunctionReward:
    return FunctionReward(lambda prompt, steps: [1 / (1 + len(s)) for s in steps])


@pytest.fixture(scope="module")
def live():
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = TEMPLATE
    network = tiny_model("llama", len(tokenizer), max_position_embeddings=1024)
    model = Served("tiny", network, tokenizer)  # a context in which a judge can be asked
    model.rewards = {"shorter": SharedReward(shorter())}
    server = Live(create_app(model, LIMITS))
    yield server
    server.close()


def ask(live, *, chat=False, prompt="the cat", max_tokens=24, seed=1, **fields):
    fields = {"mark": "e", "vote_by": "text", "budget": 4} | fields
    client = live.client
    common = {"model": "tiny", "max_tokens": max_tokens, "seed": seed, "extra_body": fields}
    if chat:
        message = {"role": "user", "content": prompt}
        return client.chat.completions.create(messages=[message], **common)
    return client.completions.create(prompt=prompt, **common)


def facts(answer):
    return answer.model_extra["smc"][0]


@pytest.mark.parametrize(
    "name", ["best_of_n", "beam", "particles", "mcts", "revisions", "tpo", "backtracking"]
)
def test_strategies_answer(live, name):
    # A random model seldom ends by itself: its solutions end at the first space.
    size = {
        "reward": "shorter",
        "stop": " ",
        "max_tokens": 60,
        "budget": 12 if name == "tpo" else 4,
    }
    answer = ask(live, strategy=name, **size)
    run = facts(answer)
    assert run["strategy"] == name and run["budget"]["reward_passes"] > 0
    assert answer.choices[0].text == run["text"] and run["votes"]
    assert answer.usage.completion_tokens == run["budget"]["model_tokens"]
    again = ask(live, strategy=name, **size)
    assert facts(again) == run  # same seed, same answer, same cost


def test_a_vote_needs_no_reward_and_chats_may_ask(live):
    answer = ask(live, chat=True, strategy="majority_vote", vote_by="re:.", stop=" ", max_tokens=60)
    run = facts(answer)
    assert answer.choices[0].message.content == run["text"]
    assert run["answer"] == run["text"][0] and run["budget"]["reward_passes"] == 0


@pytest.mark.parametrize("judge", ["likelihood", "prompted"])
def test_the_model_may_judge_itself(live, judge):
    run = facts(ask(live, strategy="best_of_n", reward=judge, stop=" ", max_tokens=60, budget=2))
    assert run["budget"]["reward_passes"] > 0
    assert all(0 <= s <= 1 for solution in run["solutions"] for s in solution["scores"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strategy": "guess"}, "no strategy 'guess'"),
        ({"strategy": "beam"}, "goes by the values"),
        ({"strategy": "beam", "reward": "longer"}, "expected prompted, likelihood, shorter"),
        ({"strategy": "majority_vote", "strategy_options": {"widht": 3}}, "takes none"),
        ({"strategy": "majority_vote", "vote_by": "maths"}, "math, last_number"),
        ({"strategy": "majority_vote", "budget": 65}, "more than this server's 64"),
        ({"strategy": "majority_vote", "guided_regex": "a"}, "does not go with"),
        ({"strategy": "majority_vote", "stream": True}, "does not go with stream"),
        ({"strategy": None}, "budget goes with strategy"),
    ],
    ids=["strategy", "no reward", "reward", "option", "answer", "budget", "constraint", "stream",
         "none"],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_reason(live, fields, message):
    with pytest.raises(openai.BadRequestError, match=message.replace(".", r"\.")):
        ask(live, **fields)


def test_a_run_without_an_answer_says_why(live):
    with pytest.raises(openai.UnprocessableEntityError, match="cut at max_tokens"):
        ask(live, strategy="majority_vote", max_tokens=2)


def test_others_are_answered_meanwhile(live):
    """A strategy's steps are jobs among others, and no answer depends on them."""
    alone = ask(live, strategy="best_of_n", reward="shorter", stop=" ", max_tokens=60)
    plain = live.client.completions.create(model="tiny", prompt="on", max_tokens=9, seed=5)
    found = {}

    def run(key, call):
        found[key] = call()

    threads = [
        threading.Thread(target=run, args=(i, lambda: ask(
            live, strategy="best_of_n", reward="shorter", stop=" ", max_tokens=60)))
        for i in range(3)
    ] + [
        threading.Thread(target=run, args=("plain", lambda: live.client.completions.create(
            model="tiny", prompt="on", max_tokens=9, seed=5)))
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found["plain"].choices[0].text == plain.choices[0].text
    assert all(facts(found[i]) == facts(alone) for i in range(3))


# ---- the step model


class OneAtATime:
    """Lanes with room for nothing, or that answer at once."""

    def __init__(self, live):
        self.lanes = live.app.state.worker
        self.full = 0

    def submit(self, jobs):
        if self.full:
            self.full -= 1
            raise QueueFull
        self.lanes.submit(jobs)


def lane_steps(live, lanes=None, gone=None, **changes):
    options = {"mark": "e", "stop": (), "max_tokens": 30} | changes
    handler = live.app.state.handler
    return LaneSteps(handler.served, lanes or handler.lanes, (1.0, 1.0, 0),
                     gone=gone or threading.Event(), **options)  # fmt: skip


def test_steps_go_on_from_their_own_tokens(live):
    steps = lane_steps(live)
    solutions = [(), (), ()]
    for _ in range(3):
        drawn = steps.extend("the cat", solutions, rngs=rngs(len(solutions[0]), 3))
        for extension in drawn:
            assert isinstance(extension.step, TokenText) or not extension.step
            assert extension.step.endswith("e") or extension.finished or extension.truncated \
                or "e" in extension.step  # fmt: skip
        solutions = [(*s, e.step) for s, e in zip(solutions, drawn, strict=True)]
    sizes = [sum(len(step.tokens) for step in s) for s in solutions if all(s)]
    assert all(size <= 30 for size in sizes)


def test_a_full_queue_is_waited_for(live):
    lanes = OneAtATime(live)
    lanes.full = 3
    (extension,) = lane_steps(live, lanes).extend("the cat", [()], rngs=rngs(0, 1))
    assert extension.num_tokens > 0 and lanes.full == 0


def test_a_run_that_nobody_waits_for_ends(live):
    gone = threading.Event()
    gone.set()
    with pytest.raises(Cancelled):
        lane_steps(live, gone=gone).extend("the cat", [()], rngs=rngs(0, 1))
