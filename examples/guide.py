"""The function calling guide's own script, word for word, with the few lines between its blocks that it leaves out.

    python examples/guide.py        # needs a server on the guide's port with a model of the guide's name
"""

# 2. Initialize the Python Client
from datetime import datetime
from openai import OpenAI
from pydantic import BaseModel
import json

MODEL = "llama3.1:8b-gguf-q4-km"

client = OpenAI(
    base_url="http://localhost:39281/v1",
    api_key="not-needed"  # Authentication is not required for local deployment
)

# 3. Implement Function Calling
tools = [
    {
        "type": "function",
        "function": {
            "name": "get_delivery_date",
            "strict": True,
            "description": "Get the delivery date for a customer's order. Call this whenever you need to know the delivery date, for example when a customer asks 'Where is my package'",
            "parameters": {
                "type": "object",
                "properties": {
                    "order_id": {
                        "type": "string",
                        "description": "The customer's order ID.",
                    },
                },
                "required": ["order_id"],
                "additionalProperties": False,
            },
        }
    }
]

completion_payload = {
    "messages": [
        {"role": "system", "content": "You are a helpful customer support assistant. Use the supplied tools to assist the user."},
        {"role": "user", "content": "Hi, can you tell me the delivery date for my order?"},
    ]
}

response = client.chat.completions.create(
    top_p=0.9,
    temperature=0.6,
    model="llama3.1:8b-gguf-q4-km",
    messages=completion_payload["messages"],
    tools=tools,
)
print(response)

# 4. Handle User Input
completion_payload = {
    "messages": [
        {"role": "system", "content": "You are a helpful customer support assistant. Use the supplied tools to assist the user."},
        {"role": "user", "content": "Hi, can you tell me the delivery date for my order?"},
        {"role": "assistant", "content": "Of course! Please provide your order ID so I can look it up."},
        {"role": "user", "content": "i think it is order_70705"},
    ]
}

response = client.chat.completions.create(
    model="llama3.1:8b-gguf-q4-km",
    messages=completion_payload["messages"],
    tools=tools,
    temperature=0.6,
    top_p=0.9
)
print(response)

# 5. Process Function Results
# Simulate function execution
order_id = "order_12345"
delivery_date = datetime.now()

function_call_result_message = {
    "role": "tool",
    "content": json.dumps({
        "order_id": order_id,
        "delivery_date": delivery_date.strftime('%Y-%m-%d %H:%M:%S')
    }),
    "tool_call_id": "call_62136354"
}

final_messages = completion_payload["messages"] + [
    {
        "role": "assistant",
        "tool_calls": [{
            "id": "call_62136354",
            "type": "function",
            "function": {
                "arguments": "{'order_id': 'order_12345'}",
                "name": "get_delivery_date"
            }
        }]
    },
    function_call_result_message
]
response = client.chat.completions.create(
    model="llama3.1:8b-gguf-q4-km",
    messages=final_messages,
    tools=tools,
    temperature=0.6,
    top_p=0.9
)
print(response)

# Parallel Function Calls
tools = [
    {
        "type": "function",
        "function": {
            "name": "get_delivery_date",
            "strict": True,
            "description": "Get the delivery date for a customer's order.",
            "parameters": {
                "type": "object",
                "properties": {
                    "order_id": {
                        "type": "string",
                        "description": "The customer's order ID.",
                    },
                },
                "required": ["order_id"],
                "additionalProperties": False,
            },
        }
    },
    {
        "type": "function",
        "function": {
            "name": "get_current_conditions",
            "description": "Get the current weather conditions for a location",
            "parameters": {
                "type": "object",
                "properties": {
                    "location": {
                        "type": "string",
                        "description": "The city and state, e.g., San Francisco, CA"
                    },
                    "unit": {
                        "type": "string",
                        "enum": ["Celsius", "Fahrenheit"]
                    }
                },
                "required": ["location", "unit"]
            }
        }
    }
]
messages = [
    {"role": "system", "content": "You are a helpful customer support assistant. Use the supplied tools to assist the user."},
    {"role": "user", "content": "When will order_70705 arrive, and how is the weather in Boston, MA, in Celsius?"},
]
response = client.chat.completions.create(model=MODEL, messages=messages, tools=tools)
print(response)

# Controlling Function Execution
# Disable function calling
response = client.chat.completions.create(
    model=MODEL,
    messages=messages,
    tools=tools,
    tool_choice="none"
)
print(response)

# Force specific function
response = client.chat.completions.create(
    model=MODEL,
    messages=messages,
    tools=tools,
    tool_choice={"type": "function", "function": {"name": "get_current_conditions"}}
)
print(response)

# Enhanced Function Definitions
definition = json.loads("""
{
    "name": "pick_tshirt_size",
    "description": "Handle t-shirt size selection",
    "parameters": {
        "type": "object",
        "properties": {
            "size": {
                "type": "string",
                "enum": ["s", "m", "l"],
                "description": "T-shirt size selection"
            }
        },
        "required": ["size"]
    }
}
""")
response = client.chat.completions.create(
    model=MODEL,
    messages=[{"role": "user", "content": "I'd like a t-shirt. I am quite small."}],
    tools=[{"type": "function", "function": definition}],
)
print(response)
