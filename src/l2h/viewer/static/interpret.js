// The interpretation page. Every answer goes into an outbox in this browser first and leaves it when the server has said
// that it is on the disk, so neither a killed server nor a closed tab loses one; the server knows answers by their key.

import { byId, get, key, make, post, Refused, told } from "/static/talk.js";

const GLOWS = ["", "glow", "bright"];
const WORDS = { high: "high", medium: "medium", low: "low" };
const DEGREES = Object.keys(WORDS);
const state = { setup: null, person: null, view: null, big: 0, scene: 0, glow: 0, confidence: "high", shownAt: 0, spent: 0, busy: false };

// ---- outbox ---------------------------------------------------------------------------------------------------------

const boxName = () => `l2h-outbox-${state.setup.version}`;
const outbox = () => JSON.parse(localStorage.getItem(boxName()) || "[]");
const keep = (items) => localStorage.setItem(boxName(), JSON.stringify(items));

const drop = (sent) => keep(outbox().filter((item) => item.body.key !== sent));

// an answer stays in the box until the server has it; other pages of this browser may have theirs in there too
async function send(path, body) {
  if (path === "/api/answer") keep([...outbox(), { path, body }]);
  try {
    return await insist(path, body);
  } finally {
    drop(body.key);
  }
}

// asks until the server answers; only a refusal ends it otherwise
async function insist(path, body) {
  for (;;) {
    try {
      return await post(path, body);
    } catch (error) {
      if (error instanceof Refused) throw error;
      say(`Not saved yet: ${error.message}. ${outbox().length} kept in this browser; trying again…`, "warn");
      await new Promise((wake) => setTimeout(wake, 1500));
    }
  }
}

// sends what a page that was closed too early has left
async function flush() {
  for (const { path, body } of outbox()) {
    try {
      await insist(path, body);
    } catch (error) {
      say(`An answer kept in this browser was refused: ${error.message}`, "warn");
    }
    drop(body.key);
  }
}

function say(text, mood = "") {
  byId("status").textContent = text;
  byId("status").className = mood;
}

// ---- asking ---------------------------------------------------------------------------------------------------------

const me = () => ({ interpreter: state.person.name, role: state.person.role });

// one request at a time: keys pressed meanwhile wait for nothing and change nothing
async function during(act) {
  if (state.busy) return;
  state.busy = true;
  try {
    await act();
  } catch (error) {
    say(error.message, "warn");
  } finally {
    state.busy = false;
  }
}

const show = async (wish) => draw(await post("/api/point", { ...me(), ...wish }));

const next = () => during(() => {
  const { view } = state;
  if (view.point === null) return null;
  if (view.next) return show({ point: view.next });
  return show(view.answer ? {} : { skip: view.point });
});

const previous = () => during(() => state.view.previous && show({ point: state.view.previous }));

const undo = () => during(async () => {
  if (!state.view.progress.can_undo) return say("There is nothing to undo.");
  draw(await send("/api/undo", { ...me(), key: key() }));
  return say("Taken back.");
});

const answer = (value) => during(async () => {
  const { view } = state;
  if (!view || view.point === null) return;
  const body = {
    ...me(), key: key(), point: view.point, value, confidence: state.confidence, comment: byId("comment").value,
    scene: state.scene || (view.scenes[0] ? view.scenes[0].index : 0), seconds: spent(),
  };
  mark(value);
  const kept = await send("/api/answer", body);
  say(`Point ${view.point}: ${nameOf(value)}, saved ${new Date().toLocaleTimeString("en-GB")}.`);
  if (byId("onward").checked && !view.answer) await show({});
  else if (kept) draw(kept, true);
});

// a changed note or degree goes with the answer that stands
const amend = () => {
  const { view } = state;
  if (view && view.answer && (view.answer.comment !== byId("comment").value.trim() || view.answer.confidence !== state.confidence)) answer(view.answer.value);
};

function nameOf(value) {
  const found = state.setup.classes.find((c) => c.value === value);
  return found ? found.label : "cannot tell";
}

