// The guessing game: made or real?

import { callJson, tellFailure, text } from "./lib.js";

const image = document.getElementById("game-face");
const score = document.getElementById("game-score");
const following = document.getElementById("game-next");
const guesses = [...document.querySelectorAll("[data-guess]")];
let round = null;
let right = 0;
let total = 0;

async function begin() {
  try {
    round = await callJson("/game/round");
    image.src = round.picture;
    score.textContent = total ? text("game_score", { right, total }) : "";
    following.hidden = true;
    for (const button of guesses) button.disabled = false;
  } catch (error) {
    tellFailure(error);
  }
}

async function guess(real) {
  for (const button of guesses) button.disabled = true;
  try {
    const answer = await callJson(`/game/${round.name}/answer`);
    total += 1;
    right += Number(answer.real === real);
    const verdict = [answer.real === real ? "game_right" : "game_wrong", answer.real ? "game_was_real" : "game_was_made"];
    score.textContent = `${verdict.map((name) => text(name)).join(" ")} ${text("game_score", { right, total })}`;
    following.hidden = false;
    following.focus();
  } catch (error) {
    tellFailure(error);
  }
}

for (const button of guesses) button.addEventListener("click", () => guess(button.dataset.guess === "real"));
following.addEventListener("click", begin);
begin();
