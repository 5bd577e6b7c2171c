"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const VERDICTS = ["pass", "leak", "fail", "memory", "timeout", "exit", "skip"];
  const PAGE = 200;
  const COLUMNS = [
    { key: "verdict", title: "Verdict" },
    { key: "name", title: "Test" },
    { key: "us", title: "Time (ms)", number: true },
    { key: "fuel", title: "Fuel", number: true },
    { key: "linear", title: "Memory peak", number: true },
    { key: "peak", title: "Heap peak", number: true },
    { key: "lost", title: "Lost", number: true },
    { key: "retained", title: "Retained", number: true },
  ];
  const tests = data.tests;
  tests.forEach((test, index) => {
    test.index = index;
    test.path = data.modules[test.module] + " " + test.name;
    test.text = (test.path + "\n" + (test.reason || "") + "\n" + (test.details || "")).toLowerCase();
  });
  const by = (id) => document.getElementById(id);
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const drawn = (tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const grouped = (figure) => BigInt(figure).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const state = { order: "index", down: false, shown: PAGE, found: tests };
  const open = new Set();

  const shows = (test, column) => {
    const value = test[column.key];
    if (value === null || value === undefined) return "";
    return column.key === "us" ? (Number(value) / 1000).toFixed(3) : grouped(value);
  };

  // A plot of what is live after each call of a test in one instance.
  const plot = (growth) => {
    const values = growth.bytes.map(Number);
    const most = Math.max(1, ...values);
    const x = (nth) => 5 + (590 * nth) / Math.max(1, values.length - 1);
    const y = (value) => 105 - (95 * value) / most;
    const last = values.length - 1;
    const label = growth.what + " before the first of " + last + " calls: " + grouped(growth.bytes[0]) + "; after the last: " + grouped(growth.bytes[last]);
    const svg = drawn("svg", { viewBox: "0 0 600 125", class: "plot", role: "img", "aria-label": label });
    svg.append(drawn("line", { x1: 5, y1: 105, x2: 595, y2: 105 }));
    svg.append(drawn("polyline", { points: values.map((value, nth) => x(nth).toFixed(1) + "," + y(value).toFixed(1)).join(" ") }));
    svg.append(drawn("text", { x: 5, y: 120 }, label));
    return svg;
  };

  const numbers = (list) => list.map(Number);

  // Memory over fuel: the heap above, what the test did in a strip, linear memory below. All three have one axis.
  const timelinePlot = (test) => {
    const line = test.timeline;
    const [fuel, live, most, linear] = [line.fuel, line.live, line.most, line.linear].map(numbers);
    const times = line.events.map((event) => (event[0] === null ? null : Number(event[0])));
    const end = Math.max(1, ...fuel, ...times.map((time) => time ?? 0));
    const [highest, largest] = [Math.max(1, ...most), Math.max(1, ...linear)];
    const x = (at) => (5 + (710 * at) / end).toFixed(1);
    const peak = grouped(most.length ? Math.max(...most) : 0);
    const size = grouped(linear.length ? linear[linear.length - 1] : 0);
    const label = "Memory over " + grouped(end) + " units of fuel: at most " + peak + " bytes live on the heap, " + size +
      " bytes of linear memory at the end, " + line.events.length + " events. The table below has the figures.";
    const svg = drawn("svg", { viewBox: "0 0 720 240", class: "plot timeline", role: "img", "aria-label": label });
    // From what there was at the beginning, each figure holds up to the next.
    const steps = (values, first, top, height, scale) => {
      const y = (value) => (top + height - (height * value) / scale).toFixed(1);
      let [path, before] = ["", first];
      values.forEach((value, nth) => {
        path += (nth ? "H" + x(fuel[nth]) : "M5," + y(before) + "H" + x(fuel[0])) + "V" + y(value);
        before = value;
      });
      return path + "H" + x(end);
    };
    const panel = (top, height, text) => {
      svg.append(drawn("line", { x1: 5, y1: top + height, x2: 715, y2: top + height }));
      svg.append(drawn("text", { x: 5, y: top - 4 }, text));
    };
    panel(16, 90, line.no_heap ? "Heap: not known, " + line.no_heap : "Live on the heap: at most " + peak + " bytes");
    if (!line.no_heap && fuel.length) {
      svg.append(drawn("path", { class: "most", d: steps(most, 0, 16, 90, highest) }));
      svg.append(drawn("path", { class: "live", d: steps(live, 0, 16, 90, highest) }));
    }
    panel(124, 14, "What it did" + (line.left_out > 0 ? " (" + grouped(line.left_out) + " events are left out)" : ""));
    line.events.forEach(([, words, failed], nth) => {
      if (times[nth] === null) return;
      const tick = drawn("path", { class: failed ? "event failed" : "event", d: "M" + x(times[nth]) + ",124v14" });
      tick.append(drawn("title", {}, grouped(times[nth]) + ": " + words));
      svg.append(tick);
    });
    panel(160, 55, "Linear memory: " + size + " bytes at the end");
    if (fuel.length) svg.append(drawn("path", { class: "linear", d: steps(linear, linear[0], 160, 55, largest) }));
    svg.append(drawn("text", { x: 5, y: 232 }, "0"));
    svg.append(drawn("text", { x: 715, y: 232, "text-anchor": "end" }, grouped(end) + " units of fuel"));
    return svg;
  };

  // The same for whoever does not see the plot: moments and events in one order.
  const timelineTable = (test) => {
    const line = test.timeline;
    const rows = line.fuel.map((fuel, nth) => ({
      fuel: Number(fuel), order: nth, cells: [grouped(fuel), "", grouped(line.live[nth]), grouped(line.most[nth]), grouped(line.linear[nth])],
    }));
    let last = 0;
    line.events.forEach(([fuel, words], nth) => {
      if (fuel !== null) last = Number(fuel);
      rows.push({ fuel: last, order: nth - line.events.length, cells: [fuel === null ? "" : grouped(fuel), words, "", "", ""] });
    });
    rows.sort((a, b) => a.fuel - b.fuel || a.order - b.order);
    const heads = ["Fuel", "What it did", "Live on the heap", "At most before", "Linear memory"];
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
    const body = rows.map((row) => make("tr", {}, ...row.cells.map((text, nth) => make("td", { class: nth === 1 ? "" : "number" }, text))));
    return make("table", { "aria-label": "Timeline of " + test.path }, make("thead", {}, head), make("tbody", {}, ...body));
  };

  const timelineOf = (test) => {
    const table = make("details", {}, make("summary", {}, "The timeline as a table"));
    // It is made when it is opened: most tables are not looked at.
    table.addEventListener("toggle", () => table.children.length > 1 || table.append(make("div", { class: "wide" }, timelineTable(test))));
    return [timelinePlot(test), table];
  };

  const functionsOf = (test) => {
    const all = [...test.functions, ...(test.other_functions ? [["all others", test.other_functions]] : [])];
    const head = make("tr", {}, make("th", { scope: "col" }, "Fuel by function"), make("th", { scope: "col", class: "number" }, "Fuel"));
    const rows = all.map(([place, fuel]) => make("tr", {}, make("td", {}, place), make("td", { class: "number" }, grouped(fuel))));
    return make("table", { class: "functions", "aria-label": "Fuel of " + test.path + " by function" }, make("thead", {}, head), make("tbody", {}, ...rows));
  };

  const subtestsOf = (test) => {
    const columns = COLUMNS.map((column) => (column.key === "name" ? { key: "name", title: "Subtest" } : column)).concat({ key: "leaks", title: "Left", number: true });
    const head = make("tr", {}, ...columns.map((column) => make("th", { scope: "col", class: column.number ? "number" : "" }, column.title)));
    const cell = (subtest, column) => {
      if (column.key === "verdict") return make("td", { class: "verdict " + (subtest.verdict === "skip" ? "skip-word" : subtest.verdict) }, subtest.verdict);
      return make("td", column.number ? { class: "number" } : {}, column.number ? shows(subtest, column) : subtest.name);
    };
    const rows = test.subtests.map((subtest) => make("tr", {}, ...columns.map((column) => cell(subtest, column))));
    return make("table", { class: "subtests", "aria-label": "Subtests of " + test.path }, make("thead", {}, head), make("tbody", {}, ...rows));
  };

  const rowsOf = (test) => {
    const row = make("tr", {});
    for (const column of COLUMNS) {
      if (column.key === "verdict") {
        row.append(make("td", { class: "verdict " + (test.verdict === "skip" ? "skip-word" : test.verdict) }, test.verdict));
      } else if (column.key === "name") {
        const cell = make("td", { class: "name" });
        if (test.details || test.growth || test.timeline || test.functions || test.subtests) {
          const id = "details-" + test.index;
          const button = make("button", { type: "button", "aria-expanded": String(open.has(test.index)), "aria-controls": id }, test.path);
          button.addEventListener("click", () => toggle(test, row, button, id));
          cell.append(button);
        } else {
          cell.append(test.path);
        }
        if (test.reason) cell.append(": " + test.reason);
        row.append(cell);
      } else {
        row.append(make("td", { class: "number" }, shows(test, column)));
      }
    }
    return open.has(test.index) ? [row, detailsOf(test, "details-" + test.index)] : [row];
  };

  const detailsOf = (test, id) => {
    const cell = make("td", { colspan: COLUMNS.length });
    if (test.details) cell.append(make("pre", { tabindex: "0", "aria-label": "Details of " + test.path }, test.details));
    if (test.growth) cell.append(plot(test.growth));
    if (test.timeline) cell.append(...timelineOf(test));
    if (test.functions) cell.append(functionsOf(test));
    if (test.subtests) cell.append(make("div", { class: "wide" }, subtestsOf(test)));
    return make("tr", { id, class: "details" }, cell);
  };

  const toggle = (test, row, button, id) => {
    const opens = !open.has(test.index);
    if (opens) {
      open.add(test.index);
      row.after(detailsOf(test, id));
    } else {
      open.delete(test.index);
      by(id).remove();
    }
    button.setAttribute("aria-expanded", String(opens));
  };

  const compare = (a, b) => {
    const [left, right] = [a[state.order], b[state.order]];
    let order;
    // What is not known comes last, whichever way the others go.
    if (left === null || right === null) return (left === null) - (right === null) || a.index - b.index;
    if (state.order === "verdict") order = VERDICTS.indexOf(left) - VERDICTS.indexOf(right);
    else if (state.order === "name") order = a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
    else order = Number(left) - Number(right);
    return (state.down ? -order : order) || a.index - b.index;
  };

  const wanted = () => new Set([...by("verdicts").querySelectorAll("input:checked")].map((box) => box.value));
  const find = () => {
    const words = by("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = wanted();
    state.found = tests.filter((test) => verdicts.has(test.verdict) && words.every((word) => test.text.includes(word))).sort(compare);
    state.shown = PAGE;
    draw();
  };
  const draw = () => {
    by("rows").replaceChildren(...state.found.slice(0, state.shown).flatMap(rowsOf));
    told();
  };
  const told = () => {
    const shown = Math.min(state.shown, state.found.length);
    by("shown").textContent = grouped(shown) + " of " + grouped(state.found.length) + " matching tests shown, " + grouped(tests.length) + " in all";
    by("more").hidden = shown === state.found.length;
  };

  for (const verdict of VERDICTS) {
    const count = tests.filter((test) => test.verdict === verdict).length;
    if (count === 0) continue;
    const box = make("input", { type: "checkbox", value: verdict, checked: "" });
    box.addEventListener("change", find);
    by("verdicts").append(make("label", {}, box, " " + verdict + " (" + grouped(count) + ")"));
  }
  for (const column of COLUMNS) {
    const button = make("button", { type: "button" }, column.title);
    const head = make("th", { scope: "col", class: column.number ? "number" : "", "aria-sort": "none" }, button);
    button.addEventListener("click", () => {
      state.down = state.order === column.key ? !state.down : Boolean(column.number);
      state.order = column.key;
      for (const other of by("columns").children) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      find();
    });
    by("columns").append(head);
  }
  by("search").addEventListener("input", find);
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  by("more").addEventListener("click", () => {
    const from = state.shown;
    state.shown += PAGE;
    by("rows").append(...state.found.slice(from, state.shown).flatMap(rowsOf));
    told();
  });
  by("theme").hidden = false;
  by("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  find();
})();
