// The synchronised player: all tracks run on one clock and only one of them is let through, so
// switching keeps the place to the sample. Nothing is normalised: every track plays at gain 1.
// Runs as gr.HTML's js_on_load: `element`, `props` and `watch` are given.
// props.value = {tracks: [{name, note, file: {url}}], waveforms: bool, active: number}

const RATE = 48000, FADE_S = 0.008, LEAD_S = 0.03, SKIP_S = 1.0;
const buffers = new Map();
let tracks = [], active = 0, offset = 0, loop = false, playing = false;
let context = null, voices = [], startedAt = 0, generation = 0, timer = 0;

const root = element.querySelector(".nsvq-player") || element;
const part = (name) => root.querySelector(`[data-part=${name}]`);

function make(tag, attributes = {}, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;  // never innerHTML: names come from visitors
  return node;
}

const seconds = () => Math.max(0, ...tracks.map((track) => track.buffer.duration));
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;

function position() {
  if (!playing) return offset;
  const at = Math.max(0, context.currentTime - startedAt) + offset;
  return loop ? at % seconds() : Math.min(at, seconds());
}

async function fetchBuffer(url) {
  if (!buffers.has(url)) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const decoder = new OfflineAudioContext(1, 1, RATE);  // needs no click first
    buffers.set(url, await decoder.decodeAudioData(await response.arrayBuffer()));
  }
  return buffers.get(url);
}

async function load(value) {
  const mine = ++generation;
  const wanted = (value && value.tracks) || [];
  root.dataset.state = wanted.length ? "loading" : "empty";
  try {
    const loaded = await Promise.all(wanted.map(async (track) =>
      ({ ...track, buffer: await fetchBuffer(track.file.url) })));
    if (mine !== generation) return;
    const urls = new Set(wanted.map((track) => track.file.url));
    for (const url of buffers.keys()) if (!urls.has(url)) buffers.delete(url);
    show(loaded, value || {});
  } catch (error) {
    if (mine !== generation) return;
    show([], {});
    root.dataset.state = "failed";
    part("status").textContent = "This sound is no longer here. Run it again.";
  }
}

function show(loaded, value) {
  const here = position(), wasPlaying = playing, before = tracks.length;
  silence();
  tracks = loaded;
  const same = before === tracks.length && value.keep !== false;
  if (!same) active = Math.min(value.active || 0, Math.max(0, tracks.length - 1));
  offset = same ? Math.min(here, seconds()) : 0;
  drawRows(value.waveforms !== false);
  root.dataset.state = tracks.length ? "ready" : "empty";
  part("status").textContent = tracks.length ? "" : "Nothing to hear yet.";
  part("seek").max = seconds();
  choose(active);
  refresh();
  if (wasPlaying && same && tracks.length) play();
}

function drawRows(waveforms) {
  const rows = tracks.map((track, index) => {
    const row = make("div", { class: "track", "data-seconds": track.buffer.duration.toFixed(4) });
    const button = make("button", { type: "button", class: "pick", "aria-pressed": "false" });
    button.append(make("kbd", { "aria-hidden": "true" }, String(index + 1)),
      make("span", { class: "name" }, track.name), make("span", { class: "note" }, track.note || ""));
    button.onclick = () => choose(index);
    row.append(button);
    if (waveforms) {
      const canvas = make("canvas", { "aria-hidden": "true" });
      canvas.onclick = (event) => { choose(index); seek(seconds() * event.offsetX / canvas.clientWidth); };
      row.append(canvas);
    }
    return row;
  });
  part("tracks").replaceChildren(...rows);
  tracks.forEach((track, index) => { track.row = rows[index]; track.peaks = null; });
}

function peaks(track, width) {
  if (track.peaks && track.peaks.length === width) return track.peaks;
  const data = track.buffer.getChannelData(0), step = data.length / width;
  track.peaks = Array.from({ length: width }, (_, x) => {
    let low = 0, high = 0;
    for (let i = Math.floor(x * step), end = Math.floor((x + 1) * step); i < end; i++) {
      if (data[i] < low) low = data[i];
      if (data[i] > high) high = data[i];
    }
    return [low, high];
  });
  return track.peaks;
}

