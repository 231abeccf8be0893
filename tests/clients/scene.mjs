// What scene.py is, for Node: two tools, two questions that need both at once, and how replies are told.
export const FIRST = "What is the weather in Paris, and what time is it in Tokyo?";
export const SECOND = "And the weather in Oslo, and the time in Lima?";

const WEATHER = { Paris: "18 degrees, rain", Oslo: "3 degrees, snow" };
const TIMES = { Tokyo: "07:42", Lima: "17:25" };

export const FUNCTIONS = {
  get_weather: { about: "Get the current weather in a city.", run: ({ city }) => WEATHER[city] ?? "unknown" },
  get_local_time: { about: "Get the local time in a city.", run: ({ city }) => TIMES[city] ?? "unknown" },
};

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const TOOLS = Object.entries(FUNCTIONS).map(([name, { about }]) => ({
  type: "function",
  function: { name, description: about, parameters },
}));

export const result = (name, given) => FUNCTIONS[name].run(given);

/** A call as it is told. Throws where its arguments are no JSON. */
export const call = (id, name, given) => ({ id, name, arguments: typeof given === "string" ? JSON.parse(given) : given });

export const tell = (told) => console.log(JSON.stringify({ ...told, text: told.text ?? "" }));
