const needsEscape = /["\\\u0000-\u001f\ud800-\udfff]/

/** A string as JSON: what `JSON.stringify` gives, faster for the many strings that need no escape. */
export function quoteJson(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`
}
