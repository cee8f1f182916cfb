import { byId, get, make, post, told } from "/static/talk.js";

const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
const number = (value) => (value === null ? "–" : value.toFixed(3));
const interval = (e, show) => (e.value === null || e.low === null ? show(e.value) : `${show(e.value)}  (${show(e.low)} to ${show(e.high)})`);

function table(head, rows) {
  const line = (cells, tag) => make("tr", {}, ...cells.map((text, i) => make(i ? tag : "th", { text: String(text) })));
  return make("table", {}, make("thead", {}, line(head, "th")), make("tbody", {}, ...rows.map((cells) => line(cells, "td"))));
}

function states(found) {
  const { open, agreed, disputed, adjudicated } = found.states;
  const words = [["agreed", agreed], ["adjudicated", adjudicated], ["disputed", disputed], ["open", open]];
  const total = open + agreed + disputed + adjudicated;
  const bar = make("div", { css: "stack" });
  for (const [name, count] of words) {
    const part = make("span", { css: name });
    part.style.width = `${(100 * count) / total}%`;
    bar.append(part);
  }
  const legend = make("p", { css: "keys" }, ...words.map(([name, count]) => make("span", { css: name, text: `${name} ${count}` })));
  byId("states").replaceChildren(bar, legend);
}

// answers of two people against each other; cells off the diagonal are where they differ
function matrix(pair, labels) {
  const used = labels.map((_, k) => k).filter((k) => pair.counts[k].some(Boolean) || pair.counts.some((row) => row[k]));
  const grid = table([`${pair.first} ↓  ${pair.second} →`, ...used.map((k) => labels[k])], used.map((r) => [labels[r], ...used.map((c) => pair.counts[r][c] || "·")]));
  grid.querySelectorAll("tbody tr").forEach((row, r) => {
    [...row.children].slice(1).forEach((cell, c) => cell.classList.add(r === c ? "same" : pair.counts[used[r]][used[c]] ? "differ" : "none"));
  });
  return make("details", {}, make("summary", { text: "answers against each other" }), make("div", { css: "wide" }, grid));
}

function draw(found) {
  document.title = `Agreement · ${found.title}`;
  byId("title").textContent = `${found.title}: agreement`;
  states(found);
  byId("overall").replaceChildren(table(["", `${found.points} points answered twice or more`], [
    ["equal answers (95 % interval)", interval(found.agree, percent)],
    ["Fleiss’ kappa (95 % interval)", interval(found.kappa, number)],
  ]));
  byId("classes").replaceChildren(table(["class", "answers", "specific agreement", "kappa against the rest (95 % interval)"],
    found.classes.map((c) => [c.label, c.answers, percent(c.specific), interval(c.kappa, number)])));
  byId("pairs").replaceChildren(...(found.pairs.length ? found.pairs.map((pair) => make("section", { css: "pair" },
    table([`${pair.first} and ${pair.second}`, `${pair.points} points`], [
      ["equal answers (95 % interval)", interval(pair.agree, percent)],
      ["Cohen’s kappa (95 % interval)", interval(pair.kappa, number)],
    ]), matrix(pair, found.labels))) : [make("p", { text: "No two people have answered one point yet." })]));
}

byId("export").addEventListener("click", async () => {
  byId("files").textContent = "writing…";
  try {
    byId("files").textContent = `Written: ${told(await post("/api/export", {}))}`;
  } catch (error) {
    byId("files").textContent = error.message;
  }
});

get("/api/agreement").then(draw, (error) => { byId("title").textContent = error.message; });
