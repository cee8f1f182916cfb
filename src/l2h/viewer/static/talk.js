// Talking to the server, and putting text on the page: always as text, never as markup.

export class Refused extends Error {}

export async function get(path) {
  return answerOf(await fetch(path, { credentials: "same-origin" }));
}

export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return answerOf(await fetch(path, { method: "POST", credentials: "same-origin", headers, body: JSON.stringify(body) }));
}

async function answerOf(response) {
  const value = await response.json();
  if (response.ok) return value;
  if (response.status >= 500) throw new Error(value.error);
  throw new Refused(value.error);
}

export const byId = (id) => document.getElementById(id);

// an element with a class, a text and children
export function make(tag, { css = "", text = "", ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  if (css) element.className = css;
  if (text !== "") element.textContent = text;
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

export function key() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export function told(files) {
  return `${files.files.join(", ")} in ${files.folder}: ${files.with_class} points with a class, ` +
    `${files.cannot_tell} where people cannot tell, ${files.waiting} waiting.`;
}
