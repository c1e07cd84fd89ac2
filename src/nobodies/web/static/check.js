// Is it real?: what a picture says of its origin, and the face drawn again beside it.

import { callJson, number, takeFiles, tellFailure, text } from "./lib.js";

const verdict = document.getElementById("verdict");
const given = document.getElementById("given");

function kind(answer) {
  if (answer.same) return "check_same";
  if (answer.same === false) return "check_other";
  return answer.generated ? "check_made" : "check_none";
}

function fact(name, value) {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  const detail = document.createElement("dd");
  term.textContent = name;
  detail.textContent = value;
  row.append(term, detail);
  return row;
}

/** A finding in the visitor's language, with its measures. */
function finding({ name, state, values }) {
  const percent = (value = 0, digits) =>
    value.toLocaleString(document.documentElement.lang, { style: "percent", maximumFractionDigits: digits });
  const places = {
    odd_decades: number(values.odd_decades ?? 0, 2),
    probability: percent(values.probability, 0),
    false_alarms: percent(values.false_alarms, 1),
  };
  return fact(text(`finding_${name}`), text(`finding_${name}_${state.replaceAll(" ", "_")}`, places));
}

async function look(file) {
  try {
    const answer = await callJson("/api/v1/check", { method: "POST", headers: { "Content-Type": file.type || "application/octet-stream" }, body: file });
    document.getElementById("verdict-title").textContent = text(kind(answer));
    document.getElementById("verdict-text").textContent = text(`${kind(answer)}_text`);
    if (given.src) URL.revokeObjectURL(given.src);
    given.src = URL.createObjectURL(file);
    document.getElementById("again-figure").hidden = !answer.picture;
    if (answer.picture) {
      document.getElementById("again").src = answer.picture;
      document.getElementById("again-link").href = answer.page;
    }
    const recipe = Object.entries(answer.recipe ?? {}).filter(([, value]) => value !== null);
    const marks = answer.marks.map((mark) => fact(text(`mark_${mark.name}`), text(`state_${mark.state.replace(" ", "_")}`)));
    document.getElementById("recipe").replaceChildren(...marks, ...recipe.map(([name, value]) => fact(name, String(value))));
    document.getElementById("findings").replaceChildren(...answer.findings.map(finding));
    document.getElementById("findings-part").hidden = answer.findings.length === 0;
    verdict.hidden = false;
    verdict.scrollIntoView({ block: "nearest" });
  } catch (error) {
    tellFailure(error);
  }
}

takeFiles(document.getElementById("drop"), document.getElementById("file"), look);
