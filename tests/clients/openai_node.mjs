// `openai` for Node: whole replies, and the `stream` helper.
import { FIRST, SECOND, TOOLS, call, result, tell } from "./scene.mjs";

// docs
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://localhost:39281/v1", apiKey: "not-needed" });
const model = "qwen2.5-coder:1.5b";
// end

const messages = [];
const asked = () => ({ model, messages, tools: TOOLS, temperature: 0 });

function told(reply, pieces = 0) {
  const [{ message, finish_reason: finish }] = reply.choices;
  tell({
    streamed: pieces > 0,
    calls: (message.tool_calls ?? []).map((c) => call(c.id, c.function.name, c.function.arguments)),
    text: message.content,
    pieces,
    finish,
    prompt: reply.usage.prompt_tokens,
    completion: reply.usage.completion_tokens,
  });
  return message;
}

const whole = async () => told(await client.chat.completions.create(asked()));

async function streamed() {
  let pieces = 0;
  const stream = client.chat.completions.stream({ ...asked(), stream_options: { include_usage: true } });
  stream.on("chunk", () => pieces++);
  return told(await stream.finalChatCompletion(), pieces);
}

for (const [question, ask] of [[FIRST, whole], [SECOND, streamed]]) {
  messages.push({ role: "user", content: question });
  for (let turn = 0; turn < 2; turn++) {
    const message = await ask();
    messages.push(message);
    for (const made of message.tool_calls ?? []) {
      const content = result(made.function.name, JSON.parse(made.function.arguments));
      messages.push({ role: "tool", tool_call_id: made.id, content });
    }
  }
}
