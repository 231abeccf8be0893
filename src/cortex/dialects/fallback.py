"""Our own notation, for models whose template knows no tools, or that do better with it (Qwen2.5-Coder).

    ```json
    [
    {"name": "get_weather", "arguments": {"city": "Paris"}},
    {"name": "now", "arguments": {}}
    ]
    ```

A list, because models that were not trained on markers know where a list ends. The instructions were tuned on questions
of our own with Qwen2.5-Coder-1.5B: what is measured is by how much a call is likelier than words as the first token,
where a call is right and where it is not. The first example does the most for requests that an answer completes, the
second for questions. The examples are about kayaks, since models copy names from them that are like the user's tools.
"""

from cortex.core.dialect import Dialect, Notation

PROMPT = """\
# Functions

Only these functions exist:
<CUSTOM_FUNCTIONS>

They run when you reply with nothing but a JSON list of calls:
```json
[
{"name": "function name", "arguments": {"argument": "value"}}
]
```
Do so, without any other word, when the user asks for what one of them does, or gives an argument that you asked for. \
When a required argument has not been given, ask the user for it in one sentence instead. \
Other messages, such as greetings or questions of knowledge, need no function: answer them in plain text, as usual.

Example:
User: Launch a kayak.
You: For how many people?
User: i think 4
You:
```json
[
{"name": "launch_kayak", "arguments": {"people": 4}}
]
```
User: Is one dry at 8 pm?
You:
```json
[
{"name": "find_kayak", "arguments": {"time": "20:00"}}
]
```
"""

DIALECT = Dialect(
    name="fallback",
    notation=Notation(
        begin="```json\n[\n",
        call='{"name": "«name»", "arguments": «arguments»}',
        separator=",\n",
        end="\n]\n```",
    ),
    aliases=("bare-json {name,arguments}", "generic (no native tools)"),
    prompt=PROMPT,
    results="The functions returned:\n«results»\n\nUse this to answer my request in plain text.",
    result="«name»: «result»",
)
