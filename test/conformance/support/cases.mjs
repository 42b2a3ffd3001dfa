import { MissingTool } from "./process.mjs";

/**
 * Runs named cases one after the other. A case throws when it fails; one that needs a missing tool is skipped.
 *
 * @param {Record<string, () => Promise<void>>} cases
 * @returns `{ passed, failed, skipped, details }`, `details` a list of `{ outcome, name, reason }`
 */
export async function runCases(cases) {
  const result = { passed: 0, failed: 0, skipped: 0, details: [] };
  for (const [name, runCase] of Object.entries(cases)) {
    try {
      await runCase();
      result.passed += 1;
    } catch (error) {
      const outcome = error instanceof MissingTool ? "skipped" : "failed";
      result[outcome] += 1;
      result.details.push({ outcome, name, reason: error.message });
    }
  }
  return result;
}

export function expect(condition, message) {
  if (!condition) throw new Error(message);
}

export function expectIncludes(text, wanted) {
  expect(text.includes(wanted), `"${wanted}" is not in:\n${shorten(text)}`);
}

/** Throws with what the program printed unless it ended well. */
export function expectSuccess({ code, output, errors, timedOut }) {
  expect(!timedOut, `timed out after printing:\n${shorten(output + errors)}`);
  expect(code === 0, `exited with ${code}:\n${shorten(output + errors)}`);
}

function shorten(text) {
  return text.length > 2000 ? `${text.slice(0, 2000)}...` : text;
}
