"""`smolagents`: a ToolCallingAgent, whole and streamed. Its final answer is a call, too.

Its own system prompt is a thousand tokens of examples; a short one keeps this quick on a CPU.
"""

from __future__ import annotations

from scene import FIRST, SECOND, call, get_local_time, get_weather, tell
from smolagents import ActionStep, ChatMessageStreamDelta, ToolCallingAgent, tool

# docs
from smolagents import OpenAIModel

url = "http://localhost:39281/v1"
model = OpenAIModel(model_id="qwen2.5-coder:1.5b", api_base=url, api_key="not-needed", temperature=0)
# end

agent = ToolCallingAgent(tools=[tool(get_weather), tool(get_local_time)], model=model, max_steps=3, verbosity_level=0)
agent.prompt_templates["system_prompt"] = "Call the tools you need, all at once. Then call final_answer, alone."


def steps() -> list[ActionStep]:
    return [step for step in agent.memory.steps if isinstance(step, ActionStep)]


def told(made: list[ActionStep], answer: object, pieces: int = 0) -> None:
    """Each step is one reply; the last one's only call gives the answer."""
    for step in made:
        calls = [call(c.id, c.name, c.arguments) for c in step.tool_calls or []]
        final = [c["name"] for c in calls] == ["final_answer"]
        tell(
            streamed=bool(pieces),
            calls=[] if final else calls,
            text=str(answer) if final else "",
            pieces=pieces,
            prompt=step.token_usage.input_tokens,
            completion=step.token_usage.output_tokens,
        )


answer = agent.run(FIRST)
first = steps()
told(first, answer)

agent.stream_outputs = True
events = list(agent.run(SECOND, stream=True, reset=False))
pieces = sum(isinstance(event, ChatMessageStreamDelta) for event in events)
told(steps()[len(first) :], events[-1].output, pieces)
