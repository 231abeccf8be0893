"""Cohere's Command R and R+.

    Action:
    ```json
    [
        {
            "tool_name": "get_weather",
            "parameters": {
                "city": "Paris"
            }
        }
    ]```

Source: the chat template of CohereForAI/c4ai-command-r-plus.
"""

from cortex.core.arguments.json import Json
from cortex.core.dialect import Dialect, Notation

DIALECT = Dialect(
    name="command-r-plus",
    notation=Notation(
        begin="Action:\n```json\n[\n    ",
        call='{\n        "tool_name": "«name»",\n        "parameters": «arguments»\n    }',
        separator=",\n    ",
        end="\n]```",
        arguments=Json(indent=4, margin=8),
    ),
    detect=("Action:", "tool_name", "```json"),
)
