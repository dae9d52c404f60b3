// What pages do with scripts that they can do without: count down, tell how many wait, keys. No state of its own.
"use strict";

(() => {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

  function span(seconds) {
    const words = [];
    let left = Math.max(0, Math.floor(seconds));
    for (const [unit, size] of units) {
      const count = Math.floor(left / size);
      left -= count * size;
      if (count) words.push(`${count} ${unit}`);
    }
    return words.slice(0, 2).join(" ") || "0 s";
  }

  // Deadlines are counted by the gateway's clock: the page says what it was when it was made.
  function countDown() {
    for (const element of document.querySelectorAll("[data-until]")) {
      if (!element.skew) element.skew = Number(element.dataset.now) - Date.now() / 1000;
      const left = Number(element.dataset.until) - Date.now() / 1000 - element.skew;
      element.textContent = left > 0 ? `${span(left)} left` : "time is up";
      element.classList.toggle("soon", left < 60);
    }
  }

  const title = document.title;

  function tell() {
    const pending = document.getElementById("pending");
    if (!pending) return;
    const count = Number(pending.dataset.count);
    document.title = count ? `(${count}) ${title}` : title;
  }

  // j and k go from request to request, / to the search.
  function keys(event) {
    const field = event.target.closest("input, textarea, select, [contenteditable]");
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === "j" || event.key === "k") {
      const cards = [...document.querySelectorAll(".request, .timeline li[id]")];
      const at = cards.indexOf(document.activeElement.closest(".request, .timeline li[id]"));
      const next = cards[event.key === "j" ? at + 1 : Math.max(0, at - 1)];
      if (next) next.focus();
    }
  }

  function play() {
    const place = document.getElementById("player");
    if (!place || !window.AsciinemaPlayer) return;
    const player = window.AsciinemaPlayer.create(place.dataset.source, place, {
      fit: "width", idleTimeLimit: 3, preload: true, theme: "auto/asciinema",
    });
    for (const link of document.querySelectorAll("[data-seek]")) {
      link.addEventListener("click", () => player.seek(Number(link.dataset.seek)));
    }
  }

  document.addEventListener("keydown", keys);
  document.addEventListener("htmx:afterSettle", () => { countDown(); tell(); });
  document.addEventListener("DOMContentLoaded", () => { countDown(); tell(); play(); setInterval(countDown, 1000); });
})();