// seconds the point was looked at: a page that is out of sight does not count
function spent() {
  return state.spent + (document.hidden ? 0 : (performance.now() - state.shownAt) / 1000);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) state.spent += (performance.now() - state.shownAt) / 1000;
  else state.shownAt = performance.now();
});

// ---- drawing --------------------------------------------------------------------------------------------------------

function draw(view, stay = false) {
  state.view = view;
  byId("desk").hidden = view.point === null;
  byId("done").hidden = view.point !== null;
  drawProgress(view.progress);
  if (view.point === null) return drawDone(view);
  byId("number").textContent = `Point ${view.point}`;
  if (!stay) {
    Object.assign(state, { scene: 0, shownAt: performance.now(), spent: 0 });
    byId("comment").value = view.answer ? view.answer.comment : "";
  }
  state.confidence = view.answer ? view.answer.confidence : "high";
  drawDates();
  if (!stay) drawPictures();
  mark(view.answer ? view.answer.value : undefined);
  drawConfidence();
  drawHeard();
  byId("previous").disabled = !view.previous;
  byId("undo").disabled = !view.progress.can_undo;
  preload(view.coming);
}

function drawProgress(progress) {
  const whole = progress.done + progress.left;
  byId("bar").style.width = `${whole ? (100 * progress.done) / whole : 0}%`;
  byId("progress").textContent = `${progress.done} of ${whole}`;
  const pace = progress.seconds_per_point;
  byId("pace").textContent = pace ? `${pace.toFixed(pace < 10 ? 1 : 0)} s a point, about ${span(pace * progress.left)} left` : "";
}

