// Vercel's `ai` with `@ai-sdk/openai-compatible`: its own tool loop, whole and streamed.
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { FIRST, FUNCTIONS, SECOND, call, tell } from "./scene.mjs";

// docs
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const baseURL = "http://localhost:39281/v1";
const cortex = createOpenAICompatible({ name: "cortex", baseURL, apiKey: "not-needed", includeUsage: true });
const model = cortex("qwen2.5-coder:1.5b");
// end

const inputSchema = z.object({ city: z.string() });
const tools = Object.fromEntries(
  Object.entries(FUNCTIONS).map(([name, { about, run }]) => [
    name,
    tool({ description: about, inputSchema, execute: async (given) => run(given) }),
  ]),
);
const settings = { model, tools, temperature: 0, stopWhen: isStepCount(3) };

function told(steps, pieces = 0) {
  for (const step of steps) {
    tell({
      streamed: pieces > 0,
      calls: step.toolCalls.map((c) => call(c.toolCallId, c.toolName, c.input)),
      text: step.text,
      pieces,
      finish: step.finishReason.replace("-", "_"),
      prompt: step.usage.inputTokens,
      completion: step.usage.outputTokens,
    });
  }
}

const messages = [{ role: "user", content: FIRST }];
const first = await generateText({ ...settings, messages });
told(first.steps);

messages.push(...first.responseMessages, { role: "user", content: SECOND });
const second = streamText({ ...settings, messages });
let pieces = 0;
for await (const part of second.fullStream) pieces += part.type.endsWith("-delta") ? 1 : 0;
told(await second.steps, pieces);