function drawWave(track, index) {
  const canvas = track.row.querySelector("canvas");
  if (!canvas || !canvas.clientWidth) return;
  const scale = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const style = getComputedStyle(root), pen = canvas.getContext("2d");
  const done = width * position() / (seconds() || 1);
  const played = style.getPropertyValue(index === active ? "--wave-on" : "--wave-off");
  const ahead = style.getPropertyValue(index === active ? "--wave-ahead" : "--wave-off");
  const top = Math.max(...tracks.map((t) => t.top ??= loudest(t))) || 1;  // one scale for all
  pen.clearRect(0, 0, width, height);
  peaks(track, width).forEach(([low, high], x) => {
    pen.fillStyle = x < done ? played : ahead;
    const from = height / 2 * (1 - high / top), to = height / 2 * (1 - low / top);
    pen.fillRect(x, from, 1, Math.max(scale, to - from));
  });
  pen.fillStyle = style.getPropertyValue("--wave-cursor");
  pen.fillRect(Math.min(width - scale, done), 0, scale * 1.5, height);
}

function loudest(track) {
  let top = 0;
  for (const value of track.buffer.getChannelData(0)) if (Math.abs(value) > top) top = Math.abs(value);
  return top;
}

function refresh() {
  tracks.forEach(drawWave);
  const at = position();
  part("seek").value = at;
  part("seek").setAttribute("aria-valuetext", `${at.toFixed(1)} of ${seconds().toFixed(1)} seconds`);
  part("time").textContent = `${clock(at)} / ${clock(seconds())}`;
  part("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  part("play").classList.toggle("on", playing);
  part("play").disabled = part("seek").disabled = !tracks.length;
  if (playing && !loop && at >= seconds()) { silence(); offset = 0; refresh(); }
}

function tick() {
  refresh();
  if (playing) timer = requestAnimationFrame(tick);
}

function play() {
  context ||= new AudioContext();
  context.resume();
  window.dispatchEvent(new CustomEvent("nsvq-play", { detail: root }));
  startedAt = context.currentTime + LEAD_S;
  voices = tracks.map((track, index) => {
    const source = context.createBufferSource(), gain = context.createGain();
    source.buffer = track.buffer;
    source.loop = loop;
    gain.gain.value = index === active ? 1 : 0;
    source.connect(gain).connect(context.destination);
    source.start(startedAt, offset);
    return { source, gain };
  });
  playing = true;
  cancelAnimationFrame(timer);
  tick();
}

function silence() {
  offset = position();
  playing = false;
  for (const { source } of voices) source.stop();
  voices = [];
}

function toggle() {
  if (!tracks.length) return;
  if (playing) silence(); else play();
  refresh();
}

function seek(to) {
  const again = playing;
  silence();
  offset = Math.min(Math.max(0, to), Math.max(0, seconds() - 0.01));
  if (again) play();
  refresh();
}

function choose(index) {
  if (!tracks[index]) return;
  active = index;
  tracks.forEach((track, i) => {
    track.row.classList.toggle("active", i === active);
    track.row.querySelector("button").setAttribute("aria-pressed", String(i === active));
  });
  voices.forEach(({ gain }, i) =>
    gain.gain.setTargetAtTime(i === active ? 1 : 0, context.currentTime, FADE_S / 3));
  root.dataset.active = String(active);
  refresh();
}

// Keys count wherever nothing else takes them, for the player that was used last (or the first).
function listens(event) {
  if (root.contains(event.target)) return true;
  if (event.target !== document.body || !root.offsetParent || !tracks.length) return false;
  const ready = [...document.querySelectorAll(".nsvq-player[data-state=ready]")].filter((p) => p.offsetParent);
  return root === (ready.find((p) => p === window.nsvqLast) || ready[0]);
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !listens(event)) return;
  const onButton = event.target.tagName === "BUTTON", onSeek = event.target === part("seek");
  if (/^[1-9]$/.test(event.key)) choose(Number(event.key) - 1);
  else if (event.key === " " && !onButton) toggle();
  else if (event.key === "ArrowLeft" && !onSeek) seek(position() - SKIP_S);
  else if (event.key === "ArrowRight" && !onSeek) seek(position() + SKIP_S);
  else if (event.key === "Home" && !onSeek) seek(0);
  else return;
  event.preventDefault();
}
root.addEventListener("pointerdown", () => { window.nsvqLast = root; });
root.addEventListener("focusin", () => { window.nsvqLast = root; });
document.addEventListener("keydown", press);
part("play").onclick = toggle;
part("seek").oninput = () => seek(Number(part("seek").value));
part("loop").onclick = () => {
  const at = position(), again = playing;
  silence();
  loop = !loop;
  offset = at;
  part("loop").setAttribute("aria-pressed", String(loop));
  if (again) play();
};
window.addEventListener("nsvq-play", (event) => {
  if (event.detail !== root && playing) { silence(); refresh(); }
});
new ResizeObserver(refresh).observe(root);
new MutationObserver(refresh).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", () => load(props.value));
load(props.value);
