for (const root of document.querySelectorAll(".smc-posterior:not([data-ready])")) {
  root.dataset.ready = "";
  const source = root.querySelector("script[type='application/json']");
  const svg = root.querySelector(".smc-chart");
  const tip = root.querySelector(".smc-tip");
  if (!source || !svg || !tip) continue;
  const run = JSON.parse(source.textContent);
  const line = svg.querySelector(".smc-line");
  const steps = run.pieces.length, particles = run.final.length;
  const parent = (column, slot) => (run.ancestors[column - 1] || {})[slot] ?? slot;
  const hide = () => { tip.style.display = "none"; line.removeAttribute("d"); };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), home = root.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const slot = Math.round((y - run.top) / run.dy);
    const column = Math.max(0, Math.min(steps, Math.round((x - run.left) / run.dx)));
    if (slot < 0 || slot >= particles || x < run.left - run.dx) return hide();
    const path = [slot];
    for (let t = column; t > 0; t--) path.unshift(parent(t, path[0]));
    const before = path.slice(0, Math.min(column, steps - 1) + 1).map((s, t) => run.pieces[t][s]);
    let d = "";
    path.forEach((s, t) => {
      const px = run.left + t * run.dx, py = run.top + s * run.dy, m = px - run.dx / 2;
      const last = run.top + path[t - 1] * run.dy;
      d += t === 0 ? `M${px} ${py}` : `C${m} ${last} ${m} ${py} ${px} ${py}`;
    });
    line.setAttribute("d", d);
    const head = document.createElement("div"), text = document.createElement("pre");
    if (column === steps) {
      head.textContent = `particle ${slot + 1} · posterior weight ${(100 * run.final[slot]).toFixed(2)} %`;
      text.textContent = run.texts[slot];
    } else {
      const weight = run.weights[column][slot];
      head.textContent = `token ${column + 1} · particle ${slot + 1} · ` +
        (weight > 0 ? `weight ${weight.toFixed(2)} × mean` : "dead");
      const piece = document.createElement("b");
      piece.textContent = before.pop();
      text.append(before.join(""), piece);
    }
    tip.replaceChildren(head, text);
    tip.style.display = "block";
    const left = event.clientX - home.left + 16;
    tip.style.left = Math.max(0, Math.min(left, home.width - tip.offsetWidth - 6)) + "px";
    tip.style.top = event.clientY - home.top + 18 + "px";
  });
}
