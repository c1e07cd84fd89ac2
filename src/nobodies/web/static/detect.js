// Detect: a picture at once; a video, the camera or a window frame by frame, as fast as the server answers.

import { callJson, number, takeFiles, tell, tellFailure, text } from "./lib.js";

const FRAME_PX = 960;
const FRAME_QUALITY = 0.75;
const RATE_OVER_MS = 2000;

const view = document.getElementById("view");
const seen = document.getElementById("seen");
const found = document.getElementById("found");
const video = document.getElementById("video");
const stop = document.getElementById("stop");
const pen = view.getContext("2d");
let watching = null;

function say(faces) {
  if (faces === 0) return text("no_faces");
  return faces === 1 ? text("one_face") : text("faces", { count: number(faces) });
}

/** Draw a picture and the boxes of its faces, which were measured at another size. */
function paint(source, width, height, answer) {
  if (view.width !== width || view.height !== height) [view.width, view.height] = [width, height];
  pen.drawImage(source, 0, 0, width, height);
  const scale = width / answer.width;
  const unit = Math.max(2, Math.min(width, height) / 250);
  for (const face of answer.faces) {
    const [left, top, right, bottom] = face.box.map((edge) => edge * scale);
    pen.lineWidth = unit * 2;
    pen.strokeStyle = "rgb(0 0 0 / 45%)";
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.lineWidth = unit;
    pen.strokeStyle = "#7ff0da";
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.fillStyle = "#7ff0da";
    for (const [x, y] of Object.values(face.keypoints)) {
      pen.beginPath();
      pen.arc(x * scale, y * scale, unit * 1.2, 0, 2 * Math.PI);
      pen.fill();
    }
  }
  seen.hidden = false;
}

async function lookAtPicture(file) {
  halt();
  found.textContent = text("looking");
  try {
    const answer = await callJson("/api/v1/detect", { method: "POST", headers: { "Content-Type": file.type || "application/octet-stream" }, body: file });
    const picture = await createImageBitmap(file);
    paint(picture, picture.width, picture.height, answer);
    found.textContent = say(answer.faces.length);
  } catch (error) {
    found.textContent = "";
    tellFailure(error);
  }
}

/** Watch a video element until it is stopped: one frame goes out when the boxes of the one before have come back. */
async function watch() {
  const socket = new WebSocket(new URL("/live", location.href.replace(/^http/, "ws")));
  const mine = (watching = { socket, times: [] });
  stop.hidden = false;
  const small = document.createElement("canvas");
  const sketch = small.getContext("2d");

  function send() {
    if (watching !== mine || socket.readyState !== WebSocket.OPEN) return;
    const scale = Math.min(1, FRAME_PX / Math.max(video.videoWidth, video.videoHeight));
    if (!video.videoWidth || video.readyState < 2) {
      setTimeout(send, 50);
      return;
    }
    small.width = Math.round(video.videoWidth * scale);
    small.height = Math.round(video.videoHeight * scale);
    sketch.drawImage(video, 0, 0, small.width, small.height);
    small.toBlob((blob) => socket.readyState === WebSocket.OPEN && socket.send(blob), "image/jpeg", FRAME_QUALITY);
  }

  socket.addEventListener("open", send);
  socket.addEventListener("message", (event) => {
    if (watching !== mine) return;
    const answer = JSON.parse(event.data);
    if (answer.faces) {
      paint(small, small.width, small.height, answer);
      const now = performance.now();
      mine.times = [...mine.times.filter((time) => time > now - RATE_OVER_MS), now];
      found.textContent = text("live", { faces: say(answer.faces.length), rate: number((1000 * mine.times.length) / RATE_OVER_MS) });
      requestAnimationFrame(send);
    } else setTimeout(send, 500);
  });
  socket.addEventListener("close", (event) => {
    if (watching !== mine) return;
    halt();
    tell(event.reason ? text("time_up") : text("too_busy"));
  });
}

function halt() {
  if (!watching) return;
  const { socket } = watching;
  watching = null;
  socket.close();
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  if (video.src) {
    URL.revokeObjectURL(video.src);
    video.removeAttribute("src");
  }
  stop.hidden = true;
}

async function lookAtVideo(file) {
  halt();
  video.src = URL.createObjectURL(file);
  try {
    await video.play();
    watch();
  } catch {
    tell(text("unreadable"));
  }
}

async function share(ask) {
  halt();
  try {
    video.srcObject = await ask();
    video.srcObject.getVideoTracks()[0].addEventListener("ended", halt);
    await video.play();
    watch();
  } catch {
    tell(text("denied"));
  }
}

const take = (file) => (file.type.startsWith("video/") ? lookAtVideo(file) : lookAtPicture(file));
takeFiles(document.getElementById("drop"), document.getElementById("file"), take);
stop.addEventListener("click", halt);

const devices = navigator.mediaDevices;
const camera = document.getElementById("camera");
const screen = document.getElementById("window");
camera.hidden = !devices?.getUserMedia;
camera.addEventListener("click", () => share(() => devices.getUserMedia({ video: { width: 1280 }, audio: false })));
screen.hidden = !devices?.getDisplayMedia;
screen.addEventListener("click", () => share(() => devices.getDisplayMedia({ video: true, audio: false })));
