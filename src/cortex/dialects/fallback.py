"""Our own notation, for models whose template knows no tools, or that do better with it (Qwen2.5-Coder).

    ```json
    [
    {"name": "get_weather", "arguments": {"city": "Paris"}},
    {"name": "now", "arguments": {}}
    ]
    ```

A list, because models that were not trained on markers know where a list ends.
"""

from cortex.core.dialect import Dialect

DIALECT = Dialect(
    name="fallback",
    begin="```json\n[\n",
    call='{"name": "«name»", "arguments": «arguments»}',
    separator=",\n",
    end="\n]\n```",
    prompt="""\
You can call functions. These are the functions, as JSON schemas:
<CUSTOM_FUNCTIONS>

If the request needs functions, reply with nothing but a JSON list of all the calls that it needs, in this form:
```json
[
{"name": "function name", "arguments": {"argument": "value"}}
]
```
Use only arguments that the conversation gives. If a required argument is missing, do not call: ask for it. \
If no function fits the request, answer in plain text.
""",
    results="The functions returned:\n«results»\n\nUse this to answer my request in plain text.",
    result="«name»: «result»",
)
