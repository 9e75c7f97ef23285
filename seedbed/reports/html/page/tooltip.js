const tip = document.getElementById("tip");
const hide = () => { tip.hidden = true; };
addEventListener("pointerover", (event) => {
  const mark = event.target.closest("figure svg :not(g)[aria-label]");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.getAttribute("aria-label").split("; ").join("\n");
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${event.clientY + box.height + 24 > innerHeight ? event.clientY - box.height - 12 : event.clientY + 16}px`;
});
addEventListener("scroll", hide, true);
addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