function span(seconds) {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function drawDone(view) {
  const { disputed_for_me: disputes, states } = view.progress;
  const judge = state.person.role === "adjudicate";
  byId("done-title").textContent = judge ? "No dispute waits for you" : "No point waits for you";
  byId("done-text").textContent = `${states.agreed} points agreed, ${states.adjudicated} adjudicated, ${states.disputed} disputed, ${states.open} still open for others.`;
  byId("done-previous").disabled = !view.previous;
  byId("done-dispute").hidden = judge || !disputes;
  byId("done-dispute").textContent = `Decide ${disputes} disputes of others`;
}

const pictureOf = (point, zoom, scene) => `/picture/${point}/${zoom}?v=${state.setup.version}${scene ? `&scene=${scene}` : ""}`;

function drawPictures() {
  state.setup.zooms.forEach((_, zoom) => {
    const image = byId(`view-${zoom}`).querySelector("img");
    image.src = pictureOf(state.view.point, zoom, state.scene);
  });
}

function preload(point) {
  if (point) state.setup.zooms.forEach((_, zoom) => { new Image().src = pictureOf(point, zoom, 0); });
}

function day(text) {
  return text ? new Date(`${text}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }) : "date unknown";
}

function drawDates() {
  const { scenes } = state.view;
  const shown = state.scene || (scenes[0] ? scenes[0].index : 0);
  const buttons = scenes.map((scene, i) => {
    const button = make("button", { css: "date", text: `${day(scene.date)}${i ? "" : " (mapped)"}`, type: "button" });
    button.setAttribute("aria-pressed", String(scene.index === shown));
    button.addEventListener("click", () => pickScene(i));
    return button;
  });
  if (scenes.length > 1) buttons.push(make("kbd", { text: "D" }));
  byId("dates").replaceChildren(...(buttons.length ? buttons : [make("span", { text: "no picture here" })]));
}

function pickScene(number) {
  const { scenes } = state.view;
  if (!scenes.length) return;
  state.scene = number % scenes.length ? scenes[number % scenes.length].index : 0;
  drawDates();
  drawPictures();
}

const nextScene = () => {
  const at = state.view.scenes.findIndex((scene) => scene.index === state.scene);
  pickScene(Math.max(at, 0) + 1);
};

function mark(value) {
  document.querySelectorAll("#classes button").forEach((button) => {
    const chosen = value !== undefined && button.dataset.value === String(value);
    button.setAttribute("aria-pressed", String(chosen));
  });
}

function drawConfidence() {
  document.querySelectorAll("#confidence button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.degree === state.confidence)));
}

function drawHeard() {
  const { others } = state.view;
  byId("heard").hidden = !others.length;
  const words = others.map((o) => `${nameOf(o.value)} (${WORDS[o.confidence]})${o.comment ? ` “${o.comment}”` : ""}`);
  byId("heard").textContent = `They said: ${words.join(" · ")}`;
  document.querySelectorAll("#classes button").forEach((button) => {
    const votes = others.filter((o) => String(o.value) === button.dataset.value).length;
    button.querySelector(".votes").textContent = "●".repeat(votes);
  });
}

function surer(step) {
  const at = DEGREES.indexOf(state.confidence) - step;
  state.confidence = DEGREES[Math.min(Math.max(at, 0), DEGREES.length - 1)];
  drawConfidence();
  amend();
}

// ---- building once --------------------------------------------------------------------------------------------------

const drawing = (tag, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  return element;
};

// the point's pixel in true size, four strokes that lead to it, and the frame of the next closer picture
function marks(zoom) {
  const { pixels } = state.setup.zooms[zoom];
  const middle = pixels / 2;
  const gap = Math.max(1.5, pixels * 0.03);
  const reach = gap + pixels * 0.06;
  const svg = drawing("svg", { viewBox: `0 0 ${pixels} ${pixels}`, class: "marks" });
  const strokes = [[1, 0], [-1, 0], [0, 1], [0, -1]].map(([x, y]) => `M${middle + x * gap} ${middle + y * gap}L${middle + x * reach} ${middle + y * reach}`).join("");
  const shapes = [`M${middle - 0.5} ${middle - 0.5}h1v1h-1z`, strokes];
  shapes.forEach((d) => svg.append(drawing("path", { d, class: "under" }), drawing("path", { d, class: "over" })));
  if (zoom > 0) {
    const side = state.setup.zooms[zoom - 1].pixels;
    svg.append(drawing("rect", { x: middle - side / 2, y: middle - side / 2, width: side, height: side, class: "inner" }));
  }
  return svg;
}

function buildViews() {
  const { zooms, pixel_m: pixel } = state.setup;
  byId("views").replaceChildren(...zooms.map((zoom, number) => {
    const image = make("img", { alt: `The place, ${Math.round(zoom.metres)} m across`, draggable: false });
    const note = make("span", { css: "note" });
    image.addEventListener("error", () => { note.textContent = "This picture cannot be shown."; });
    image.addEventListener("load", () => { note.textContent = ""; });
    const caption = make("figcaption", { text: `${Math.round(zoom.metres)} m across${number ? "" : ` · square: ${pixel} m`}` });
    const figure = make("figure", { id: `view-${number}` }, image, marks(number), note, caption);
    figure.addEventListener("click", () => enlarge(number));
    return figure;
  }));
  enlarge(0);
}

function enlarge(zoom) {
  state.big = zoom;
  const small = state.setup.zooms.map((_, n) => n).filter((n) => n !== zoom);
  state.setup.zooms.forEach((_, n) => { byId(`view-${n}`).dataset.slot = n === zoom ? "big" : `small-${small.indexOf(n)}`; });
}

function buildClasses() {
  const rows = state.setup.classes.map((c) => [c.value, c.digit, c.letter, c.label, c.definition, `rgb(${c.colour.join(",")})`]);
  rows.push(["null", "0", "", "Cannot tell", "Clouded, dark, no picture, or no way to know", ""]);
  byId("classes").replaceChildren(...rows.map(([value, digit, letter, label, definition, colour]) => {
    const swatch = make("i", { css: "swatch" });
    if (colour) swatch.style.background = colour;
    const caps = [digit, letter].map((k) => make("kbd", { text: k.toUpperCase(), css: k ? "" : "blank" }));
    const button = make("button", { type: "button", title: definition }, ...caps, swatch, make("span", { css: "name", text: label }), make("span", { css: "votes" }));
    button.dataset.value = value;
    button.addEventListener("click", () => answer(value === "null" ? null : value));
    return button;
  }));
}

function buildConfidence() {
  byId("confidence").replaceChildren(...DEGREES.map((degree) => {
    const button = make("button", { type: "button", text: WORDS[degree] });
    button.dataset.degree = degree;
    button.addEventListener("click", () => { state.confidence = degree; drawConfidence(); amend(); });
    return button;
  }));
}

// ---- keys -----------------------------------------------------------------------------------------------------------

const COMMANDS = {
  ArrowRight: next, Enter: next, ArrowLeft: previous, u: undo, Backspace: undo,
  ArrowUp: () => surer(1), ArrowDown: () => surer(-1),
  z: () => enlarge((state.big + 1) % state.setup.zooms.length),
  d: nextScene,
  f: () => byId("views").classList.toggle("unmarked"),
  l: () => { state.glow = (state.glow + 1) % GLOWS.length; byId("views").dataset.glow = GLOWS[state.glow]; },
  "/": () => byId("comment").focus(),
  0: () => answer(null),
  "?": () => byId("keys").showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
  if (event.target === byId("comment")) {
    if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); byId("comment").blur(); amend(); }
    return;
  }
  if (!state.view || (event.repeat && !event.key.startsWith("Arrow"))) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = state.setup.classes.find((c) => name !== "" && (c.digit === name || c.letter === name));
  const act = found ? () => answer(found.value) : COMMANDS[name];
  if (!act || (event.key === "Enter" && event.target.tagName === "A")) return;
  event.preventDefault();
  act();
}

// ---- entering -------------------------------------------------------------------------------------------------------

function remember(person) {
  state.person = person;
  sessionStorage.setItem("l2h-person", JSON.stringify(person));
  byId("who").textContent = `${person.name} · ${person.role === "interpret" ? "interpreting" : "deciding"}`;
}

async function begin(person) {
  remember(person);
  await flush();
  await show({});
}

function ask() {
  const known = JSON.parse(sessionStorage.getItem("l2h-person") || "null");
  byId("name").value = state.setup.only || (known ? known.name : "");
  byId("name").readOnly = Boolean(state.setup.only);
  byId("people").replaceChildren(...state.setup.people.map((value) => make("option", { value })));
  byId("enter").showModal();
}

byId("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await begin({ name: byId("name").value, role: document.querySelector("input[name=role]:checked").value });
    byId("enter").close();
  } catch (error) {
    byId("enter-error").textContent = error.message;
    sessionStorage.removeItem("l2h-person");
  }
});
byId("enter").addEventListener("cancel", (event) => { if (!state.view) event.preventDefault(); });

async function start() {
  state.setup = await get("/api/setup");
  document.title = `Interpretation · ${state.setup.title}`;
  byId("title").textContent = state.setup.title;
  byId("meanings").replaceChildren(...state.setup.classes.flatMap((c) => [
    make("dt", {}, ...[c.digit, c.letter].filter(Boolean).map((k) => make("kbd", { text: k.toUpperCase() }))),
    make("dd", {}, make("b", { text: c.label }), make("span", { text: ` ${c.definition}` })),
  ]));
  buildViews();
  buildClasses();
  buildConfidence();
  byId("onward").checked = localStorage.getItem("l2h-onward") !== "no";
  const known = JSON.parse(sessionStorage.getItem("l2h-person") || "null");
  if (!known || (state.setup.only && known.name !== state.setup.only)) return ask();
  return begin(known).catch((error) => { byId("enter-error").textContent = error.message; ask(); });
}

byId("onward").addEventListener("change", () => localStorage.setItem("l2h-onward", byId("onward").checked ? "yes" : "no"));
byId("comment").addEventListener("blur", amend);
byId("next").addEventListener("click", next);
byId("previous").addEventListener("click", previous);
byId("done-previous").addEventListener("click", previous);
byId("undo").addEventListener("click", undo);
byId("who").addEventListener("click", ask);
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("done-dispute").addEventListener("click", () => during(() => begin({ ...state.person, role: "adjudicate" })));
byId("done-export").addEventListener("click", () => during(async () => { byId("done-files").textContent = `Written: ${told(await post("/api/export", {}))}`; }));
document.addEventListener("keydown", pressed);
start().catch((error) => say(error.message, "warn"));
